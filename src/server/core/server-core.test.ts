// Checks that under greedy and coupled the text is the target's, no matter which device drafts and
// how frames, passes and connections interleave, and that nothing is kept at the end.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { modes } from '../../protocol/frame.js';
import { Harness, type HarnessOptions } from './core-harness.suite.js';
import { roller } from './fake-device.suite.js';
import { checkTexts, closeAll, interleave, opensOf } from './party.suite.js';

const setups: { readonly name: string; readonly options: HarnessOptions }[] = [
  { name: 'as many slots as sessions', options: { model: { slotCount: 8 } } },
  { name: 'two slots, swapped', options: { model: { slotCount: 2 } } },
  {
    name: 'one slot, rebuilt',
    options: { model: { slotCount: 1 }, settings: { swapBytesMax: 0 } },
  },
  {
    name: 'passes of nine tokens',
    options: { model: { slotCount: 3, passTokensMax: 9, passRowsMax: 5 } },
  },
  {
    name: 'static batches of four',
    options: {
      model: { slotCount: 8 },
      settings: { batching: { kind: 'static', count: 4, waitMs: 20 } },
    },
  },
];

describe('server core, greedy and coupled', () => {
  for (const mode of modes) {
    it(`writes the target's text in mode ${mode}`, () => {
      const roll = roller(77);
      const harness = new Harness();
      const parties = interleave(harness, opensOf(roll, 4, [mode]), roll, false);
      checkTexts(parties);
      closeAll(harness, parties);
    });
  }

  for (const { name, options } of setups) {
    it(`writes the target's text however things interleave: ${name}`, () => {
      for (let seed = 1; seed <= 12; seed++) {
        const roll = roller(seed * 7919);
        const harness = new Harness(options);
        try {
          const parties = interleave(harness, opensOf(roll, 6), roll, true);
          checkTexts(parties);
          closeAll(harness, parties);
          // A refused pass would be healed from the token log, and so go unseen in the text.
          assert.equal(harness.core.stats().passFailureCount, 0);
        } catch (reason) {
          throw new Error(`seed ${seed}: ${(reason as Error).message}`, { cause: reason });
        }
      }
    });
  }
});
