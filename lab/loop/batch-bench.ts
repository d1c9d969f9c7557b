// Sixteen devices on the real engine against a bare llama_decode loop that computes the same batches: what sessions,
// sockets, batching and judging leave of the engine's speed. Devices replay (replay-drafter.ts) without delay; the target
// is inflated; nothing else is emulated.

import type { RecordedPass } from '../../src/cli/demo/pass-recorder.js';
import { startServerProcess } from '../../src/cli/demo/server-handle.js';
import { openLlama } from '../../src/engine/llama/ffi.js';
import type { LlamaOptions } from '../../src/engine/llama/index.js';
import { findLibrary } from '../../src/engine/llama/library.js';
import { NativeModel } from '../../src/engine/llama/native-model.js';
import { resolveOptions } from '../../src/engine/llama/options.js';
import type { Vocabulary } from '../../src/engine/vocabulary.js';
import type { Sampling } from '../../src/math/sampling.js';
import { mean, median, medianInterval } from '../../src/math/statistics.js';
import { connectDevice, write } from './fleet.js';
import type { Recording } from './recording.js';
import { replayDrafter } from './replay-drafter.js';

export interface BatchRow {
  readonly devices: number;
  /** Tokens a second in units of the bare loop's: median over turns with its interval. */
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
  readonly turns: number;
  readonly tokensPerSecond: number;
  /** Sessions, tokens and rows of a pass, means. */
  readonly sessionsPerPass: number;
  readonly rowsPerPass: number;
  readonly passes: number;
  readonly decodeShare: number;
}

/** Of the bare loop's tokens a second. */
export const batchAtLeast = 0.9;

const draftLength = 2;

/** @param recordings one for each device. */
export async function benchBatch(
  modelPath: string,
  vocabulary: Vocabulary,
  recordings: readonly Recording[],
  sampling: Sampling,
  turns: number,
): Promise<BatchRow> {
  const slotCount = recordings.length;
  const options: LlamaOptions = {
    modelPath,
    slotCount,
    contextLength: 256,
    threads: 1,
    probe: false,
  };
  const server = await startServerProcess({ kind: 'llama', options, pace: null });
  const bare = new NativeModel(openLlama(findLibrary()), resolveOptions(options, 256));
  const url = `ws://127.0.0.1:${server.port}`;
  const make = replayDrafter(recordings, 0, 256);
  const drafter = { kind: 'custom', make, contextLength: 256 } as const;
  const devices = await Promise.all(recordings.map(() => connectDevice(url, vocabulary, drafter)));
  const ratios: number[] = [];
  const speeds: number[] = [];
  let passes: readonly RecordedPass[] = [];
  let servedMs = 0;
  for (let turn = -1; turn < turns; turn++) {
    await server.report();
    const startedMs = performance.now();
    const written = await Promise.all(
      devices.map((device, index) => {
        const { prompt, seed, text } = recordings[index]!;
        return write(device, {
          prompt,
          seed,
          sampling,
          scheme: 'coupled',
          mode: 'stop-and-wait',
          tokensMax: text.length,
          windowMax: draftLength,
          stopRule: { kind: 'fixed', draftLengthMax: draftLength },
        });
      }),
    );
    servedMs = performance.now() - startedMs;
    passes = (await server.report()).passes;
    const bareMs = replay(bare, passes);
    if (turn < 0) continue;
    const tokens = written.reduce((sum, one) => sum + one.tokens.length, 0);
    ratios.push(bareMs / servedMs);
    speeds.push((1000 * tokens) / servedMs);
  }
  for (const device of devices) await device.close();
  bare.close();
  await server.stop();
  return {
    devices: slotCount,
    ratio: median(ratios),
    ...medianInterval(ratios),
    turns,
    tokensPerSecond: median(speeds),
    sessionsPerPass: mean(passes.map(({ segments }) => segments.length)),
    rowsPerPass: mean(
      passes.map(({ segments }) => segments.reduce((sum, [, , , rows]) => sum + rows, 0)),
    ),
    passes: passes.length,
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
