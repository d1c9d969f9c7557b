// Tests token counts of prompt and output under pushing and popping in any order.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TokenHistory } from './history.js';

test('prompt and output are counted apart', () => {
  const history = new TokenHistory();
  history.push(7, false);
  history.push(7, true);
  history.push(7, true);
  assert.equal(history.promptCount(7), 1);
  assert.equal(history.outputCount(7), 2);
  assert.deepEqual([history.promptCount(8), history.outputCount(8)], [0, 0]);
});

test('popping what was pushed restores the counts, whatever was pushed', () => {
  const token = fc.record({ token: fc.integer({ min: 0, max: 5 }), isOutput: fc.boolean() });
  fc.assert(
    fc.property(fc.array(token), fc.array(token), (kept, drafts) => {
      const history = new TokenHistory();
      for (const { token, isOutput } of [...kept, ...drafts]) history.push(token, isOutput);
      for (const { token, isOutput } of drafts) history.pop(token, isOutput);
      assert.deepEqual(
        [...history.tokens].sort(),
        [...new Set(kept.map(({ token }) => token))].sort(),
      );
      for (const { token } of kept) {
        const occurrences = kept.filter((other) => other.token === token);
        const outputs = occurrences.filter(({ isOutput }) => isOutput).length;
        assert.equal(history.outputCount(token), outputs);
        assert.equal(history.promptCount(token), occurrences.length - outputs);
      }
    }),
  );
});

test('popping a token that was not pushed is a broken invariant', () => {
  const history = new TokenHistory();
  history.push(3, false);
  assert.throws(() => history.pop(3, true), { name: 'InvariantError' });
  assert.throws(() => history.pop(4, false), { name: 'InvariantError' });
});
