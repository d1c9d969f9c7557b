// Tests how drafts share passes: their shapes, with room and without.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { slotId } from '../base/brand.js';
import { plainSampling } from '../math/sampling.js';
import type { DraftRequest } from './engine.js';
import { EngineCore } from './engine-core.js';
import { referenceRowMath } from './row-math.js';
import { scriptedDefaults } from './scripted-engine.js';
import { ScriptedModel, type ScriptedModelOptions } from './scripted-model.js';

/** A text to draft on: its tokens, and the tokens to draft. */
type Wanted = readonly [tokenCount: number, countMax: number];

function requestsOf(wanted: readonly Wanted[]): DraftRequest[] {
  return wanted.map(([tokenCount, countMax], slot) => ({
    slot: slotId(slot),
    from: 0,
    config: { sampling: plainSampling, seed: BigInt(slot), promptLength: 0 },
    tokens: new Int32Array(tokenCount).fill(3 + slot),
    countMax,
    stop: { confidenceMin: 0 },
    scheme: 'coupled',
    attempt: 0,
    wantConfidence: true,
  }));
}

/** Drafts together, checks each result against the draft alone, and tells the passes. */
function passesOf(wanted: readonly Wanted[], limits: Partial<ScriptedModelOptions> = {}) {
  const coreOf = (changes: Partial<ScriptedModelOptions>): EngineCore => {
    const model = new ScriptedModel({ ...scriptedDefaults, slotCount: 9, ...changes });
    const math = referenceRowMath(model.vocabSize);
    let time = 0;
    return new EngineCore({ model, math, endOfText: new Set(), now: () => time++ });
  };
  const requests = requestsOf(wanted);
  const { ends, passes } = coreOf(limits).draftEach(requests);
  const alone = coreOf({});
  for (const [index, request] of requests.entries()) {
    const control = { stopped: () => false, onToken: () => {} };
    assert.deepEqual(ends[index], alone.draft(request, control));
  }
  for (const { ms } of passes) assert.equal(ms, 1);
  return passes;
}

const shapesOf = (wanted: readonly Wanted[], limits: Partial<ScriptedModelOptions> = {}) =>
  passesOf(wanted, limits).map(({ tokenCount, rowCount }) => [tokenCount, rowCount]);

describe('drafts in shared passes', () => {
  it('give each draft that goes on one row of a pass', () => {
    assert.deepEqual(
      shapesOf([
        [3, 4],
        [5, 1],
        [2, 2],
      ]),
      [
        [10, 3],
        [2, 2],
        [1, 1],
        [1, 1],
      ],
    );
  });

  it('tell the cache that the tokens of a pass attend to', () => {
    const contexts = passesOf([
      [3, 2],
      [5, 2],
    ]).map(({ tokenContext }) => tokenContext);
    assert.deepEqual(contexts, [9 + 25, 4 + 6]);
  });

  it('feed a long prompt in what the others leave of a pass', () => {
    assert.deepEqual(
      shapesOf(
        [
          [10, 2],
          [1, 3],
        ],
        { passTokensMax: 4 },
      ),
      [
        [4, 1],
        [4, 1],
        [4, 1],
        [1, 1],
        [1, 1],
      ],
    );
  });

  it('take turns where a pass has fewer rows than there are drafts', () => {
    const nine = Array.from({ length: 9 }, (): Wanted => [1, 4]);
    const rows = shapesOf(nine, { passRowsMax: 8 }).map(([, rowCount]) => rowCount);
    assert.deepEqual(rows, [8, 8, 8, 8, 4]);
    const alone = shapesOf([...nine.slice(0, 3)], { passRowsMax: 1, passTokensMax: 1 });
    assert.deepEqual(alone, Array(12).fill([1, 1]));
  });

  it('feed all but the last token of a text that gets no row yet', () => {
    assert.deepEqual(
      shapesOf(
        [
          [2, 1],
          [5, 1],
        ],
        { passRowsMax: 1 },
      ),
      [
        [6, 1],
        [1, 1],
      ],
    );
  });
});
