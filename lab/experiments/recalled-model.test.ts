// What recalling rests on: rows, exit rows and their order are those of the model itself, whatever
// was fed, taken back and asked for before; and what was computed once is not computed again.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import type { ExitRows, Part, RowModel } from '../../src/engine/row-model.js';
import { ScriptedModel } from '../../src/engine/scripted-model.js';
import { RecalledModel } from './recalled-model.js';

const contextLength = 64;
const scripted = (): RowModel =>
  new ScriptedModel({
    ...{ vocabSize: 5, seed: 1, divergence: 0, sharpness: 4, slotCount: 1, contextLength },
    ...{ passTokensMax: contextLength, passRowsMax: contextLength, exit: { agreement: 0.5 } },
  });

/**
 * A step: cut back to a share of what is held, then feed tokens with rows, with or without the
 * exit.
 */
const steps = fc.array(
  fc.record({
    keep: fc.double({ min: 0, max: 1, noNaN: true }),
    tokens: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 5 }),
    rows: fc.nat(5),
    asksExit: fc.boolean(),
  }),
  { maxLength: 40 },
);

/** Everything that a feed tells. */
function fed(model: RowModel, part: Part, asksExit: boolean): number[][] {
  const heard: number[][] = [];
  const onExit = ({ from, count, row }: ExitRows): void => {
    for (let index = from; index < from + count; index++) heard.push([...row(index)]);
  };
  model.feed([part], asksExit ? onExit : undefined);
  for (let index = 0; index < part.rowCount; index++) heard.push([...model.row(index)]);
  return heard;
}

it('tells what the model itself would tell, in every order of asking', () => {
  fc.assert(
    fc.property(steps, (plan) => {
      const [model, recalled] = [scripted(), new RecalledModel(scripted())];
      let length = 0;
      for (const { keep, tokens, rows, asksExit } of plan) {
        length = Math.floor(keep * Math.min(length, contextLength - 5));
        for (const one of [model, recalled]) one.truncate(0, length);
        const rowCount = Math.min(rows, tokens.length);
        const part = { slot: 0, from: length, tokens: Int32Array.from(tokens), rowCount };
        assert.deepEqual(fed(recalled, part, asksExit), fed(model, part, asksExit));
        length += tokens.length;
      }
    }),
  );
});

it('computes a row once', () => {
  const model = scripted();
  let fedCount = 0;
  const feed = model.feed.bind(model);
  model.feed = (...given) => {
    fedCount++;
    feed(...given);
  };
  const recalled = new RecalledModel(model);
  const part = { slot: 0, from: 0, tokens: Int32Array.of(0, 2, 1), rowCount: 2 };
  for (const [asksExit, expected] of [
    [false, 1],
    [false, 1],
    // The exit was not asked the first time.
    [true, 2],
    [true, 2],
    [false, 2],
  ] as const) {
    recalled.truncate(0, 0);
    fed(recalled, part, asksExit);
    assert.equal(fedCount, expected);
  }
});
