// A slope is that of the line, and its interval holds it as often as it says.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { noiseKey, uniform } from '../../src/math/noise.js';
import { slopeOf } from './memory-growth.js';

const places = Array.from({ length: 40 }, (_, index) => index / 12);

describe('a slope', () => {
  it('is that of a line, without doubt', () => {
    const values = places.map((x) => 70 + 0.5 * x);
    const { value, low, high } = slopeOf(places, values);
    for (const one of [value, low, high]) assert.ok(Math.abs(one - 0.5) < 1e-9);
  });

  it('lies in its interval nineteen times in twenty', () => {
    // Binomial(1000, 0.95): fewer than 920 or more than 975 has a chance below 1e-4.
    const key = noiseKey(5n, 'accept');
    let within = 0;
    for (let round = 0; round < 1000; round++) {
      const noise = (at: number): number =>
        [0, 1, 2, 3].reduce((sum, part) => sum + uniform(key, round, 4 * at + part) - 0.5, 0);
      const { low, high } = slopeOf(
        places,
        places.map((x, at) => 2 * x + noise(at)),
      );
      if (low <= 2 && high >= 2) within++;
    }
    assert.ok(within >= 920 && within <= 975, `${within} of 1000`);
  });
});
