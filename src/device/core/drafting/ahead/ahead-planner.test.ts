// Checks when branches are drafted beside the chain, and which run goes on. Views are frozen, so a
// planner that writes to one throws.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DraftedToken } from '../../../../engine/engine.js';
import { type Hint, modes, schemes } from '../../../../protocol/frame.js';
import type { GenerateRequest } from '../../event.js';
import { settings as linkSettings } from '../../link-fixture.suite.js';
import type { SessionView } from '../../session-view.js';
import { chainOf, drafted, meanOf, viewOf } from '../../session-view.suite.js';
import type { DraftAction } from '../draft-planner.js';
import { type AheadBudget, aheadDefaults } from './ahead-budget.js';
import { AheadPlanner, holdsBranches } from './ahead-planner.js';

const unsure: DraftedToken = {
  ...drafted(3),
  alternatives: { tokens: Int32Array.of(4), gaps: Float64Array.of(0) },
};
/** The chain is full with one token that is out, and a runner-up came close to it. */
const full = chainOf(1, { sentTo: 4, at: (position) => (position === 3 ? unsure : null) });

function viewWith(changes: Partial<SessionView> = {}, ahead: Partial<AheadBudget> = {}) {
  const settings = { ...linkSettings, ahead: { ...aheadDefaults, ...ahead } };
  const stopRule = { kind: 'fixed', draftLengthMax: 8 } as const;
  const request = { ...viewOf().request, stopRule, ...changes.request };
  return viewOf({ isAwaiting: true, windowMax: 1, ...changes, settings, request }, full);
}

const planOf = (view: SessionView): DraftAction => new AheadPlanner(view.settings).plan(view, 0);

