// Tests that a failed pass of the model leaves nothing behind in the core.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { slotId } from '../base/brand.js';
import { plainSampling } from '../math/sampling.js';
import type { DraftRequest, Segment } from './engine.js';
import { EngineCore } from './engine-core.js';
import { referenceRowMath } from './row-math.js';
import { scriptedDefaults } from './scripted-engine.js';
import { ScriptedModel } from './scripted-model.js';

/** A toy whose rows can be broken for a while. */
class BrokenModel extends ScriptedModel {
  brokenRow = -1;

  override row(index: number): Float32Array {
    return index === this.brokenRow
      ? new Float32Array(this.vocabSize).fill(Number.NaN)
      : super.row(index);
  }
}

describe('engine core', () => {
  it('undoes a pass whose rows cannot be judged, in cache and log, for every segment', () => {
    const model = new BrokenModel(scriptedDefaults);
    const math = referenceRowMath(model.vocabSize);
    const core = new EngineCore({ model, math, endOfText: new Set([1]), now: () => 0 });
    const slots = [slotId(0), slotId(1)];
    for (const slot of slots) {
      core.open(slot, {
        sampling: { ...plainSampling, presencePenalty: 1 },
        seed: 1n,
        promptLength: 0,
      });
    }
    const segments = slots.map(
      (slot): Segment => ({
        slot,
        from: 0,
        tokens: Int32Array.of(0, 3, 4, 5),
        judge: { scheme: 'coupled', draftCount: 2 },
      }),
    );
    const expected = core.pass(segments).outcomes;
    for (const slot of slots) core.truncate(slot, 0);
    for (const brokenRow of [0, 3]) {
      model.brokenRow = brokenRow;
      assert.throws(() => core.pass(segments), { code: 'engine-failed' });
      for (const slot of slots) assert.equal(core.tokens(slot).length, 0);
    }
    model.brokenRow = -1;
    assert.deepEqual(core.pass(segments).outcomes, expected);
  });

  it('takes back all of a draft that fails on its way', () => {
    const model = new BrokenModel(scriptedDefaults);
    const math = referenceRowMath(model.vocabSize);
    const core = new EngineCore({ model, math, endOfText: new Set(), now: () => 0 });
    core.open(0, { sampling: plainSampling, seed: 1n, promptLength: 0 });
    core.pass([{ slot: slotId(0), from: 0, tokens: Int32Array.of(0, 3), judge: null }]);
    const request: DraftRequest = {
      slot: slotId(0),
      from: 2,
      tokens: Int32Array.of(4, 5),
      countMax: 6,
      stop: { confidenceMin: 0 },
      scheme: 'coupled',
      attempt: 0,
      wantConfidence: false,
    };
    let reported = 0;
    const breakAfterThree = (): void => {
      if (++reported === 3) model.brokenRow = 0;
    };
    const failing = { stopped: () => false, onToken: breakAfterThree };
    assert.throws(() => core.draft(request, failing), { code: 'engine-failed' });
    assert.equal(reported, 3);
    assert.deepEqual([...core.tokens(0)], [0, 3]);
    model.brokenRow = -1;
    const sound = { stopped: () => false, onToken: () => {} };
    assert.equal(core.draft(request, sound).drafted.length, 6);
  });

  it('takes back every slot of shared drafts of which one cannot go on', () => {
    const model = new BrokenModel(scriptedDefaults);
    const math = referenceRowMath(model.vocabSize);
    const core = new EngineCore({ model, math, endOfText: new Set(), now: () => 0 });
    const config = { sampling: plainSampling, seed: 1n, promptLength: 0 };
    const requests = [0, 1, 2].map((slot) => {
      core.open(slot, config);
      const tokens = Int32Array.of(4, 5, 6, 7);
      core.pass([{ slot: slotId(slot), from: 0, tokens, judge: null }]);
      const rest = { attempt: 0, wantConfidence: false, stop: { confidenceMin: 0 } };
      const fed = { slot: slotId(slot), from: slot, tokens: Int32Array.of(0, 3), countMax: 3 };
      return { ...fed, scheme: 'coupled', ...rest, ...(slot === 1 && { config }) } as const;
    });
    model.brokenRow = 1;
    assert.throws(() => core.draftEach(requests), { code: 'engine-failed' });
    for (const { slot } of requests)
      assert.deepEqual([...core.tokens(slot)], [4, 5].slice(0, slot));
    model.brokenRow = -1;
    const { ends } = core.draftEach(requests);
    const alone = requests.map((request) =>
      core.draft(request, { stopped: () => false, onToken: () => {} }),
    );
    assert.deepEqual(ends, alone);
  });

  it('leaves a slot open and empty that was handed the cache of another model', () => {
    const math = referenceRowMath(16);
    const coreOf = (vocabSize: number): EngineCore =>
      new EngineCore({
        model: new ScriptedModel({ ...scriptedDefaults, vocabSize }),
        math,
        endOfText: new Set(),
        now: () => 0,
      });
    const [here, there] = [coreOf(16), coreOf(15)];
    const config = { sampling: plainSampling, seed: 1n, promptLength: 0 };
    for (const core of [here, there]) {
      core.open(0, config);
      core.pass([{ slot: slotId(0), from: 0, tokens: Int32Array.of(2, 3), judge: null }]);
    }
    const restore = (): void => here.restore(0, there.save(0), config);
    assert.throws(restore, { code: 'segment-invalid', message: /another model or cache type/ });
    assert.equal(here.tokens(0).length, 0);
    const again = { slot: slotId(0), from: 0, tokens: Int32Array.of(2, 3), judge: null };
    assert.equal(here.pass([again]).outcomes[0]!.length, 2);
  });
});
