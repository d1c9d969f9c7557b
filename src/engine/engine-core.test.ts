// What the core does when the model itself fails: nothing of a failed pass may stay behind.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { slotId } from '../base/brand.js';
import { plainSampling } from '../math/sampling.js';
import type { Segment } from './engine.js';
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
});
