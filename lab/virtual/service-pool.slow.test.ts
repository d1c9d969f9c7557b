// Threads change nothing of what virtual time says, and nothing waits for ever on a pool that was
// stopped.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { PilotfishError } from '../../src/base/error.js';
import type { Service } from '../../src/sim/index.js';
import { runServiceHere } from '../../src/sim/service/run-service.js';
import { ServicePool } from './service-pool.js';

const service: Service = {
  deviceCount: 2,
  devices: [
    {
      name: 'one',
      share: 1,
      draftMs: 5,
      divergence: 0.2,
      link: { latencyMs: 5, jitterMs: 2, upBytesPerMs: 1e3, downBytesPerMs: 1e3, overheadBytes: 0 },
    },
  ],
  scheme: 'coupled',
  mode: 'race',
  stopRule: { kind: 'adaptive', draftLengthMax: 8 },
  pass: { fixedMs: 30, tokenMs: 0, rowMs: 0, tokenContextMs: 0 },
  passNoise: 0.1,
  slotCount: 2,
  staticBatch: null,
  promptTokens: 4,
  answerTokens: 24,
};
const seeds = [1, 2, 3, 4, 5];
const cancelled = (error: PilotfishError): boolean => error.code === 'cancelled';

it('a run on a thread says what the same run says here, in the order in which it was asked', async () => {
  const pool = new ServicePool(2, new AbortController().signal);
  try {
    const there = await Promise.all(seeds.map((seed) => pool.play(service, seed)));
    const here = await Promise.all(seeds.map((seed) => runServiceHere(service, seed)));
    assert.deepEqual(there, here);
    assert.notDeepEqual(there[0]!.tokenMs, there[1]!.tokenMs);
  } finally {
    await pool.close();
  }
});

it('what runs and what waits is refused when the user stops, and when the pool closes', async () => {
  const user = new AbortController();
  const pool = new ServicePool(1, user.signal);
  const stopped = seeds.map((seed) => assert.rejects(pool.play(service, seed), cancelled));
  user.abort();
  await Promise.all(stopped);
  await assert.rejects(pool.play(service, 6), cancelled);
  await pool.close();

  const other = new ServicePool(1, new AbortController().signal);
  const left = seeds.map((seed) => assert.rejects(other.play(service, seed), cancelled));
  await other.close();
  await Promise.all(left);
  const late = new ServicePool(1, user.signal);
  await assert.rejects(late.play(service, 1), cancelled);
});

it('a mistake on a thread is told to who asked', async () => {
  const pool = new ServicePool(1, new AbortController().signal);
  const unheard = assert.rejects(pool.play({ ...service, devices: [] }, 1));
  await unheard;
  await pool.close();
});
