// Threads change nothing of what virtual time says, and nothing waits for ever on a pool that was stopped.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { PilotfishError } from '../../base/error.js';
import type { Service } from '../../sim/index.js';
import { playHere } from './play.js';
import { PlayPool } from './play-pool.js';

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
  const pool = new PlayPool(2, { aborted: false });
  try {
    const there = await Promise.all(seeds.map((seed) => pool.play(service, seed)));
    const here = await Promise.all(seeds.map((seed) => playHere(service, seed)));
    assert.deepEqual(there, here);
    assert.notDeepEqual(there[0]!.tokenMs, there[1]!.tokenMs);
  } finally {
    await pool.close();
  }
});

it('what waits is refused when the user stops, and whatever is left when the pool closes', async () => {
  const signal = { aborted: false };
  const pool = new PlayPool(1, signal);
  const first = pool.play(service, 1);
  const refused = assert.rejects(pool.play(service, 2), cancelled);
  signal.aborted = true;
  await first;
  await refused;
  await assert.rejects(pool.play(service, 3), cancelled);
  await pool.close();

  const other = new PlayPool(1, { aborted: false });
  const left = seeds.map((seed) => assert.rejects(other.play(service, seed), cancelled));
  await other.close();
  await Promise.all(left);
});

it('a mistake on a thread is told to who asked', async () => {
  const pool = new PlayPool(1, { aborted: false });
  const unheard = assert.rejects(pool.play({ ...service, devices: [] }, 1));
  await unheard;
  await pool.close();
});
