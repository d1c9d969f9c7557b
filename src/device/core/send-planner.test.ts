// Checks when drafts leave in each mode and when they are sent again: the first verdict is given
// six times as long, and each time-out doubles the next, five times at most. Views are frozen, so a
// planner that writes to one throws.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SendPlanner } from './send-planner.js';
import type { SessionView } from './session-view.js';
import { chainOf, drafted, viewOf } from './session-view.suite.js';

const sent = (chain = chainOf(2)) => ({ ...chain, sentTo: chain.end });

describe('drafts', () => {
  it('of a pipeline leave at once while no answer is awaited', () => {
    const send = new SendPlanner().plan(viewOf({}, chainOf(2)), 0);
    assert.deepEqual([send?.from, send?.to, send?.frames.length, send?.isRepeat], [3, 5, 1, false]);
    assert.deepEqual([...send!.frames[0]!.ids], [2, 2]);
  });

  it('of a pipeline ask for one token where there are none and none come', () => {
    const [frame] = new SendPlanner().plan(viewOf(), 0)!.frames;
    assert.deepEqual([frame?.ids.length, frame?.more], [0, false]);
    assert.equal(new SendPlanner().plan(viewOf({ isAwaiting: true }), 0), null);
  });

  it('do not follow a residual token that ends the answer', () => {
    const wire = { id: 0, state: 'residual-due' } as const;
    const request = { ...viewOf().request, scheme: 'split' as const };
    const tokens = [3, 4].map((position) => ({ ...drafted(position), prob: 1 }));
    const chain = chainOf(2, { tokens: (from, to) => tokens.slice(from - 3, to - 3) });
    const sentWith = (token: number, endMax: number) => {
      const parts = { wire, request, residual: { token, isOpen: false }, endMax };
      const frames = new SendPlanner().plan(viewOf(parts, chain), 0)?.frames;
      return frames?.map(({ residual, ids, more }) => [residual, ids.length, more]);
    };
    assert.deepEqual(sentWith(1, 103), [[1, 0, false]], 'the end of the text');
    assert.deepEqual(sentWith(5, 3), [[5, 0, false]], 'the last token asked for');
    assert.deepEqual(sentWith(5, 103), [[5, 2, false]]);
  });

  it('are cut into frames of as many tokens as the server takes', () => {
    const send = new SendPlanner().plan(viewOf({ windowMax: 40 }, chainOf(40)), 0);
    assert.deepEqual(
      send?.frames.map(({ from, ids, more }) => [from, ids.length, more]),
      [
        [3, 32, true],
        [35, 8, false],
      ],
    );
  });

  it('stay here while the link is down, and while the whole law of a residual token is needed', () => {
    const planner = new SendPlanner();
    const link = { ...viewOf().link, welcome: null };
    assert.equal(planner.plan(viewOf({ link }, chainOf(2)), 0), null);
    const residual = { token: null, isOpen: true };
    assert.equal(planner.plan(viewOf({ residual }, chainOf(2)), 0), null);
  });

  it('fill at most 48 frames that no pass has taken: room is left for the same cut otherwise', () => {
    const request = { ...viewOf().request, scheme: 'full' as const };
    const law = { kind: 'dense', probs: new Float64Array(16) } as const;
    const chain = chainOf(60);
    const withLaws = {
      ...chain,
      tokens: (from: number, to: number) =>
        chain.tokens(from, to).map((token) => ({ ...token, law })),
    };
    const send = new SendPlanner().plan(viewOf({ request, windowMax: 60 }, withLaws), 0);
    assert.equal(send?.to, 51);
  });
});

