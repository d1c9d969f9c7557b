// Checks what a user is told when tokens become final: confirmed, taken back, or new.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DeviceEffect } from './event.js';
import type { CommittedToken } from './reconcile.js';
import { AnswerTally } from './statistics.js';
import { UserFeed } from './user-feed.js';

const target = (token: number): CommittedToken => ({ token, origin: 'target' });

/** A feed that has shown 5, 6, 7 as provisional from position 3 on. */
function shown() {
  const told: DeviceEffect[] = [];
  const tally = new AnswerTally();
  const feed = new UserFeed(0, tally, (effect) => told.push(effect));
  feed.provisional(3, [5, 6, 7]);
  told.length = 0;
  return { feed, told, tally };
}

describe('a user', () => {
  it('is told of provisional tokens by their positions, and of none where there are none', () => {
    const told: DeviceEffect[] = [];
    const feed = new UserFeed(0, new AnswerTally(), (effect) => told.push(effect));
    feed.provisional(3, []);
    feed.provisional(3, [5, 6]);
    const tokens = [5, 6].map((token, index) => {
      return { position: 3 + index, token, origin: 'provisional' } as const;
    });
    assert.deepEqual(told, [{ kind: 'tokens', answer: 0, tokens }]);
    assert.equal(feed.pendingCount, 2);
  });

  it('is told that provisional tokens stand, and keeps those after them', () => {
    const { feed, told, tally } = shown();
    feed.commit(3, [target(5), target(6)]);
    assert.deepEqual(told, [{ kind: 'confirmed', answer: 0, from: 3, to: 5 }]);
    assert.deepEqual([feed.pendingCount, tally.retractedCount, tally.provisionalCount], [1, 0, 3]);
  });

  it('is told which are void, and the tokens in their place', () => {
    const { feed, told, tally } = shown();
    feed.commit(3, [target(5), target(9)]);
    assert.deepEqual(told, [
      { kind: 'confirmed', answer: 0, from: 3, to: 4 },
      { kind: 'retracted', answer: 0, from: 4 },
      { kind: 'tokens', answer: 0, tokens: [{ position: 4, ...target(9) }] },
    ]);
    assert.deepEqual([feed.pendingCount, tally.retractedCount], [0, 2]);
  });

  it('is told nothing of confirmations where the first differs, or where nothing was shown', () => {
    const { feed, told } = shown();
    feed.commit(3, [target(9)]);
    feed.commit(4, [target(2)]);
    assert.deepEqual(
      told.map(({ kind }) => kind),
      ['retracted', 'tokens', 'tokens'],
    );
  });

  it('is told more where the text outgrows what was shown', () => {
    const { feed, told, tally } = shown();
    feed.commit(3, [5, 6, 7, 8].map(target));
    assert.deepEqual(told, [
      { kind: 'confirmed', answer: 0, from: 3, to: 6 },
      { kind: 'tokens', answer: 0, tokens: [{ position: 6, ...target(8) }] },
    ]);
    assert.equal(tally.retractedCount, 0);
  });
});
