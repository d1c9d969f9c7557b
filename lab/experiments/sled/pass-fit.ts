// Measures passes of a real engine and fits the line of math/pass-time.ts to them, for simulations
// of larger fleets. The error is that of passes that the fit has not seen.

import { slotId } from '../../../src/base/brand.js';
import type { Segment } from '../../../src/engine/engine.js';
import { loadLlamaEngine } from '../../../src/engine/llama/index.js';
import { type PassShape, passMsOf } from '../../../src/math/pass-time.js';
import { plainSampling } from '../../../src/math/sampling.js';
import { median } from '../../../src/math/statistics.js';
import { passShapeOf } from '../../../src/server/core/passes/pass-builder.js';
import { passCostFrom } from '../../../src/sim/pass-cost.suite.js';

export type PassFit = Awaited<ReturnType<typeof fitPasses>>;

const prefix = 64;
const slotCount = 8;
const sessionCounts = [1, 2, 4, 8];
const rowCounts = [1, 2, 3, 5];

/** @param turns passes of each shape; every second is held out. */
export async function fitPasses(
  modelPath: string,
  turns: number,
  signal: { readonly aborted: boolean },
) {
  const options = { modelPath, slotCount, contextLength: 160, threads: 1, probe: false };
  const engine = await loadLlamaEngine(options);
  for (let slot = 0; slot < slotCount; slot++) {
    await engine.open(slotId(slot), { sampling: plainSampling, seed: 0n, promptLength: prefix });
    const tokens = new Int32Array(prefix).fill(5);
    await engine.pass([{ slot: slotId(slot), from: 0, tokens, judge: null }]);
  }
  const measured: TimedPass[][] = [[], []];
  // Round by round, so that a busy moment of the machine meets all shapes.
  for (let turn = -1; turn < turns && !signal.aborted; turn++) {
    for (const sessions of sessionCounts) {
      for (const rows of rowCounts) {
        const segments = segmentsOf(sessions, rows);
        const { decodeMs, judgeMs } = await engine.pass(segments);
        for (const { slot } of segments) await engine.truncate(slot, prefix);
        if (turn < 0) continue;
        measured[turn % 2]!.push({ shape: passShapeOf(segments), ms: decodeMs + judgeMs });
      }
    }
  }
  await engine.close();
  return fitOf(measured[0]!, measured[1]!);
}

function segmentsOf(sessions: number, rows: number): Segment[] {
  return Array.from({ length: sessions }, (_, slot) => ({
    slot: slotId(slot),
    from: prefix,
    tokens: new Int32Array(rows).fill(5),
    judge: { scheme: 'greedy', draftCount: rows - 1 },
  }));
}

type TimedPass = { readonly shape: PassShape; readonly ms: number };

function fitOf(seen: readonly TimedPass[], unseen: readonly TimedPass[]) {
  const cost = passCostFrom(seen);
  const errors = unseen.map(({ shape, ms }) => Math.abs(ms - passMsOf(cost, shape)) / ms);
  return {
    cost,
    passCount: seen.length + unseen.length,
    /** Median of |measured - predicted| / measured over the passes held out. */
    errorShare: median(errors),
  };
}
