// Times sixteen replaying devices on the real engine against a bare llama_decode loop of the same
// batches: what sessions, sockets, batching and judging leave of the engine's speed.

import type { RecordedPass } from '../../src/cli/demo/pass-recorder.js';
import type { NativeModel } from '../../src/engine/llama/native-model.js';
import { medianEstimate } from '../../src/math/estimate.js';
import { mean } from '../../src/math/statistics.js';
import { openBare } from '../bare-model.js';
import {
  LoopFixture,
  llamaServer,
  plainRounds,
  type RecordedTexts,
  replayAll,
} from './loop-fixture.js';
import { replayDrafter } from './replay-drafter.js';

const draftLength = 2;
const contextLength = 256;

/** Tokens a second in units of the bare loop's. @param texts one for each device. */
export async function benchBatch(modelPath: string, texts: RecordedTexts, turns: number) {
  const { recordings, vocabulary } = texts;
  const options = { modelPath, slotCount: recordings.length, contextLength };
  const loop = await LoopFixture.open(llamaServer(options), vocabulary, null);
  const bare = openBare(options);
  const drafter = replayDrafter(recordings, 0, contextLength);
  const devices = await loop.connectAll(recordings.length, drafter);
  const ratios: number[] = [];
  let passes: readonly RecordedPass[] = [];
  let servedMs = 0;
  for (let turn = -1; turn < turns; turn++) {
    await loop.server.report();
    const startedMs = performance.now();
    await replayAll(devices, texts, plainRounds(draftLength));
    servedMs = performance.now() - startedMs;
    passes = (await loop.server.report()).passes;
    const bareMs = replay(bare, passes);
    if (turn < 0) continue;
    ratios.push(bareMs / servedMs);
  }
  bare.close();
  await loop.close();
  const rowsOf = ({ segments }: RecordedPass) => segments.map(([, , , rows]) => rows);
  return {
    devices: recordings.length,
    ratio: medianEstimate(ratios),
    // Of a pass, in the last turn.
    sessions: mean(passes.map(({ segments }) => segments.length)),
    rows: passes.flatMap(rowsOf).reduce((sum, rows) => sum + rows, 0) / passes.length,
    decodeShare: passes.reduce((sum, { decodeMs }) => sum + decodeMs, 0) / servedMs,
  };
}

/** The same batches without anything around them. @returns milliseconds. */
function replay(bare: NativeModel, passes: readonly RecordedPass[]): number {
  let ms = 0;
  const lengths = new Map<number, number>();
  for (const { segments } of passes) {
    const startedMs = performance.now();
    for (const [slot, from] of segments)
      bare.truncate(slot, Math.min(from, lengths.get(slot) ?? 0));
    bare.feed(
      segments.map(([slot, from, count, rowCount]) => ({
        slot,
        from,
        tokens: new Int32Array(count).fill(5),
        rowCount,
      })),
    );
    ms += performance.now() - startedMs;
    for (const [slot, from, count] of segments) lengths.set(slot, from + count);
  }
  return ms;
}
