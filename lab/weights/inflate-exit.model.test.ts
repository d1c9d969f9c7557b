// The exit head of an inflated target guesses what the head of its source guesses, number by
// number.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkModelFile } from '../../src/engine/gguf/model-file.js';
import { planExit } from '../../src/engine/llama/exit-plan.js';
import { openLlama } from '../../src/engine/llama/ffi/llama.js';
import { openTensors } from '../../src/engine/llama/ffi/tensors.js';
import { findLibrary } from '../../src/engine/llama/library.js';
import { NativeModel } from '../../src/engine/llama/native-model.js';
import { resolveOptions } from '../../src/engine/llama/options.js';
import { type InflateOptions, inflate } from './inflate.js';
import { inflateExit } from './inflate-exit.js';

const bundled = (name: string): string =>
  fileURLToPath(new URL(`../../../models/${name}-f16.gguf`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'pilotfish-inflate-exit-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const files = findLibrary();
const tokens = Int32Array.from({ length: 12 }, (_, index) => 3 + ((index * 7919) % 4000));

/** The exit's logits of the last five tokens. */
function exitRows(modelPath: string, headPath: string): Float32Array[] {
  const plan = planExit({ headPath }, checkModelFile(modelPath));
  const options = { modelPath, contextLength: 32, passTokensMax: 16, threads: 1 };
  const llama = openLlama(files);
  const model = new NativeModel(llama, resolveOptions(options, 32, plan), openTensors(files));
  const found: Float32Array[] = [];
  model.feed([{ slot: 0, from: 0, tokens, rowCount: 5 }], ({ count, row }) => {
    for (let index = 0; index < count; index++) found.push(row(index).slice());
  });
  model.close();
  return found;
}

const cases: readonly InflateOptions[] = [
  { blockCount: 16 },
  { blockCount: 11, embeddingLength: 1024 },
  { blockCount: 16, embeddingLength: 1024, feedForwardLength: 2816, vocabSize: 5000 },
];

describe('inflated exit heads', () => {
  const source = bundled('stories-target');
  const head = bundled('stories-exit-4');
  for (const options of cases) {
    it(`guess as before with ${JSON.stringify(options)}`, () => {
      const [target, inflatedHead] = [join(folder, 'target.gguf'), join(folder, 'head.gguf')];
      inflate(source, target, options);
      inflateExit(head, target, inflatedHead);
      const [before, behind] = [exitRows(source, head), exitRows(target, inflatedHead)];
      assert.equal(behind.length, 5);
      behind.forEach((row, index) => {
        const real = row.subarray(0, 4096);
        real.forEach((logit, token) => {
          const apart = Math.abs(logit - before[index]![token]!);
          assert.ok(apart < 0.02, `row ${index}, token ${token}: ${apart}`);
        });
        const largest = real.reduce((most, logit) => Math.max(most, logit), -Infinity);
        assert.ok(row.subarray(4096).every((logit) => logit < largest - 100));
      });
    });
  }
});