describe('branches', () => {
  it('are drafted while a verdict is awaited and the chain may not grow', () => {
    const action = planOf(viewWith());
    assert.ok(action.kind === 'start' && action.grows[0] !== 'chain');
    const { position, token, source } = action.grows[0]!;
    assert.deepEqual([position, token, source], [3, 4, 'runner-up']);
  });

  it('are not drafted while no verdict is awaited, nor while drafts are shown', () => {
    assert.deepEqual(planOf(viewWith({ isAwaiting: false })), { kind: 'stop' });
    const { request, link } = viewWith();
    const away = { ...link, welcome: null, downSinceMs: -1_000 };
    const shown = { request: { ...request, fallback: 'provisional' as const }, link: away };
    const action = planOf(viewWith(shown));
    assert.ok(action.kind === 'start');
    assert.deepEqual(action.grows, ['chain']);
  });

  it('are held under schemes whose corrections a draft predicts, in modes that wait', () => {
    const held = (changes: Partial<GenerateRequest>, ahead: Partial<AheadBudget> = {}): boolean => {
      const { settings, request } = viewWith({}, ahead);
      return holdsBranches(settings, { ...request, ...changes });
    };
    const ofScheme = schemes.filter((scheme) => held({ scheme }));
    assert.deepEqual(new Set(ofScheme), new Set(['greedy', 'coupled']));
    const ofMode = modes.filter((mode) => held({ mode }));
    assert.deepEqual(new Set(ofMode), new Set(['auto', 'pipeline', 'stop-and-wait']));
    assert.deepEqual([held({ mode: 'race' }, { inRace: true })], [true]);
    assert.deepEqual([held({}, { tokensMax: 1 }), held({}, { tokensMax: 0 })], [true, false]);
  });

  it('are not begun again while their run goes on, and end with a broken drafter', () => {
    const running = { isRunning: true, chainMayGrow: true, isBroken: false, absentCount: 0 };
    const drafting = { ...running, growths: ['chain'] } as const;
    assert.deepEqual(planOf(viewWith({ drafting, windowMax: 8 })), { kind: 'keep', unwanted: [] });
    const isFull = planOf(viewWith({ drafting }));
    assert.ok(isFull.kind === 'start' && isFull.grows[0] !== 'chain');
    const broken = {
      growths: [],
      isRunning: false,
      chainMayGrow: false,
      isBroken: true,
      absentCount: 0,
    };
    assert.equal(planOf(viewWith({ drafting: broken })).kind, 'stop');
  });

  it('are not drafted any more where the target has never picked a runner-up', () => {
    const view = viewWith({}, { chanceMin: 0.1 });
    const planner = new AheadPlanner(view.settings);
    const log = { length: 4, at: () => 9 };
    const told = viewOf({ text: { ...view.text!, log } }, full);
    for (let count = 0; count < 200; count++) planner.learn(told, 3);
    assert.deepEqual([planner.plan(view, 0).kind, planOf(view).kind], ['stop', 'start']);
  });

  it('that are not held any more are void', () => {
    const stranger = {
      position: 3,
      token: 9,
      source: 'hint',
      drafted: [],
      isClosed: false,
    } as const;
    const growths = ['chain', stranger] as unknown as SessionView['drafting']['growths'];
    const drafting = {
      growths,
      isRunning: true,
      chainMayGrow: true,
      isBroken: false,
      absentCount: 0,
    };
    const action = planOf(viewWith({ drafting, windowMax: 8 }));
    assert.ok(action.kind === 'keep' && action.unwanted.length === 1);
    assert.deepEqual(action.unwanted[0], stranger);
  });

  it('take the place of a chain between two passes, once a hint has made them likelier', () => {
    const drafting = {
      growths: ['chain'],
      isRunning: true,
      chainMayGrow: true,
      isBroken: false,
      absentCount: 0,
    };
    const sure = { ...unsure, alternatives: { ...unsure.alternatives!, gaps: Float64Array.of(9) } };
    const chain = chainOf(1, { sentTo: 4, at: () => sure, beginsEpoch: false });
    const { settings, request } = viewWith();
    const parts = { settings, request, drafting, isAwaiting: true } as Partial<SessionView>;
    const view = viewOf(parts, chain);
    const planner = new AheadPlanner(settings);
    const hint = { candidates: Int32Array.of(9), confidences: Float32Array.of(0.9) };
    const hear = (changes: object = {}) =>
      planner.hint(view, { ...hint, ...{ epoch: 0, position: 3 }, ...changes } as Hint, 0);
    const keep = { kind: 'keep', unwanted: [] };
    planner.drafted([]);
    assert.deepEqual(planner.plan(view, 0), keep, 'no news');
    for (const other of [{ epoch: 1 }, { position: 2 }, { position: 5 }]) hear(other);
    planner.drafted([]);
    assert.deepEqual(planner.plan(view, 0), keep, 'late hints, or of another chain');
    hear();
    assert.deepEqual(planner.plan(view, 0), keep, 'a pass is on');
    planner.drafted([]);
    const action = planner.plan(view, 0);
    assert.ok(action.kind === 'start' && action.grows[0] !== 'chain');
    assert.deepEqual([action.grows.length, action.grows[0]?.token], [1, 9]);
    assert.deepEqual([planner.tally.hintCount, planner.tally.lateHintCount], [1, 3]);
  });

  it('do not take its place without news, though they are likelier', () => {
    const drafting = {
      growths: ['chain'],
      isRunning: true,
      chainMayGrow: true,
      isBroken: false,
      absentCount: 0,
    };
    const chain = chainOf(2, { sentTo: 5, at: (position) => ({ ...unsure, position }) });
    const { settings, request } = viewWith();
    const parts = { settings, request, drafting, isAwaiting: true } as Partial<SessionView>;
    const view = viewOf(parts, chain);
    const planner = new AheadPlanner(settings);
    planner.drafted([]);
    assert.equal(planner.plan(view, 0).kind, 'keep');
    planner.advance(view, 0);
    assert.equal(planner.plan(view, 0).kind, 'keep', 'a pass is on');
    planner.drafted([]);
    assert.equal(planner.plan(view, 0).kind, 'start');
    planner.drafted([]);
    assert.equal(planner.plan(view, 0).kind, 'keep', 'the news is used');
    const begun = new AheadPlanner(settings);
    begun.advance(view, 0);
    assert.equal(
      begun.plan(viewOf({ ...parts, drafting: viewOf().drafting }, chain), 0).kind,
      'start',
    );
    begun.drafted([]);
    assert.equal(begun.plan(view, 0).kind, 'keep', 'the run began with the news');
    const fresh = new AheadPlanner(settings);
    fresh.advance(view, 0);
    assert.equal(fresh.plan(view, 0).kind, 'keep', 'no pass has ended');
  });

  it('are weighed against the run once for each piece of news', () => {
    const drafting = {
      growths: ['chain'],
      isRunning: true,
      chainMayGrow: true,
      isBroken: false,
      absentCount: 0,
    };
    const { settings, request } = viewWith();
    const parts = { settings, request, drafting, isAwaiting: true } as Partial<SessionView>;
    const viewAt = (gap: number): SessionView => {
      const alternatives = { ...unsure.alternatives!, gaps: Float64Array.of(gap) };
      const at = (position: number) => ({ ...unsure, position, alternatives });
      return viewOf(parts, chainOf(2, { sentTo: 5, at }));
    };
    const planner = new AheadPlanner(settings);
    planner.advance(viewAt(9), 0);
    planner.drafted([]);
    assert.equal(planner.plan(viewAt(9), 0).kind, 'keep', 'the chain is likelier');
    planner.drafted([]);
    assert.equal(planner.plan(viewAt(0), 0).kind, 'keep', 'no news since');
  });

  it('of race are worth less by each token that the server writes meanwhile', () => {
    const raced = (passMs: number, roundTripMs: number | null, chanceMin: number): string => {
      const means = { pass: meanOf(passMs), roundTrip: meanOf(roundTripMs), acceptanceRate: 0.5 };
      const timings = { ...viewOf().timings, ...means };
      const request = { ...viewOf().request, mode: 'race' as const };
      return planOf(viewWith({ timings, request }, { inRace: true, chanceMin })).kind;
    };
    // The runner-up comes in 42 % of the cases, its next token in half of these.
    assert.equal(raced(0, 20, 0.2), 'start', 'passes too short for the clock lose none');
    // One is lost as long as no round trip was measured, then one more for each pass of it.
    assert.deepEqual([raced(0.5, null, 0.1), raced(0.5, null, 0.11)], ['start', 'stop']);
    assert.deepEqual([raced(10, 25, 0.026), raced(10, 25, 0.027)], ['start', 'stop']);
  });
});
