// Checks that race is never slower than streaming, even while a server has not learnt the cost of a
// row and everyone comes at once; and that one key per device protects honest devices from one that
// takes all it can get.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { median, quantile } from '../../math/statistics.js';
import { delayLink } from '../scenarios.js';
import type { Service } from './service.js';
import { simulateService } from './simulate-service.js';

const link = delayLink(20);
const burst: Omit<Service, 'mode'> = {
  deviceCount: 96,
  slotCount: 96,
  devices: [{ name: 'one', share: 1, draftMs: 20, divergence: 0.33, link }],
  scheme: 'coupled',
  stopRule: { kind: 'adaptive', draftLengthMax: 16 },
  pass: { fixedMs: 30, tokenMs: 0.02, rowMs: 0.5, tokenContextMs: 0 },
  passNoise: 0,
  staticBatch: null,
  promptTokens: 8,
  answerTokens: 48,
};

describe('a crowd that begins at once', () => {
  it('is no slower in race than streaming', () => {
    const [race, stream] = (['race', 'stream'] as const).map((mode) =>
      median(simulateService({ ...burst, mode }, 1).tokenMs),
    );
    assert.ok(race! <= 1.02 * stream!, `${race} against ${stream} ms a token`);
  });
});

describe('an abuser', () => {
  it('slows fifteen honest devices by its share and no more, where each has a key', () => {
    const service: Service = {
      deviceCount: 15,
      devices: [{ name: 'honest', share: 1, draftMs: 8, divergence: 0.3, link }],
      scheme: 'coupled',
      mode: 'race',
      stopRule: { kind: 'adaptive', draftLengthMax: 16 },
      pass: { fixedMs: 30, tokenMs: 0.02, rowMs: 0.05, tokenContextMs: 0 },
      passNoise: 0,
      slotCount: 16,
      staticBatch: null,
      promptTokens: 32,
      answerTokens: 48,
      contextTokens: 1_000,
      hasKeys: true,
    };
    const modes = ['race', 'pipeline', 'stop-and-wait', 'stream'] as const;
    const abuser = { sessions: 24, modes, promptTokens: 900, openEveryMs: 1_000, draftTokens: 16 };
    const alone = simulateService(service, 3);
    const beside = simulateService({ ...service, abuser }, 3);
    assert.equal(beside.tokenMs.length, 15);
    const ratio = quantile(beside.tokenMs, 0.95) / quantile(alone.tokenMs, 0.95);
    assert.ok(ratio < 1.25, `${ratio} times as long`);
    const keyless = simulateService({ ...service, abuser, hasKeys: false }, 3);
    const unfair = quantile(keyless.tokenMs, 0.95) / quantile(alone.tokenMs, 0.95);
    assert.ok(unfair > 1.5, `${unfair} times as long, though nothing protects them`);
  });
});
