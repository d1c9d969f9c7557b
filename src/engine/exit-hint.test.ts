// Tests the guess of an exit: right wherever the exit's rows are right, calibrated, and dropped
// without numbers.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { slotId } from '../base/brand.js';
import { plainSampling, type Sampling } from '../math/sampling.js';
import type { ExitHint, Judge, SlotConfig } from './engine.js';
import { EngineCore } from './engine-core.js';
import { exitHintsContract } from './exit-hints.suite.js';
import { referenceRowMath } from './row-math.js';
import { createScriptedEngine, scriptedDefaults } from './scripted-engine.js';
import { ScriptedModel } from './scripted-model.js';

exitHintsContract('scripted, mostly right', async () =>
  createScriptedEngine({ exit: { agreement: 0.7 } }),
);
exitHintsContract('scripted, knowing nothing', async () =>
  createScriptedEngine({ exit: { agreement: 0 } }),
);

const slot = slotId(0);
const rounds = 600;

interface Tally {
  readonly right: number;
  /** Sum of the first candidates' confidences: the exit's expected success. */
  readonly expected: number;
}

/** Rounds of drafts from a worse model, each with its hint and its outcome. */
async function play(
  agreement: number,
  scheme: 'greedy' | 'coupled',
  sampling: Sampling,
  { draftLength, divergence } = { draftLength: 2, divergence: 0.5 },
): Promise<Tally> {
  const contextLength = (draftLength + 2) * rounds;
  const target = createScriptedEngine({ exit: { agreement }, contextLength });
  const draft = createScriptedEngine({ divergence, contextLength });
  const config: SlotConfig = { sampling, seed: 5n, promptLength: 1 };
  await target.open(slot, config);
  await draft.open(slot, config);
  let [right, expected] = [0, 0];
  /**
   * What the target has committed; all but the last is in its cache, and [0, fed) in the draft's.
   */
  const log = [0];
  let fed = 0;
  for (let round = 0; round < rounds; round++) {
    const from = log.length - 1;
    await draft.truncate(slot, fed);
    const stop = { confidenceMin: 0 };
    const tokens = Int32Array.from(log.slice(fed));
    const request = { slot, from: fed, tokens, countMax: draftLength, stop, scheme, attempt: 0 };
    const { drafted } = await draft.draft({ ...request, wantConfidence: false }).done;
    fed = log.length;
    const segment = Int32Array.from([log[from]!, ...drafted.map(({ token }) => token)]);
    const judge: Judge = { scheme, draftCount: drafted.length };
    let hint: ExitHint | null = null;
    const { outcomes } = await target.pass([{ slot, from, tokens: segment, judge }], (hints) => {
      hint = hints[0]!;
    });
    const { acceptedCount, final } = outcomes[0]!;
    assert.ok(final && final.kind !== 'law' && hint);
    const { candidates, confidences, ...guess } = hint as ExitHint;
    if (guess.acceptedCount === acceptedCount && candidates[0] === final.token) right++;
    expected += confidences[0]!;
    log.push(...segment.slice(1, 1 + acceptedCount), final.token);
  }
  return { right, expected };
}

describe('guess of an early exit', () => {
  for (const scheme of ['greedy', 'coupled'] as const) {
    for (const topK of [0, 1, 5]) {
      it(`is the verdict itself where the exit is right: ${scheme}, top-k ${topK}`, async () => {
        const { right } = await play(1, scheme, { ...plainSampling, topK });
        assert.equal(right, rounds);
      });
    }

    // 600 rounds at chance about 0.5: a deviation of 60 has five standard deviations.
    it(`comes true as often as it says: ${scheme}`, async () => {
      const { right, expected } = await play(0.6, scheme, { ...plainSampling, temperature: 0.3 });
      assert.ok(Math.abs(right - expected) < 60, `${right} right, ${expected.toFixed(0)} expected`);
    });
  }

  // Each row multiplies the probability that all earlier drafts are accepted. Without it every
  // guess would seem certain.
  for (const scheme of ['greedy', 'coupled'] as const) {
    it(`comes true as often as it says behind four drafts that mostly stand: ${scheme}`, async () => {
      const sampling = { ...plainSampling, temperature: 0.3 };
      const chain = { draftLength: 4, divergence: 0.2 };
      const { right, expected } = await play(0.6, scheme, sampling, chain);
      assert.ok(Math.abs(right - expected) < 60, `${right} right, ${expected.toFixed(0)} expected`);
    });
  }

  it('is dropped where the exit has no numbers, and the pass goes on', () => {
    const model = new ScriptedModel({ ...scriptedDefaults, exit: { agreement: 1 } });
    const broken = Object.assign(Object.create(model), {
      exit: model.exit,
      feed: (...[parts, onExit]: Parameters<typeof model.feed>) =>
        model.feed(parts, (rows) =>
          onExit?.({ ...rows, row: () => new Float32Array(16).fill(Number.NaN) }),
        ),
      row: (index: number) => model.row(index),
      truncate: (...args: Parameters<typeof model.truncate>) => model.truncate(...args),
    });
    const core = new EngineCore({
      model: broken,
      math: referenceRowMath(16),
      endOfText: new Set(),
      now: () => 0,
    });
    core.open(slot, { sampling: plainSampling, seed: 1n, promptLength: 0 });
    const segment = { slot, from: 0, tokens: Int32Array.of(3, 4), judge: null };
    const judge: Judge = { scheme: 'coupled', draftCount: 1 };
    const { outcomes } = core.pass([{ ...segment, judge }], () => assert.fail('a hint from NaN'));
    assert.equal(outcomes.length, 1);
  });
});
