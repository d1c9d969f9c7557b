// The bits of a row of logits, compared directly: texts would show a difference only where it falls on a near tie.

import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openLlama } from './ffi.js';
import { findLibrary } from './library.js';
import { NativeModel } from './native-model.js';
import { resolveOptions } from './options.js';

const modelPath = (name: string): string =>
  fileURLToPath(new URL(`../../../models/${name}`, import.meta.url));

/** The tokens before the row, the same in every case. */
const text = Int32Array.from({ length: 48 }, (_, index) => 3 + ((index * 7919) % 4000));

interface Company {
  readonly name: string;
  /** Tokens of the row's own segment, and rows of logits that it asks for. */
  readonly tokens: number;
  readonly rows: number;
  /** Tokens and rows of each other segment. */
  readonly others?: readonly (readonly [tokens: number, rows: number])[];
}

const companies: readonly Company[] = [
  { name: 'two tokens, two rows', tokens: 2, rows: 2 },
  { name: 'two tokens, one row', tokens: 2, rows: 1 },
  { name: 'five tokens, one row', tokens: 5, rows: 1 },
  { name: 'nine rows', tokens: 9, rows: 9 },
  { name: 'seventeen rows', tokens: 17, rows: 17 },
  { name: 'alone beside a prefill', tokens: 1, rows: 1, others: [[7, 0]] },
  { name: 'alone beside a step', tokens: 1, rows: 1, others: [[1, 1]] },
  {
    name: 'five rows beside many',
    tokens: 5,
    rows: 5,
    others: [
      [5, 5],
      [3, 1],
      [1, 1],
    ],
  },
];

for (const file of [
  'stories-target-f16.gguf',
  'stories-target-q8_0.gguf',
  'stories-draft-f16.gguf',
]) {
  describe(`deterministic rows of ${file}`, () => {
    const options = {
      modelPath: modelPath(file),
      slotCount: 4,
      contextLength: 64,
      passTokensMax: 64,
      passRowsMax: 64,
      threads: 1,
      deterministic: true,
    };
    const model = new NativeModel(openLlama(findLibrary()), resolveOptions(options, 512));
    after(() => model.close());

    function rowIn({ tokens, rows, others = [] }: Company): Float32Array {
      for (let slot = 0; slot < 4; slot++) model.truncate(slot, 0);
      const from = text.length - tokens;
      model.feed([{ slot: 0, from: 0, tokens: text.slice(0, from), rowCount: 0 }]);
      model.feed([
        { slot: 0, from, tokens: text.slice(from), rowCount: rows },
        ...others.map(([count, rowCount], index) => ({
          slot: index + 1,
          from: 0,
          tokens: text.slice(0, count),
          rowCount,
        })),
      ]);
      return model.row(rows - 1).slice();
    }

    const alone = rowIn({ name: 'alone', tokens: 1, rows: 1 });
    for (const company of companies) {
      it(`has the bits of a row alone in company: ${company.name}`, () => {
        assert.deepEqual(rowIn(company), alone);
      });
    }
  });
}
