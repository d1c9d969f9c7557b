// Checks that the log gives back each position's log-probabilities as they were pushed.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LogprobLog, logprobsOfEntry } from './logprob-log.js';

/** Numbers that a float32 holds exactly. */
const token = (position: number, topCount: number) => ({
  logprob: -position / 4,
  top: Array.from({ length: topCount }, (_, rank) => ({
    token: 100 * position + rank,
    logprob: -(position + rank) / 8,
  })),
});

describe('the log of log-probabilities', () => {
  for (const topCount of [0, 1, 3]) {
    it(`gives back what was judged, with ${topCount} likeliest tokens beside each`, () => {
      const log = new LogprobLog(topCount, 5, 5);
      const pushed = Array.from({ length: 40 }, (_, index) => token(index, topCount));
      for (const one of pushed) log.push(one);
      assert.deepEqual(log.between(5, 45), pushed);
      assert.deepEqual(log.between(12, 14), pushed.slice(7, 9));
      assert.equal(log.between(7, 7), null);
    });
  }

  it('ends the list of a token that has fewer beside it', () => {
    const log = new LogprobLog(3, 0, 0);
    const pushed = [token(1, 3), token(2, 1), token(3, 0), token(4, 3)];
    for (const one of pushed) log.push(one);
    assert.deepEqual(log.between(0, 4), pushed);
  });

  it('knows nothing of tokens that another server judged', () => {
    const log = new LogprobLog(2, 3, 5);
    log.push(token(7, 2));
    const none = { logprob: 0, top: [] };
    assert.deepEqual(log.between(3, 6), [none, none, token(7, 2)]);
  });

  it('takes of a law the entry of its token', () => {
    const { top } = token(1, 2);
    const law = { logprobs: Float32Array.of(-0.5, -2), top };
    assert.deepEqual(logprobsOfEntry(law, 1), { logprob: -2, top });
  });
});
