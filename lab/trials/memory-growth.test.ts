// A leak of a few bytes for each answer ends a soak; noise does not, nor what a server fills once.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Random } from '../../src/sim/random.js';
import { checkFlat, type Sample } from './memory-growth.js';

const answersPerMinute = 800;

/**
 * Twenty minutes of a server of 20 MiB whose live memory after each collection differs by up to a
 * quarter of a MiB, and whose resident memory by far more.
 *
 * @param leak bytes for each answer.
 * @param filled bytes that caches take in the first five minutes, once.
 */
function samplesOf(seed: number, leak: number, filled: number): Sample[] {
  const random = new Random(seed, 'soak');
  return Array.from({ length: 240 }, (_, index) => {
    const minute = (index + 1) / 12;
    const answerCount = minute * answersPerMinute;
    const live = 20e6 + leak * answerCount + filled * Math.min(1, minute / 5);
    const heapBytes = index % 6 === 5 ? live + 0.25e6 * random.next() : null;
    const residentBytes = 100e6 + 50e6 * random.next();
    const holding = { residentBytes, heapBytes, externalBytes: 2e6 };
    return { minute, answerCount, holding } as Sample;
  });
}

describe('a soak', () => {
  it('ends with an error where each answer leaves a small object', () => {
    for (let seed = 0; seed < 20; seed++) {
      assert.throws(() => checkFlat(samplesOf(seed, 100, 0)), /each answer leaves/);
    }
  });

  it('does not where nothing is left, nor where caches fill in the beginning', () => {
    // Of these intervals one in forty lies above 0; none comes near 64 bytes.
    for (let seed = 0; seed < 20; seed++) {
      assert.doesNotThrow(() => checkFlat(samplesOf(seed, 0, 5e6)));
    }
  });

  it('judges nothing in a minute', () => {
    const short = samplesOf(1, 10_000, 0).filter(({ minute }) => minute <= 1);
    assert.doesNotThrow(() => checkFlat(short));
  });
});
