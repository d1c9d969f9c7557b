// Checks that the cost of an event does not grow with the fleet beyond the logarithm of the heap:
// processor time per event of two fleets in one process, the best of a few runs each, because
// others use the machine too. The large fleet runs again only where it seems too slow.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fleet } from './scenarios.js';
import { simulate } from './simulate.js';

const [small, large] = [300, 1_500];
/** Beyond log n: caches hold a smaller share of a larger fleet. */
const slack = 1.5;

/** Microseconds of processor time. */
function eventCost(deviceCount: number, seed: number): number {
  const before = process.cpuUsage();
  const { eventCount, violations } = simulate(fleet(deviceCount), seed);
  const { user, system } = process.cpuUsage(before);
  assert.deepEqual(violations, []);
  return (user + system) / eventCount;
}

describe('a fleet', () => {
  it(`of ${large} devices costs no more an event than one of ${small}, times a logarithm`, () => {
    // The first run warms the compiler up.
    const costs = [1, 2, 3].map((seed) => eventCost(small, seed));
    const cost = Math.min(...costs);
    const most = cost * slack * (Math.log(large) / Math.log(small));
    let largeCost = eventCost(large, 1);
    if (largeCost > most) largeCost = Math.min(largeCost, eventCost(large, 2));
    const both = `${largeCost.toFixed(1)} us an event, ${cost.toFixed(1)} in the small fleet`;
    assert.ok(largeCost <= most, both);
  });
});
