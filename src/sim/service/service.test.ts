// Checks a service in virtual time against arithmetic by hand: the wait of one user for a token,
// and the work of the server for it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { delayLink } from '../scenarios.js';
import type { Service } from './service.js';
import { simulateService } from './simulate-service.js';

const link = delayLink(20);
const service: Service = {
  deviceCount: 1,
  devices: [{ name: 'one', share: 1, draftMs: 10, divergence: 0, link }],
  scheme: 'coupled',
  mode: 'stop-and-wait',
  stopRule: { kind: 'fixed', draftLengthMax: 4 },
  pass: { fixedMs: 30, tokenMs: 0, rowMs: 1, tokenContextMs: 0 },
  passNoise: 0,
  slotCount: 1,
  staticBatch: null,
  promptTokens: 8,
  answerTokens: 101,
};
const near = (value: number, wanted: number, share = 0.02): void =>
  assert.ok(Math.abs(value - wanted) <= share * wanted, `${value}, not ${wanted}`);

describe('a service', () => {
  it('streams a token each pass', () => {
    const figures = simulateService({ ...service, mode: 'stream' }, 1);
    near(figures.tokenMs[0]!, 31);
    near(figures.passes, 1);
    assert.equal(figures.acceptedShare, null);
  });

  it('of a draft that is always right, gives five tokens for a round trip, four drafts and a pass', () => {
    const figures = simulateService(service, 1);
    assert.equal(figures.acceptedShare, 1);
    // Drafted while the verdict is out, four tokens are ready when it comes; the first round trip
    // has no such luck.
    near(figures.rows, 1);
    near(figures.passes, 1 / 5, 0.1);
    assert.ok(figures.tokenMs[0]! >= (40 + 35) / 5 - 1);
    assert.ok(figures.tokenMs[0]! <= (40 + 40 + 35) / 5 + 1);
  });

  it('counts the users of a batch, which share its passes', () => {
    const alone = simulateService({ ...service, mode: 'stream' }, 1);
    const eight = simulateService({ ...service, mode: 'stream', deviceCount: 8, slotCount: 8 }, 1);
    assert.equal(eight.tokenMs.length, 8);
    near(eight.tokenMs[0]!, 30 + 8, 0.05);
    near(eight.tokensPerSecond, 8 * alone.tokensPerSecond * (31 / 38), 0.05);
  });

  it('gives the same figures for the same seed', () => {
    assert.deepEqual(simulateService(service, 7), simulateService(service, 7));
  });
});
