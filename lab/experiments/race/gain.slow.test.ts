// Race gains what its model says it can: the figures that the report shows, in their short form.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { runServiceHere } from '../../../src/sim/service/run-service.js';
import { runGains } from './gain.js';
import { runLinks } from './links.js';

it('up to 50 ms of round trip the cores gain what the model of race gains, within a fifth', async () => {
  // Four seeds: their intervals reach about 0.1 either way.
  for (const { roundTripMs, share } of await runGains(runServiceHere, true, 3)) {
    if (roundTripMs > 50) continue;
    assert.ok(share.value > 0.8 && share.value < 1.2, `${share.value} at ${roundTripMs} ms`);
  }
});

it('over links with jitter and stalls race stays ahead of streaming where stop-and-wait falls behind', async () => {
  const links = await runLinks(runServiceHere, true, 3);
  assert.ok(links.every(({ race }) => race.low > 1));
  const far = links.filter(({ roundTripMs }) => roundTripMs >= 50);
  assert.ok(far.length === 2);
  assert.ok(far.every(({ wait }) => wait.high < 1));
});
