// Race is never slower than streaming, also while a server knows nothing yet of the cost of a row and everybody comes at
// once.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { median } from '../math/statistics.js';
import { playService, type Service } from './service.js';

const link = {
  latencyMs: 20,
  jitterMs: 0,
  upBytesPerMs: 1e6,
  downBytesPerMs: 1e6,
  overheadBytes: 0,
};
const crowd: Omit<Service, 'mode'> = {
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
      median(playService({ ...crowd, mode }, 1).tokenMs),
    );
    assert.ok(race! <= 1.02 * stream!, `${race} against ${stream} ms a token`);
  });
});
