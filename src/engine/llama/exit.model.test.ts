// Early exits of real models: the rows they read are the stream of the target, whatever shares the
// pass, and reading them changes no bit of what the target answers.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PilotfishError } from '../../base/error.js';
import { exitHintsContract } from '../exit-hints.suite.js';
import { uint32Value } from '../gguf/encode.js';
import { checkModelFile } from '../gguf/model-file.js';
import { readGguf } from '../gguf/reader.js';
import { readTensor } from '../gguf/tensor-data.js';
import { writeGguf } from '../gguf/writer.js';
import type { Part } from '../row-model.js';
import { type ExitChoice, planExit } from './exit-plan.js';
import { openLlama } from './ffi/llama.js';
import { openTensors } from './ffi/tensors.js';
import { findLibrary } from './library.js';
import { loadLlamaEngine } from './llama-engine.js';
import { contextParams } from './native-context.js';
import { NativeModel } from './native-model.js';
import { type LlamaOptions, resolveOptions } from './options.js';

const folder = mkdtempSync(join(tmpdir(), 'pilotfish-exit-test-'));
after(() => rmSync(folder, { recursive: true }));
const bundled = (name: string): string =>
  fileURLToPath(new URL(`../../../../models/${name}`, import.meta.url));
const f16 = bundled('stories-target-f16.gguf');

const shape = { slotCount: 3, contextLength: 64, passTokensMax: 48, threads: 1 };

const files = findLibrary();
const llama = openLlama(files);
const tensors = openTensors(files);

function nativeModel(modelPath: string, exit: ExitChoice | null, more: Partial<LlamaOptions> = {}) {
  const plan = exit && planExit(exit, checkModelFile(modelPath));
  const options = resolveOptions({ modelPath, ...shape, ...more }, 512, plan);
  return new NativeModel(llama, options, plan && tensors);
}

/** The first blocks of a model with its own norm and output: what the logit lens is said to be. */
function truncatedModel(modelPath: string, layer: number): string {
  const header = readGguf(modelPath);
  const path = join(folder, `first-${layer}.gguf`);
  const metadata = new Map(header.metadata).set('llama.block_count', uint32Value(layer));
  const kept = header.tensors.filter(({ name }) => {
    const block = /^blk\.(\d+)\./.exec(name)?.[1];
    return block === undefined || Number(block) < layer;
  });
  writeGguf(
    path,
    metadata,
    kept.map((tensor) => ({ ...tensor, pieces: () => [readTensor(header, tensor)] })),
  );
  return path;
}

const tokenAt = (slot: number, position: number): number =>
  3 + ((slot * 7919 + position * 104729) % 4000);
const part = (slot: number, from: number, count: number, rowCount: number): Part => ({
  slot,
  from,
  tokens: Int32Array.from({ length: count }, (_, index) => tokenAt(slot, from + index)),
  rowCount,
});

/** A prefill in two chunks, judged ends of every kind, and a chunk that is judged at its end. */
const passes: readonly (readonly Part[])[] = [
  [part(0, 0, 9, 0), part(1, 0, 5, 1)],
  [part(0, 9, 7, 2), part(1, 5, 4, 4), part(2, 0, 21, 0)],
  [part(2, 21, 1, 1), part(0, 16, 5, 5), part(1, 9, 3, 1)],
];

/** Rows of logits of every pass, as the exit gives them and as the model does. */
function rowsOf(model: NativeModel) {
  const exitRows: Float32Array[] = [];
  const rows: Float32Array[] = [];
  for (const parts of passes) {
    const first = rows.length;
    model.feed(parts, ({ from, count, row }) => {
      assert.equal(first + from, exitRows.length, 'rows come in order');
      for (let index = from; index < from + count; index++) exitRows.push(row(index).slice());
    });
    const count = parts.reduce((sum, { rowCount }) => sum + rowCount, 0);
    for (let index = 0; index < count; index++) rows.push(model.row(index).slice());
  }
  model.close();
  return { exitRows, rows };
}

const largestDifference = (one: Float32Array, other: Float32Array): number =>
  one.reduce((most, value, index) => Math.max(most, Math.abs(value - other[index]!)), 0);

for (const deterministic of [false, true]) {
  describe(`rows of an early exit, deterministic ${deterministic}`, () => {
    for (const [file, layer] of [
      ['stories-target-f16.gguf', 1],
      ['stories-target-f16.gguf', 5],
      ['stories-target-q8_0.gguf', 3],
    ] as const) {
      it(`are those of the first ${layer} blocks of ${file} alone, for every row that is judged`, () => {
        const { exitRows } = rowsOf(nativeModel(bundled(file), { layer }, { deterministic }));
        const reference = nativeModel(truncatedModel(bundled(file), layer), null, {
          deterministic,
        });
        const { rows } = rowsOf(reference);
        assert.equal(exitRows.length, rows.length);
        exitRows.forEach((row, index) => {
          // The exit's kernels see rows in other company than the reference's, and round
          // differently.
          const difference = largestDifference(row, rows[index]!);
          assert.ok(difference < 0.05, `row ${index} differs by ${difference}`);
        });
      });
    }
  });
}

describe('an early exit', () => {
  it('changes no bit of the rows of its model', () => {
    for (const file of ['stories-target-f16.gguf', 'stories-target-q8_0.gguf']) {
      for (const deterministic of [true, false]) {
        const bare = rowsOf(nativeModel(bundled(file), null, { deterministic }));
        const tapped = rowsOf(nativeModel(bundled(file), { layer: 4 }, { deterministic }));
        assert.deepEqual(tapped.rows, bare.rows);
        assert.equal(bare.exitRows.length, 0);
        assert.equal(tapped.exitRows.length, bare.rows.length);
      }
    }
  });

  it('is the only reason for llama.cpp to call back', () => {
    const options = resolveOptions({ modelPath: f16, ...shape }, 512);
    assert.equal(options.exit, null);
    assert.equal(contextParams(llama, options, null).cb_eval, null);
    // Without the door to tensors nothing can be registered; a model without an exit needs none.
    new NativeModel(llama, options, null).close();
  });

  it('is refused where its layer, its cache or its head cannot be', async () => {
    const refuses = (code: string, options: Partial<LlamaOptions>) =>
      assert.rejects(
        loadLlamaEngine({ modelPath: f16, ...shape, ...options }),
        (error) => error instanceof PilotfishError && error.code === code,
      );
    await refuses('usage', { exit: { layer: 8 } });
    await refuses('usage', { exit: { layer: 0 } });
    await refuses('usage', { exit: { layer: 4 }, unifiedCache: false });
    await refuses('exit-head-mismatch', { exit: { headPath: f16 } });
    await refuses('model-not-found', { exit: { headPath: join(folder, 'none.gguf') } });
  });
});

const heads = ['stories-target-f16.gguf', 'stories-target-q8_0.gguf'] as const;
for (const file of heads) {
  exitHintsContract(`logit lens of ${file}`, () =>
    loadLlamaEngine({
      modelPath: bundled(file),
      ...shape,
      exit: { layer: 4 },
      deterministic: true,
    }),
  );
}
exitHintsContract('one cache for all slots', () =>
  loadLlamaEngine({ modelPath: f16, ...shape, exit: { layer: 4 } }),
);
