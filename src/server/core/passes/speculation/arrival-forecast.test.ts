// Promises of the forecast: it knows when drafts are due, soon after the link has changed too.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ArrivalForecast } from './arrival-forecast.js';

const windowTokens = 64;

/**
 * Plays corrections, each answered by a chain, and returns when the last one was sent.
 *
 * @param sizes tokens of the chain's frames.
 */
function play(
  forecast: ArrivalForecast,
  start: { nowMs: number; length: number },
  count: number,
  link: { roundTripMs: number; tokenMs: number; sizes: readonly number[] },
): { nowMs: number; length: number } {
  let { nowMs, length } = start;
  for (let round = 0; round < count; round++) {
    forecast.committed(length, true, nowMs);
    let atMs = nowMs + link.roundTripMs;
    let end = length;
    for (const [index, size] of link.sizes.entries()) {
      atMs += size * link.tokenMs;
      forecast.arrived(end, size, index === 0, atMs);
      end += size;
    }
    nowMs = atMs + 1;
    length = end + 1;
  }
  return { nowMs, length };
}

const link = { roundTripMs: 5, tokenMs: 4, sizes: [1, 1, 1, 1] };

test('nothing is expected of a device that has sent nothing', () => {
  const forecast = new ArrivalForecast(windowTokens);
  forecast.committed(10, true, 0);
  assert.equal(forecast.next(10, 10, 0.8, 0), null);
});

test('after a correction the first draft is due a round trip and a draft later', () => {
  const forecast = new ArrivalForecast(windowTokens);
  const { nowMs, length } = play(forecast, { nowMs: 0, length: 10 }, 6, link);
  forecast.committed(length, true, nowMs);
  const expected = { firstMs: 8, tokenMs: 4, followChance: 1, chance: 0.8 };
  assert.deepEqual(forecast.next(length, length, 0.8, nowMs + 1), expected);
});

test('behind drafts in line the next is due a draft later', () => {
  const forecast = new ArrivalForecast(windowTokens);
  const { nowMs, length } = play(forecast, { nowMs: 0, length: 10 }, 6, link);
  forecast.committed(length, true, nowMs);
  forecast.arrived(length, 1, true, nowMs + 9);
  assert.equal(forecast.next(length, length + 1, 0.8, nowMs + 10)!.firstMs, 3);
});

test('frames of several tokens give the time of one', () => {
  const forecast = new ArrivalForecast(windowTokens);
  play(forecast, { nowMs: 0, length: 10 }, 6, { ...link, sizes: [4, 4, 4] });
  assert.equal(forecast.tokenMs, 4);
  assert.equal(forecast.restartMs, 9);
});

test('a jump of the round trip from 5 to 80 ms is known after three corrections', () => {
  const forecast = new ArrivalForecast(windowTokens);
  const before = play(forecast, { nowMs: 0, length: 10 }, 20, link);
  assert.equal(forecast.restartMs, 9);
  play(forecast, before, 3, { ...link, roundTripMs: 80 });
  assert.equal(forecast.restartMs, 84);
});

test('one late frame changes nothing', () => {
  const forecast = new ArrivalForecast(windowTokens);
  const before = play(forecast, { nowMs: 0, length: 10 }, 20, link);
  play(forecast, before, 1, { ...link, roundTripMs: 900 });
  assert.equal(forecast.restartMs, 9);
});

test('drafts that stay away are given up, and the next ones are trusted less', () => {
  const forecast = new ArrivalForecast(windowTokens);
  const { nowMs, length } = play(forecast, { nowMs: 0, length: 10 }, 6, link);
  forecast.committed(length, true, nowMs);
  assert.equal(forecast.next(length, length, 0.8, nowMs + 60), null);
  forecast.committed(length + 1, true, nowMs + 60);
  assert.equal(forecast.next(length + 1, length + 1, 0.8, nowMs + 60)!.followChance, 0.5);
});

test('what the server commits before the draft arrives makes the chain less likely to follow', () => {
  const forecast = new ArrivalForecast(windowTokens);
  const slow = { ...link, roundTripMs: 50 };
  const { nowMs, length } = play(forecast, { nowMs: 0, length: 10 }, 6, slow);
  forecast.committed(length, true, nowMs);
  forecast.committed(length + 1, false, nowMs + 30);
  // The draft for the next place is the second of the chain.
  const next = forecast.next(length + 1, length + 1, 0.8, nowMs + 30)!;
  assert.equal(next.firstMs, 50 + 2 * 4 - 30);
  assert.equal(next.followChance, 0.8);
});

test('a device that the server has overtaken starts from the newest text', () => {
  const forecast = new ArrivalForecast(windowTokens);
  const { nowMs, length } = play(forecast, { nowMs: 0, length: 10 }, 6, link);
  forecast.committed(length, true, nowMs);
  forecast.committed(length + 9, false, nowMs + 10);
  const next = forecast.next(length + 9, length + 9, 0.8, nowMs + 10)!;
  assert.equal(next.firstMs, 9);
  assert.equal(next.followChance, 1);
});

test('a late draft that contradicts the text dates the restart', () => {
  const forecast = new ArrivalForecast(windowTokens);
  const slow = { ...link, roundTripMs: 50 };
  const { nowMs, length } = play(forecast, { nowMs: 0, length: 10 }, 6, slow);
  forecast.committed(length, true, nowMs);
  forecast.committed(length + 1, false, nowMs + 30);
  forecast.contradicted(length);
  assert.equal(forecast.next(length + 1, length + 1, 0.8, nowMs + 54)!.firstMs, 30);
});

test('a full window is not taken for silence', () => {
  const forecast = new ArrivalForecast(4);
  const { nowMs, length } = play(forecast, { nowMs: 0, length: 10 }, 6, link);
  forecast.committed(length, true, nowMs);
  for (let index = 0; index < 4; index++) {
    forecast.arrived(length + index, 1, index === 0, nowMs + 9 + 4 * index);
  }
  assert.equal(forecast.next(length, length + 4, 0.8, nowMs + 22), null, 'the window is full');
  forecast.committed(length + 2, false, nowMs + 500);
  const next = forecast.next(length + 2, length + 4, 0.8, nowMs + 500)!;
  assert.equal(next.firstMs, 9);
  assert.equal(next.followChance, 1);
});

/** Corrections, answered in turns by a branch of four drafts and by a chain that begins then. */
function playBranches(forecast: ArrivalForecast, count: number) {
  const ahead = { roundTripMs: 5, tokenMs: 4, sizes: [1, 1, 1] };
  let state = { nowMs: 0, length: 10 };
  for (let round = 0; round < count; round++) {
    const { nowMs, length } = state;
    forecast.committed(length, true, nowMs);
    forecast.arrived(length, 4, true, nowMs + 5);
    state = play(forecast, { nowMs: nowMs + 6, length: length + 5 }, 1, ahead);
  }
  return state;
}

test('a device that drafts ahead is expected early, with several drafts, or late with one', () => {
  const forecast = new ArrivalForecast(windowTokens);
  const { nowMs, length } = playBranches(forecast, 8);
  forecast.committed(length, true, nowMs);
  const next = forecast.next(length, length, 0.8, nowMs)!;
  assert.deepEqual(next.early, { share: 0.5, firstMs: 5, firstCount: 4 });
  assert.equal(next.firstMs, 9);
  const later = forecast.next(length, length, 0.8, nowMs + 8)!;
  assert.equal(later.early, undefined, 'it has not drafted ahead');
  assert.equal(later.firstMs, 1);
});
