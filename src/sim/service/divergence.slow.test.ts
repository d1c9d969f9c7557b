// Checks that the search for a divergence ends where drafts are accepted as often as requested.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { delayLink } from '../scenarios.js';
import { divergenceFor } from './divergence.js';
import { simulateService } from './simulate-service.js';

it('finds the divergence of an acceptance rate', () => {
  const device = { name: 'one', share: 1, draftMs: 10, link: delayLink(20) };
  const figures = simulateService(
    {
      deviceCount: 1,
      devices: [{ ...device, divergence: divergenceFor(0.7) }],
      scheme: 'coupled',
      mode: 'stop-and-wait',
      stopRule: { kind: 'fixed', draftLengthMax: 1 },
      pass: { fixedMs: 30, tokenMs: 0, rowMs: 1, tokenContextMs: 0 },
      passNoise: 0,
      slotCount: 1,
      staticBatch: null,
      promptTokens: 8,
      answerTokens: 300,
    },
    5,
  );
  assert.ok(Math.abs(figures.acceptedShare! / 0.7 - 1) <= 0.1, `${figures.acceptedShare}`);
});
