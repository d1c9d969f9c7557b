// Checks that drafts of the chain begin while the window has room and the drafter is free, and end
// when the window is full. Views are frozen, so a planner that writes to one throws.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chainOf, viewOf } from '../session-view.suite.js';
import { ChainPlanner } from './chain-planner.js';

const plan = (...view: Parameters<typeof viewOf>) => new ChainPlanner().plan(viewOf(...view), 0);
const running = {
  growths: ['chain'],
  isRunning: true,
  chainMayGrow: true,
  isBroken: false,
  absentCount: 0,
} as const;

describe('drafts of the chain', () => {
  it('begin with as many tokens as the window leaves', () => {
    const action = plan({ windowMax: 8 }, chainOf(3));
    assert.ok(action.kind === 'start');
    assert.deepEqual(action.grows, ['chain']);
    const plain = { confidenceMin: 0, wantConfidence: false, alternativesMax: 0 };
    assert.deepEqual(action.run, { countMax: 5, ...plain });
  });

  it('end at an unsure token, but in rounds, where the sender looks at the confidences', () => {
    const stopRule = { kind: 'confidence', confidenceMin: 0.5, draftLengthMax: 8 } as const;
    const found = (['pipeline', 'stop-and-wait'] as const).map((mode) => {
      const action = plan({ request: { ...viewOf().request, mode, stopRule } });
      assert.ok(action.kind === 'start');
      return [action.run.confidenceMin, action.run.wantConfidence];
    });
    assert.deepEqual(found, [
      [0.5, false],
      [0, true],
    ]);
  });

  it('come with confidences in auto, where the server has use for them', () => {
    const asks = (mode: 'auto' | 'race', version: number): boolean => {
      const { request, link } = viewOf();
      const welcome = { ...link.welcome!, version };
      const action = plan({ request: { ...request, mode }, link: { ...link, welcome } });
      assert.ok(action.kind === 'start');
      return action.run.wantConfidence;
    };
    assert.deepEqual([asks('auto', 4), asks('auto', 3), asks('race', 4)], [true, false, false]);
  });

  it('leave the last token of the answer to the target', () => {
    const action = plan({ endMax: 7 }, chainOf(0));
    assert.ok(action.kind === 'start');
    assert.equal(action.run.countMax, 3);
    assert.deepEqual(plan({ endMax: 4 }), { kind: 'stop' });
  });

  it('go on while there is room, and stop when the window is full', () => {
    assert.equal(plan({ drafting: running, windowMax: 8 }, chainOf(7)).kind, 'keep');
    assert.equal(plan({ drafting: running, windowMax: 8 }, chainOf(8)).kind, 'stop');
  });

  it('rest while the drafter does, and while drafting does not pay', () => {
    const resting = { ...running, growths: [], isRunning: false, chainMayGrow: false };
    assert.equal(plan({ drafting: resting }).kind, 'keep');
    assert.equal(plan({ draftAllowance: 0 }).kind, 'stop');
  });

  it('are few in a probe', () => {
    const action = plan({ draftAllowance: 4 }, chainOf(2));
    assert.ok(action.kind === 'start');
    assert.equal(action.run.countMax, 4);
  });

  it('go on through advice and rests while they are shown in place of the server', () => {
    const request = { ...viewOf().request, fallback: 'provisional' as const };
    const link = { ...viewOf().link, welcome: null, downSinceMs: -200 };
    const action = plan({ request, link, advisedDraftLength: 0, draftAllowance: 0 });
    assert.equal(action.kind, 'start');
  });

  it('of a round rest while its verdict is awaited, where nothing may be drafted ahead', () => {
    const { request, settings } = viewOf();
    const ahead = { ...settings.ahead, ownContinuation: false };
    const terms = { ...request, mode: 'stop-and-wait' as const };
    const view = { settings: { ...settings, ahead }, request: terms, isAwaiting: true };
    assert.deepEqual(plan(view), { kind: 'stop' });
    assert.equal(plan({ ...view, isAwaiting: false }).kind, 'start');
  });

  it('of a round are the round and as much again, ahead of its verdict', () => {
    const stopRule = { kind: 'fixed', draftLengthMax: 4 } as const;
    const request = { ...viewOf().request, mode: 'stop-and-wait' as const, stopRule };
    const action = plan({ request });
    assert.ok(action.kind === 'start');
    assert.equal(action.run.countMax, 8);
  });
});
