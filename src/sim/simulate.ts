// Simulates a scenario with a seed and returns a report. The same two give the same report, on any
// machine and at any time.

import { checkBounds } from './check/bounds.js';
import type { CheckerContext, CheckName, MakeChecker } from './check/checker.js';
import { checkConduct } from './check/conduct.js';
import { checkContinuity } from './check/continuity.js';
import { checkExactness } from './check/exactness.js';
import { checkLiveness, openWork } from './check/liveness.js';
import { checkSlots } from './check/slots.js';
import { checkTokenCounts } from './check/tokens.js';
import { checkVerdicts } from './check/verdicts.js';
import type { Observer } from './observer.js';
import type { Scenario } from './scenario.js';
import type { SimAnswer } from './sim-answer.js';
import { type Counts, RunTally } from './tally.js';
import { type Tampering, untampered } from './tampering.js';
import { planRun, type RunPlan, World } from './world.js';

const checkers: { readonly [check in CheckName]: MakeChecker } = {
  exactness: checkExactness,
  verdicts: checkVerdicts,
  continuity: checkContinuity,
  liveness: checkLiveness,
  conduct: checkConduct,
  slots: checkSlots,
  tokens: checkTokenCounts,
  bounds: checkBounds,
};

export interface Violation {
  /** `crash`: a core threw, which it must never do. */
  readonly check: CheckName | 'crash';
  readonly message: string;
  /** Virtual time. */
  readonly atMs: number;
}

export interface Report {
  readonly scenario: string;
  readonly seed: number;
  readonly virtualMs: number;
  readonly eventCount: number;
  readonly deviceCount: number;
  /** The first is the cause; those behind it followed at the same event. */
  readonly violations: readonly Violation[];
  readonly counts: Counts;
  /**
   * Of answers that ended, in milliseconds: from asking to the first token, and for each token
   * behind it.
   */
  readonly firstTokenMs: readonly number[];
  readonly tokenMs: readonly number[];
  /** From the first answer asked for to the last one ended. */
  readonly writingMs: number;
}

export interface RunOptions {
  /** Makes observers beside the checkers. @param now virtual time. */
  readonly observe?: (now: () => number) => readonly Observer[];
  readonly tampering?: Tampering;
  /** Answers whose times the report tells. Default: all. */
  readonly times?: (answer: SimAnswer) => boolean;
  /** Default: all. Empty: only the run itself. */
  readonly checks?: readonly CheckName[];
}

/** Runs a scenario with a seed. */
export function simulate(scenario: Scenario, seed: number, options: RunOptions = {}): Report {
  return runPlan(planRun(scenario, seed), options);
}

/** Runs what was planned, or what is left of it. */
export function runPlan(plan: RunPlan, options: RunOptions = {}): Report {
  const violations: Violation[] = [];
  const violate = (check: Violation['check'], message: string): void => {
    violations.push({ check, message, atMs: world.nowMs });
    world.stop();
  };
  const context: CheckerContext = { world: () => world, violate };
  const tally = new RunTally(() => world.nowMs);
  const names = options.checks ?? (Object.keys(checkers) as CheckName[]);
  const watching = names.map((name) => checkers[name](context));
  const seeing = options.observe?.(() => world.nowMs) ?? [];
  const observers = [tally, ...seeing, ...watching];
  const world: World = new World(plan, observers, options.tampering ?? untampered);
  try {
    world.run();
    const open = violations.length === 0 ? openWork(context) : null;
    if (open !== null) violate('liveness', open);
  } catch (reason) {
    // Any exception of a core is a bug: peers and callers cause codes, not exceptions.
    violate('crash', reason instanceof Error ? (reason.stack ?? reason.message) : `${reason}`);
  }
  const timed = world.answers.filter(options.times ?? (() => true));
  return reportOf({ world, timed }, plan, violations, tally.counts);
}

function reportOf(
  { world, timed }: { world: World; timed: readonly SimAnswer[] },
  { scenario, seed, deviceCount }: RunPlan,
  violations: readonly Violation[],
  counts: Counts,
): Report {
  const done = timed.filter(({ transcript }) => transcript.end?.kind === 'ended');
  const started = done.filter(({ firstTokenAtMs }) => firstTokenAtMs !== null);
  return {
    scenario: scenario.name,
    seed,
    virtualMs: world.nowMs,
    eventCount: world.eventCount,
    deviceCount,
    violations,
    counts,
    firstTokenMs: started.map(({ firstTokenAtMs, askedAtMs }) => firstTokenAtMs! - askedAtMs),
    tokenMs: started
      .filter(({ transcript }) => transcript.finalCount > 1)
      .map(
        ({ firstTokenAtMs, endedAtMs, transcript }) =>
          (endedAtMs! - firstTokenAtMs!) / (transcript.finalCount - 1),
      ),
    writingMs: writingMsOf(done),
  };
}

function writingMsOf(done: readonly SimAnswer[]): number {
  const first = Math.min(...done.map(({ askedAtMs }) => askedAtMs));
  return done.length === 0 ? 0 : Math.max(...done.map(({ endedAtMs }) => endedAtMs!)) - first;
}
