// Checks log-probabilities as a device reports them: the target's own, once for every committed
// token, under every scheme and mode, over failing links.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { scriptedDefaults } from '../../engine/scripted-engine.js';
import { ScriptedModel } from '../../engine/scripted-model.js';
import { type TokenLogprobs, tokenLogprobs } from '../../math/logprobs.js';
import { isOffered, modes, schemes } from '../../protocol/frame.js';
import { DeviceWorld, request, type WorldOptions } from './device-world.suite.js';
import type { AnswerEffect, GenerateRequest } from './event.js';

const topLogprobs = 3;

/** What the target says of each token of an answer. */
function reference(tokens: readonly number[]): readonly TokenLogprobs[] {
  assert.ok(request.prompt.kind === 'ids');
  const { ids } = request.prompt;
  const model = new ScriptedModel(scriptedDefaults);
  const text = Int32Array.of(...ids, ...tokens);
  return tokens.map((token, index) => {
    const length = ids.length + index;
    model.truncate(0, 0);
    model.feed([{ slot: 0, from: 0, tokens: text.subarray(0, length), rowCount: 1 }]);
    return tokenLogprobs(model.row(0), token, topLogprobs);
  });
}

/** What an answer was told, by position after the prompt. */
function ask(
  options: Partial<WorldOptions>,
  changes: Partial<GenerateRequest>,
): { readonly heard: readonly (TokenLogprobs | undefined)[]; readonly tokens: readonly number[] } {
  const world = new DeviceWorld(options);
  const reported = world.generate(0, { topLogprobs, ...changes });
  const heard: (TokenLogprobs | undefined)[] = [];
  const hear = (position: number, logprobs: TokenLogprobs | undefined): void => {
    assert.ok(logprobs !== undefined, `none of position ${position}`);
    assert.equal(heard[position - 3], undefined, `position ${position} twice`);
    heard[position - 3] = logprobs;
  };
  const apply = reported.apply.bind(reported);
  reported.apply = (effect: AnswerEffect) => {
    if (effect.kind === 'tokens') {
      for (const { position, origin, logprobs } of effect.tokens) {
        if (origin === 'provisional') assert.equal(logprobs, undefined);
        else hear(position, logprobs);
      }
    }
    if (effect.kind === 'confirmed') {
      for (let at = effect.from; at < effect.to; at++)
        hear(at, effect.logprobs?.[at - effect.from]);
    }
    return apply(effect);
  };
  world.run();
  assert.equal(reported.end?.kind, 'ended');
  return { heard, tokens: reported.tokens.map(({ token }) => token) };
}

describe('log-probabilities on a device', () => {
  for (const scheme of schemes) {
    for (const mode of modes.filter((word) => isOffered(scheme, word))) {
      it(`are the target's for every token under ${scheme} in ${mode}`, () => {
        const temperature = scheme === 'greedy' ? 0 : 0.9;
        const sampling = { ...request.sampling, temperature, presencePenalty: 0.4 };
        const { heard, tokens } = ask({}, { scheme, mode, sampling });
        assert.equal(tokens.length, 40);
        assert.deepEqual(heard, reference(tokens));
      });
    }
  }

  for (const scheme of ['coupled', 'split'] as const) {
    it(`are told once under ${scheme} though links break, and a resumption brings what was lost`, () => {
      const cuts = Array.from({ length: 12 }, (_, index) => 250 + 331 * index);
      const mode = scheme === 'split' ? 'pipeline' : 'race';
      const { heard, tokens } = ask({ cuts, roundTripMs: 60 }, { scheme, mode });
      assert.deepEqual(heard, reference(tokens));
    });
  }

  it('come with a cut law, and with the whole law where the cut does not suffice', () => {
    for (const seed of [1n, 2n, 3n, 4n]) {
      const cut = { keepMax: 2 };
      const { heard, tokens } = ask({}, { scheme: 'split', mode: 'pipeline', cut, seed });
      assert.deepEqual(heard, reference(tokens));
    }
  });

  it('come with the confirmation of provisional tokens, and with no unverified token', () => {
    const { heard, tokens } = ask(
      { outages: [[200, 900]], draft: { divergence: 0.05 } },
      { fallback: 'provisional' },
    );
    assert.deepEqual(heard, reference(tokens));
  });

  it('are not sent where they are not requested', () => {
    const world = new DeviceWorld();
    world.generate(0);
    world.run();
    const verdicts = world.frames.down.filter((frame) => frame.kind === 'verdict');
    assert.ok(verdicts.length > 0 && verdicts.every(({ logprobs }) => logprobs === null));
  });
});
