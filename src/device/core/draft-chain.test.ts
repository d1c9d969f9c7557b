// Checks which drafted tokens still stand when the text moves on, and when a new epoch begins.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DraftChain } from './draft-chain.js';
import { drafted } from './session-view.suite.js';

/** A chain from position 3 on; the tokens from `ahead` on were drafted while a verdict was due. */
function chainOf(tokens: readonly number[], ahead = Infinity): DraftChain {
  const chain = new DraftChain(3);
  for (const [index, token] of tokens.entries())
    chain.push(drafted(3 + index, token), index >= ahead);
  return chain;
}

describe('a chain', () => {
  it('keeps the tokens after those that are committed, and counts those drafted ahead', () => {
    const chain = chainOf([5, 6, 7], 1);
    assert.equal(chain.aheadCount, 2);
    assert.deepEqual(chain.advance(5, 2, true), { usedAheadCount: 1, wastedCount: 0 });
    assert.deepEqual([chain.base, chain.end, chain.length, chain.aheadCount], [5, 6, 1, 1]);
    assert.deepEqual([chain.at(5)?.token, chain.at(4), chain.at(6)], [7, null, null]);
  });

  it('is empty once it was contradicted, and counts what is lost', () => {
    const ahead = chainOf([5, 6, 7], 0);
    assert.deepEqual(ahead.advance(4, 1, false), { usedAheadCount: 1, wastedCount: 2 });
    assert.deepEqual([ahead.base, ahead.length], [4, 0]);
  });

  it('begins an epoch with the first draft after sent tokens became void', () => {
    const chain = chainOf([5, 6]);
    chain.send(5);
    assert.deepEqual([chain.epoch, chain.sentTo, chain.beginsEpoch], [0, 5, false]);
    chain.advance(4, 0, false);
    assert.deepEqual([chain.epoch, chain.nextEpoch, chain.sentTo], [0, 1, 4]);
    assert.equal(chain.beginsEpoch, true);
    chain.push(drafted(4, 8), false);
    chain.send(5);
    assert.deepEqual([chain.epoch, chain.nextEpoch, chain.beginsEpoch], [1, 1, false]);
  });

  it('stays in its epoch while nothing was sent that became void', () => {
    const chain = chainOf([5, 6]);
    chain.advance(4, 0, false);
    assert.equal(chain.nextEpoch, 0);
    chain.rejoin(4);
    assert.deepEqual([chain.epoch, chain.beginsEpoch], [5, true]);
    chain.advance(6, 0, false);
    assert.equal(chain.nextEpoch, 5);
  });

  it('is sent again in its epoch after a time-out, and from epoch 0 in a new session', () => {
    const chain = chainOf([5, 6]);
    chain.send(5);
    chain.resend();
    assert.deepEqual([chain.sentTo, chain.nextEpoch], [3, 0]);
    chain.send(4);
    chain.rejoin(2);
    assert.deepEqual([chain.sentTo, chain.nextEpoch], [3, 3]);
    chain.rejoin(null);
    assert.deepEqual([chain.sentTo, chain.nextEpoch], [3, 0]);
  });
});
