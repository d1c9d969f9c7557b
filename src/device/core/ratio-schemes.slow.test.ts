// Checks that text follows the target's law under the ratio schemes in every mode, with every
// drafter, over links that break: compares the first tokens of many answers with the law computed
// token by token.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EngineCore } from '../../engine/engine-core.js';
import { referenceRowMath } from '../../engine/row-math.js';
import { scriptedDefaults } from '../../engine/scripted-engine.js';
import { ScriptedModel } from '../../engine/scripted-model.js';
import { chiSquareFit } from '../../math/chi-square.suite.js';
import { type Law, probOf, tokenAt } from '../../math/law.js';
import type { Sampling } from '../../math/sampling.js';
import type { Mode, Scheme } from '../../protocol/frame.js';
import { DeviceWorld, request, type WorldOptions } from './device-world.suite.js';

const sampling: Sampling = { ...request.sampling, topK: 3 };
const written = 3;

/**
 * The target's law after a prefix: a draft that it excludes is always rejected, and the law comes
 * with the verdict.
 */
function targetLaw(prefix: readonly number[]): Law {
  const engine = new EngineCore({
    model: new ScriptedModel(scriptedDefaults),
    math: referenceRowMath(scriptedDefaults.vocabSize),
    endOfText: new Set(),
    now: () => 0,
  });
  engine.open(0, { sampling, seed: 0n, promptLength: 0 });
  const banned = 1;
  const judge = { scheme: 'split', draftCount: 1, draftProbs: Float64Array.of(1) } as const;
  const tokens = Int32Array.of(...prefix, banned);
  const { final } = engine.pass([{ slot: 0 as never, from: 0, tokens, judge }]).outcomes[0]!;
  assert.ok(final?.kind === 'law');
  return final.law;
}

function jointLaw(): Map<string, number> {
  assert.ok(request.prompt.kind === 'ids');
  let texts = new Map<string, number>([['', 1]]);
  for (let depth = 0; depth < written; depth++) {
    const longer = new Map<string, number>();
    for (const [text, probability] of texts) {
      const tokens = text === '' ? [] : text.split(' ').map(Number);
      const law = targetLaw([...request.prompt.ids, ...tokens]);
      law.probs.forEach((_, index) => {
        const token = tokenAt(law, index);
        longer.set([...tokens, token].join(' '), probability * probOf(law, token));
      });
    }
    texts = longer;
  }
  return texts;
}

const runs = 500;

describe('laws over the wire', () => {
  const expected = jointLaw();
  const cases: [Scheme, Mode, Partial<WorldOptions>, number | null][] = [
    ['split', 'stop-and-wait', {}, null],
    ['split', 'pipeline', { draftMs: 3 }, null],
    ['split', 'pipeline', { draftMs: 3 }, 1],
    ['split', 'pipeline', { drafter: 'suffix' }, null],
    ['full', 'stop-and-wait', { cuts: [95, 160] }, null],
    ['full', 'pipeline', { draftMs: 3 }, null],
    ['agreement', 'pipeline', {}, null],
    ['coupled', 'race', {}, null],
  ];
  for (const [scheme, mode, options, keepMax] of cases) {
    const name = `${scheme} in ${mode} ${JSON.stringify(options)} cut at ${keepMax}`;
    it(`${name} draws three tokens from the target's law (false alarm 1e-6)`, () => {
      const counts = new Map([...expected.keys()].map((text) => [text, 0]));
      let drafted = 0;
      for (let seed = 0; seed < runs; seed++) {
        const world = new DeviceWorld({ draft: { divergence: 0.5 }, seed, ...options });
        const reported = world.generate(0, {
          scheme,
          mode,
          sampling,
          seed: BigInt(seed),
          // One more than is looked at: the last token of an answer is never a draft.
          tokensMax: written + 1,
          cut: keepMax === null ? null : { keepMax },
        });
        world.run();
        assert.equal(reported.end?.kind, 'ended', `seed ${seed}`);
        const tokens = reported.tokens.slice(0, written);
        drafted += tokens.filter(({ origin }) => origin === 'drafted').length;
        const text = tokens.map(({ token }) => token).join(' ');
        assert.ok(counts.has(text), `text ${text} has probability 0 under the target`);
        counts.set(text, counts.get(text)! + 1);
      }
      const { pValue } = chiSquareFit([...counts.values()], [...expected.values()]);
      assert.ok(pValue > 1e-6, `chi-square p-value ${pValue} over ${runs} texts`);
      if (options.drafter !== 'suffix')
        assert.ok(drafted > runs / 4, `only ${drafted} drafts stood`);
    });
  }
});