describe('rounds', () => {
  const stopRule = { kind: 'fixed', draftLengthMax: 4 } as const;
  const request = { ...viewOf().request, mode: 'stop-and-wait' as const, stopRule };
  const running = {
    growths: ['chain'],
    isRunning: true,
    chainMayGrow: true,
    isBroken: false,
    absentCount: 0,
  };
  const sentOf = (length: number, isRunning: boolean, isAwaiting = false) => {
    const drafting = isRunning ? (running as SessionView['drafting']) : viewOf().drafting;
    const view = viewOf({ request, drafting, isAwaiting }, chainOf(length));
    return new SendPlanner().plan(view, 0)?.frames.map(({ ids }) => ids.length) ?? null;
  };

  it('leave when they are whole, one at a time', () => {
    assert.deepEqual([sentOf(0, true), sentOf(3, true), sentOf(4, true)], [null, null, [4]]);
    assert.deepEqual([sentOf(6, true), sentOf(4, true, true)], [[4], null]);
  });

  it('leave as they are where no more tokens come, if need be empty', () => {
    assert.deepEqual([sentOf(2, false), sentOf(0, false)], [[2], [0]]);
  });
});

describe('a new epoch', () => {
  it('has all of the room for frames', () => {
    const planner = new SendPlanner();
    const { link } = viewOf();
    const limits = { ...link.welcome!.limits, draftTokens: 4 };
    const parts = { windowMax: 200, link: { ...link, welcome: { ...link.welcome!, limits } } };
    for (let length = 1; length <= 40; length++) {
      const chain = { ...chainOf(length), sentTo: 2 + length, beginsEpoch: false };
      assert.equal(planner.plan(viewOf(parts, chain), 0)?.to, 3 + length);
    }
    const next = { ...chainOf(100), beginsEpoch: false };
    assert.equal(planner.plan(viewOf(parts, next), 0)?.to, 43 + 8 * 4);
    assert.equal(planner.plan(viewOf(parts, chainOf(100)), 0)?.to, 103);
  });
});

describe('drafts of race', () => {
  const mean = (value: number) => ({ count: 9, mean: value, deviation: 0 });
  const timings = { ...viewOf().timings, pass: mean(30), roundTrip: mean(20) };
  const request = { ...viewOf().request, mode: 'race' as const };
  const view = (length: number, sentTo = 3) =>
    viewOf({ request, timings, lastVerdictMs: 1_000 }, { ...chainOf(length), sentTo });

  it('wait for the last moment before a pass, and the next ones for the next', () => {
    const planner = new SendPlanner();
    assert.equal(planner.plan(view(1), 1_000), null);
    assert.equal(planner.dueMs(view(1)), 1_008.5);
    assert.equal(planner.plan(view(1), 1_008.5)?.to, 4);
    assert.equal(planner.plan(view(2, 4), 1_010), null);
    assert.equal(planner.dueMs(view(2, 4)), 1_038.5);
  });

  it('leave without a token that would come after that moment', () => {
    const drafting = {
      growths: ['chain'],
      isRunning: true,
      chainMayGrow: true,
      isBroken: false,
      absentCount: 0,
    };
    const parts = { request, lastVerdictMs: 1_000, drafting: drafting as SessionView['drafting'] };
    const drawn = viewOf({ ...parts, timings: { ...timings, draft: mean(8) } }, chainOf(1));
    const planner = new SendPlanner();
    assert.equal(planner.plan(drawn, 1_000), null);
    assert.equal(planner.plan(drawn, 1_001)?.to, 4);
  });

  it('wait anew once a verdict has shown when a pass ended', () => {
    const planner = new SendPlanner();
    planner.plan(view(1), 1_000);
    planner.onVerdict();
    assert.equal(planner.plan(view(1), 1_020), null);
    assert.equal(planner.dueMs(view(1)), 1_038.5);
  });

  it('leave at once where a pass is too short for the clock', () => {
    const fast = { ...timings, pass: mean(0) };
    const eager = viewOf({ request, timings: fast, lastVerdictMs: 1_000 }, chainOf(1));
    assert.equal(new SendPlanner().plan(eager, 1_000)?.to, 4);
    const short = { ...timings, pass: mean(1) };
    const waiting = viewOf({ request, timings: short, lastVerdictMs: 1_000 }, chainOf(1));
    assert.equal(new SendPlanner().plan(waiting, 1_000), null, 'a pass of 1 ms is not');
  });

  it('are sent again after a time-out, and nothing where there is none', () => {
    const repeated = (length: number) => new SendPlanner().repeat(view(length, 3 + length), 9_000);
    assert.deepEqual([repeated(2)?.frames.length, repeated(2)?.to], [1, 5]);
    assert.deepEqual([repeated(0)?.frames, repeated(0)?.isRepeat], [[], true]);
  });

  it('leave nearly at once in auto, and where enough are out when the pass of a verdict ends', () => {
    const auto = { ...request, mode: 'auto' as const };
    const times = { ...timings, pass: mean(100), verify: mean(100), draft: mean(10) };
    const of = (outCount: number) =>
      viewOf(
        { request: auto, timings: times, lastVerdictMs: 1_000, lastSendMs: 990 },
        { ...chainOf(outCount + 1), sentTo: 3 + outCount },
      );
    const planner = new SendPlanner();
    planner.onVerdict();
    assert.equal(planner.plan(of(1), 1_000), null);
    assert.equal(planner.dueMs(of(1)), 1_003);
    planner.onVerdict();
    assert.equal(planner.plan(of(8), 1_000), null);
    assert.equal(planner.dueMs(of(8)), 1_000 - timings.roundTrip.mean! + 95);
  });

  it('leave at once before the first verdict, and where that is asked for', () => {
    const first = viewOf({ request, timings }, chainOf(1));
    assert.equal(new SendPlanner().plan(first, 1_000)?.to, 4);
    const settings = { ...viewOf().settings, sending: 'at-once' as const };
    const eager = viewOf({ request, timings, settings, lastVerdictMs: 1_000 }, chainOf(1));
    assert.equal(new SendPlanner().plan(eager, 1_000)?.to, 4);
  });
});

