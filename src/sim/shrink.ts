// Cuts a failing run down: removes requests and faults as long as the same property breaks, so that
// a person can read the rest. Delta debugging (Zeller, Hildebrandt 2002), on requests and faults in
// turn.

import { type Report, type RunOptions, runPlan } from './simulate.js';
import type { RunPlan } from './world.js';

export interface Shrunk {
  readonly plan: RunPlan;
  readonly report: Report;
  /** Runs that it took. */
  readonly runCount: number;
}

/**
 * The smallest run that was found to break the same property first.
 *
 * @param plan breaks one.
 * @param runsMax bounds the search.
 */
export function shrink(plan: RunPlan, options: RunOptions = {}, runsMax = 400): Shrunk {
  let best = { plan, report: runPlan(plan, options) };
  let runCount = 1;
  const check = best.report.violations[0]?.check;
  const accepts = (smaller: RunPlan): boolean => {
    if (runCount >= runsMax) return false;
    runCount++;
    const report = runPlan(smaller, options);
    if (report.violations[0]?.check !== check) return false;
    best = { plan: smaller, report };
    return true;
  };
  for (let before = Infinity; sizeOf(best.plan) < before && check !== undefined; ) {
    before = sizeOf(best.plan);
    reduce(best.plan.asks, (asks) => accepts({ ...best.plan, asks }));
    reduce(best.plan.faults, (faults) => accepts({ ...best.plan, faults }));
  }
  return { ...best, runCount };
}

const sizeOf = ({ asks, faults }: RunPlan): number => asks.length + faults.length;

/**
 * Takes away halves, then quarters, and so on down to single ones, while what is left is accepted.
 */
function reduce<T>(all: readonly T[], accepts: (left: readonly T[]) => boolean): void {
  let left = all;
  if (left.length > 0 && accepts([])) return;
  for (
    let size = Math.ceil(left.length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let from = 0; from < left.length; ) {
      const rest = [...left.slice(0, from), ...left.slice(from + size)];
      if (accepts(rest)) left = rest;
      else from += size;
    }
  }
}
