// The bits of a row of logits, compared directly: texts would show a difference only where it falls
// on a near tie.

import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ContextThreads } from './context-threads.js';
import { openLlama } from './ffi/llama.js';
import { openThreadPools } from './ffi/thread-pool.js';
import { findLibrary } from './library.js';
import { NativeModel } from './native-model.js';
import { resolveOptions } from './options.js';

const modelPath = (name: string): string =>
  fileURLToPath(new URL(`../../../../models/${name}`, import.meta.url));

/** The tokens before the row, the same in every case. */
const text = Int32Array.from({ length: 48 }, (_, index) => 3 + ((index * 7919) % 4000));

interface Company {
  readonly name: string;
  /** Tokens of the row's own segment, and rows of logits that it asks for. */
  readonly tokens: number;
  readonly rows: number;
  /** Tokens and rows of each other segment. */
  readonly others?: readonly (readonly [tokens: number, rows: number])[];
  /**
   * Tokens that another slot holds while the first half of the text is fed, and leaves before the
   * second.
   */
  readonly before?: number;
  /** Tokens that another slot gets after each four of the text. */
  readonly between?: number;
}

const companies: readonly Company[] = [
  { name: 'two tokens, two rows', tokens: 2, rows: 2 },
  { name: 'two tokens, one row', tokens: 2, rows: 1 },
  { name: 'five tokens, one row', tokens: 5, rows: 1 },
  { name: 'nine rows', tokens: 9, rows: 9 },
  { name: 'seventeen rows', tokens: 17, rows: 17 },
  { name: 'alone beside a prefill', tokens: 1, rows: 1, others: [[7, 0]] },
  { name: 'alone beside a step', tokens: 1, rows: 1, others: [[1, 1]] },
  { name: 'behind cells that another slot has left', tokens: 2, rows: 2, before: 5 },
  { name: 'between the cells of another slot', tokens: 1, rows: 1, between: 3 },
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
      contextLength: 256,
      passTokensMax: 256,
      passRowsMax: 128,
      threads: 1,
      deterministic: true,
    };
    const llama = openLlama(findLibrary());
    const model = new NativeModel(llama, resolveOptions(options, 512));
    after(() => model.close());

    function feed(slot: number, from: number, to: number): void {
      if (to > from) model.feed([{ slot, from, tokens: text.slice(from, to), rowCount: 0 }]);
    }

    /** Feeds the text up to `end` in the company of another slot. */
    function feedText(end: number, { before = 0, between = 0 }: Company): void {
      for (let slot = 0; slot < 4; slot++) model.truncate(slot, 0);
      const step = between > 0 ? 4 : 24;
      feed(3, 0, before);
      for (let at = 0; at < end; at += step) {
        feed(0, at, Math.min(at + step, end));
        feed(2, (at / step) * between, (at / step + 1) * between);
        model.truncate(3, 0);
      }
    }

    function rowIn(company: Company): Float32Array {
      const { tokens, rows, others = [] } = company;
      const from = text.length - tokens;
      feedText(from, company);
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
    for (const poll of [0, 50]) {
      it(`has the bits of one thread on a pool of two that polls ${poll}`, () => {
        const wanted = resolveOptions({ ...options, threads: 2, poll, processors: [0, 1] }, 512);
        const threads = new ContextThreads(llama, openThreadPools(findLibrary()), wanted);
        assert.ok(threads.isPooled);
        const pooled = new NativeModel(llama, wanted, null, threads);
        pooled.feed([{ slot: 0, from: 0, tokens: text.slice(0, -1), rowCount: 0 }]);
        pooled.feed([{ slot: 0, from: text.length - 1, tokens: text.slice(-1), rowCount: 1 }]);
        assert.deepEqual(pooled.row(0), alone);
        pooled.close();
        threads.close();
      });
    }
    for (const company of companies) {
      it(`has the bits of a row alone in company: ${company.name}`, () => {
        assert.deepEqual(rowIn(company), alone);
      });
    }

    it('has the bits of a text that came token by token when the text is fed again in one piece', () => {
      const tokens = Int32Array.from({ length: 200 }, (_, index) => 3 + ((index * 7919) % 4000));
      const rowBehind = (step: number, rows: number): Float32Array => {
        let last: Float32Array = new Float32Array(0);
        model.truncate(0, 0);
        for (let from = 0; from < tokens.length; from += step) {
          const part = { slot: 0, from, tokens: tokens.slice(from, from + step) };
          const rowCount = Math.min(rows, part.tokens.length);
          model.feed([{ ...part, rowCount }]);
          last = model.row(rowCount - 1);
        }
        return last.slice();
      };
      const written = rowBehind(1, 1);
      for (const step of [61, 62, 63, 64, 125, 200]) {
        for (const rows of [1, 5, 70]) assert.deepEqual(rowBehind(step, rows), written);
      }
    });
  });
}