describe('time-outs', () => {
  const isTimedOut = (changes: Parameters<typeof viewOf>[0], nowMs: number): boolean =>
    new SendPlanner().isTimedOut(
      viewOf({ isAwaiting: true, lastSendMs: 0, ...changes }, sent()),
      nowMs,
    );
  const firstOf = (changes: Parameters<typeof viewOf>[0]): number => {
    let ms = 0;
    while (!isTimedOut(changes, ms)) ms += 100;
    return ms;
  };

  it('come after verdictTimeoutMs, and six times later before the first verdict', () => {
    assert.equal(firstOf({ lastVerdictMs: 0 }), 1_000);
    assert.equal(firstOf({}), 6_000);
  });

  it('double with each in a row, up to 32 times as long', () => {
    const after = [1, 2, 5, 6].map((timeouts) => firstOf({ lastVerdictMs: 0, timeouts }));
    assert.deepEqual(after, [2_000, 4_000, 32_000, 32_000]);
  });

  it('come no earlier than eight rounds as measured', () => {
    const roundTimes = { draftMs: 10, verifyMs: 100, roundTripMs: 200 };
    const timings = { ...viewOf().timings, roundTimes };
    assert.equal(firstOf({ lastVerdictMs: 0, timings }), 2_400);
  });

  it('repeat all that is out, in the same epoch', () => {
    const chain = { ...sent(), epoch: 4, nextEpoch: 4, beginsEpoch: false };
    const send = new SendPlanner().repeat(
      viewOf({ isAwaiting: true, lastSendMs: 0 }, chain),
      6_000,
    );
    assert.deepEqual([send?.from, send?.to, send?.isRepeat], [3, 5, true]);
    assert.equal(send?.frames[0]?.epoch, 4);
  });

  it('of frames that leave on a flush timer repeat with the next flush', () => {
    const planner = new SendPlanner();
    const on = (flushMs: number) =>
      viewOf({ link: { ...viewOf().link, flushMs }, isAwaiting: true, lastSendMs: 0 }, sent());
    assert.equal(planner.repeat(on(6_100), 6_000), null);
    assert.equal(planner.plan(on(6_100), 6_050), null);
    assert.equal(planner.plan(on(6_100), 6_100)?.isRepeat, true);
    assert.equal(planner.plan(on(6_200), 6_200)?.isRepeat ?? null, null);
  });
});
