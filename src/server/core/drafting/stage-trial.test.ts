// What a wrong price of the draft model can cost, in rounds with known times.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StageTrial } from './stage-trial.js';

const stepMs = 30;

interface World {
  /** Milliseconds of a plain round. */
  readonly plainMs: number;
  readonly draftedMs: number;
  /** Mean tokens of a session in a drafted round, in [1, 2]. */
  readonly tokens: number;
  readonly sessionCount: number;
}

/**
 * Rounds of a planner that always wants to draft.
 *
 * @returns share of drafted rounds, and tokens per millisecond over those of plain rounds alone.
 */
function play(trial: StageTrial, rounds: number, world: World, state: { nowMs: number }) {
  let drafted = 0;
  let tokenCount = 0;
  const startMs = state.nowMs;
  for (let round = 0; round < rounds; round++) {
    trial.planning(true, state.nowMs);
    const isDrafted = trial.mayDraft;
    if (isDrafted) trial.drafts();
    const { sessionCount } = world;
    trial.passStarted({ sessionCount, stepMs, isPlain: !isDrafted });
    state.nowMs += isDrafted ? world.draftedMs : world.plainMs;
    if (isDrafted) drafted++;
    for (let session = 0; session < sessionCount; session++) {
      // Low-discrepancy draws: every stretch of rounds has the mean.
      const draw = (0.618033988749895 * (round * sessionCount + session)) % 1;
      const count = isDrafted && draw < world.tokens - 1 ? 2 : 1;
      tokenCount += count;
      trial.committed(count, state.nowMs);
    }
  }
  const plainTokens = ((state.nowMs - startMs) / world.plainMs) * world.sessionCount;
  return { share: drafted / rounds, speed: tokenCount / plainTokens };
}

const losing: World = { plainMs: 26, draftedMs: 45, tokens: 1.5, sessionCount: 4 };
const gaining: World = { plainMs: 30, draftedMs: 36, tokens: 1.6, sessionCount: 4 };

test('A draft model that costs more than it brings rests, whatever the prices say', () => {
  // By the prices a plain round takes 30 ms, so that drafts seem to lose nothing.
  const { share, speed } = play(new StageTrial(), 2000, losing, { nowMs: 0 });
  assert.ok(share < 0.1, `${share} of the rounds drafted`);
  assert.ok(speed > 0.985, `${speed} of the speed of steps`);
});

test('The first answer loses little before the model rests', () => {
  const { share } = play(new StageTrial(), 100, losing, { nowMs: 0 });
  assert.ok(share < 0.5, `${share} of the rounds drafted`);
});

test('A draft model that gains is hardly interrupted', () => {
  const { share, speed } = play(new StageTrial(), 2000, gaining, { nowMs: 0 });
  assert.ok(share > 0.99, `${share} of the rounds drafted`);
  assert.ok(speed > 0.995 * ((1.6 * 30) / 36), `${speed} of the speed of steps`);
});

test('Rounds that gain clearly are never interrupted', () => {
  const clear = { ...gaining, draftedMs: 30 };
  assert.equal(play(new StageTrial(), 500, clear, { nowMs: 0 }).share, 1);
});

test('A draft model that rests is taken up again where it begins to gain, and back', () => {
  const trial = new StageTrial();
  const state = { nowMs: 0 };
  play(trial, 1000, losing, state);
  assert.ok(play(trial, 3000, gaining, state).share > 0.6);
  assert.ok(play(trial, 500, gaining, state).share > 0.99);
  assert.ok(play(trial, 1000, losing, state).share < 0.3);
});

test('Rounds with holds, prompts or idle time before them are not measured', () => {
  const trial = new StageTrial();
  let nowMs = 0;
  const round = (idleMs: number, isDrafted: boolean, ms: number): void => {
    trial.planning(false, nowMs);
    nowMs += idleMs;
    trial.planning(true, nowMs);
    if (isDrafted) trial.drafts();
    trial.passStarted({ sessionCount: 1, stepMs, isPlain: false });
    nowMs += ms;
    trial.committed(2, nowMs);
  };
  for (let count = 0; count < 40; count++) round(1000, true, 40);
  assert.ok(Math.abs(trial.gain! - 1.5) < 1e-9, `gain ${trial.gain}`);
  for (let count = 0; count < 40; count++) round(0, false, 300);
  assert.ok(Math.abs(trial.gain! - 1.5) < 1e-9, 'a hold is no plain round');
});
