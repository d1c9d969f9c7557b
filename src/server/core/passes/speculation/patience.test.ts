// Promises of patience: drafts of others delay a session by a bounded time.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Patience } from './loss-budget.js';
import { sharePass } from './pass-shares.js';
import type { SpeculationSession } from './speculation.js';

const passMs = 30;

test('a session that is delayed without gain runs out of patience, and then regains it', () => {
  const patience = new Patience();
  patience.committed(1, passMs, 0);
  for (let pass = 0; pass < 40; pass++) patience.committed(1, passMs, 15);
  assert.ok(patience.leftMs < 0);
  for (let pass = 0; pass < 100; pass++) patience.committed(1, passMs, 0);
  assert.ok(patience.leftMs > 0);
});

test('a session that gains more than it is delayed stays patient', () => {
  const patience = new Patience();
  for (let pass = 0; pass < 100; pass++) patience.committed(2, passMs, 25);
  assert.ok(patience.leftMs > passMs);
});

const sessionOf = (key: number, patienceMs: number): SpeculationSession => ({
  ...{ key, cacheLength: 10, missingCount: 1, chances: [0.9, 0.9], modelCount: 0, arrival: null },
  ...{ suffixChances: [], modelChance: 0, modelMax: 0, tokensPerMs: 0, budgetMs: 1_000 },
  patienceMs,
});

test('rows of others are left out once a session has lost its patience, its own are not', () => {
  const predict = ({ rowCount }: { rowCount: number }): number => 20 + 5 * rowCount;
  const counts = (sessions: SpeculationSession[]): number[] =>
    sharePass(sessions, 1e-3, predict).map(({ count }) => count);
  assert.deepEqual(counts([sessionOf(1, 100), sessionOf(2, 100)]), [2, 2]);
  assert.deepEqual(counts([sessionOf(1, 100), sessionOf(2, 0)]), [0, 2]);
});

test('rows that cost nothing need no patience', () => {
  const sessions = [sessionOf(1, 100), sessionOf(2, 0)];
  const counts = sharePass(sessions, 1e-3, () => passMs).map(({ count }) => count);
  assert.deepEqual(counts, [2, 2]);
});
