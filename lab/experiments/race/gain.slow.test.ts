// Race gains what its model says it can: the figures that the report shows, in their short form.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { runServiceHere } from '../../../src/sim/service/run-service.js';
import { gainShare, playGains } from './gain.js';
import { ofStreaming, playLinks } from './links.js';

it('up to 50 ms of round trip the cores gain what the model of race gains, within a fifth', async () => {
  // Four seeds: their intervals reach about 0.1 either way.
  for (const gain of await playGains(runServiceHere, true, 3)) {
    if (gain.roundTripMs > 50) continue;
    const { value } = gainShare(gain);
    assert.ok(value > 0.8 && value < 1.2, `${value} at ${gain.roundTripMs} ms`);
  }
});

it('over links with jitter and stalls race stays ahead of streaming where stop-and-wait falls behind', async () => {
  const links = await playLinks(runServiceHere, true, 3);
  assert.ok(links.every(({ modes }) => ofStreaming(modes, 'race').low > 1));
  const far = links.filter(({ roundTripMs }) => roundTripMs >= 50);
  assert.ok(far.length === 2);
  assert.ok(far.every(({ modes }) => ofStreaming(modes, 'stop-and-wait').high < 1));
});
