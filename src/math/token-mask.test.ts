// Tests that masks leave only allowed tokens, and always at least one.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { applyMask, isAllowed } from './token-mask.js';

const logit = fc.oneof(
  fc.float({ min: -9, max: 9, noNaN: true }),
  fc.constantFrom(-Infinity, Number.NaN),
);

describe('token mask', () => {
  it('leaves allowed tokens as they are and bans all others', () => {
    fc.assert(
      fc.property(
        fc.array(logit, { minLength: 1, maxLength: 70 }),
        fc.uint32Array({ minLength: 3, maxLength: 3 }),
        (values, mask) => {
          const row = Float32Array.from(values);
          const before = row.slice();
          applyMask(row, mask);
          const isLeft = before.some((value, id) => value > -Infinity && isAllowed(mask, id));
          row.forEach((value, id) => {
            if (!isAllowed(mask, id)) assert.equal(value, -Infinity);
            else if (isLeft) assert.equal(value, before[id]);
          });
        },
      ),
    );
  });

  it('makes allowed tokens equally likely where all of them were banned', () => {
    const row = Float32Array.of(-Infinity, 5, Number.NaN, 1);
    applyMask(row, Uint32Array.of(0b0101));
    assert.deepEqual([...row], [0, -Infinity, 0, -Infinity]);
  });

  it('hides no model that gives no number at all', () => {
    const row = new Float32Array(4).fill(Number.NaN);
    applyMask(row, Uint32Array.of(0b0011));
    assert.ok(row.every((value) => !(value > -Infinity)));
  });
});
