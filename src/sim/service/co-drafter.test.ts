// Checks a device beside a server that drafts itself: who drafts in the end, and at what cost.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { delayLink } from '../scenarios.js';
import type { Service, ServiceFigures } from './service.js';
import { simulateService } from './simulate-service.js';

const divergence = 0.35;

/** One device, and a server whose draft model is the same. */
function served(changes: Partial<Service>, draftMs: number, latencyMs: number): ServiceFigures {
  const link = delayLink(latencyMs);
  const service: Service = {
    deviceCount: 1,
    devices: [{ name: 'one', share: 1, draftMs, divergence, link }],
    ...{ scheme: 'coupled', mode: 'auto' },
    stopRule: { kind: 'adaptive', draftLengthMax: 16 },
    pass: { fixedMs: 30, tokenMs: 0, rowMs: 0, tokenContextMs: 0 },
    ...{ passNoise: 0, slotCount: 1, staticBatch: null, promptTokens: 8, answerTokens: 300 },
    coDrafter: { stepMs: 3, rowMs: 0.1, divergence, fixedLength: 4 },
    ...changes,
  };
  return simulateService(service, 1);
}

it('a device whose drafts come too late beside those of the server rests, and loses nothing', () => {
  const far = served({}, 8, 20);
  const coLocated = served({ mode: 'co-located' }, 8, 20);
  assert.equal(far.statistics[0]!.sources.device, 0);
  assert.ok(far.drafted < 0.8, `${far.drafted} tokens drafted for each of the text`);
  assert.ok(far.tokenMs[0]! < 1.03 * coLocated.tokenMs[0]!);
  assert.deepEqual(far.texts, coLocated.texts);
});

it('drafts of a device that is near and fast are taken in place of those of a slow model', () => {
  const near = served({ coDrafter: { stepMs: 12, rowMs: 0.1, divergence, fixedLength: 4 } }, 2, 1);
  const { device, model } = near.statistics[0]!.sources;
  assert.ok(device > 2 * model, `${device} of the device, ${model} of the model`);
});
