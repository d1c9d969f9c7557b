// Tests that the local loop writes the target's text for any drafts, and reports its rounds
// truthfully.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { plainSampling } from '../../math/sampling.js';
import { schemes } from '../../math/scheme.js';
import type { Engine } from '../engine.js';
import { createScriptedEngine } from '../scripted-engine.js';
import { bannedEnd } from '../scripted-vocabulary.js';
import { detokenize } from '../text-stream.js';
import {
  type SpeculateRequest,
  type SpeculationEnd,
  type SpeculationRound,
  speculate,
} from './speculate.js';

const request: SpeculateRequest = {
  prompt: Int32Array.of(0, 3, 5),
  tokensMax: 40,
  scheme: 'coupled',
  sampling: bannedEnd,
  seed: 11n,
  draftLength: 4,
  confidenceMin: 0,
};

async function run(target: Engine, draft: Engine | null, changes: Partial<SpeculateRequest> = {}) {
  const rounds: SpeculationRound[] = [];
  const generator = speculate(target, draft, { ...request, ...changes });
  let end: SpeculationEnd;
  for (;;) {
    const next = await generator.next();
    if (next.done) {
      end = next.value;
      break;
    }
    rounds.push(next.value);
  }
  return { rounds, end, tokens: rounds.flatMap(({ tokens }) => tokens) };
}

describe('local speculation', () => {
  it('under greedy and coupled, writes target-only text for every draft, length and threshold', async () => {
    const target = createScriptedEngine();
    for (const scheme of ['greedy', 'coupled'] as const) {
      const { tokens } = await run(target, null, { scheme, draftLength: 0 });
      assert.equal(tokens.length, 40);
      for (const divergence of [0, 0.5, 3]) {
        const draft = createScriptedEngine({ divergence });
        for (const draftLength of [0, 1, 2, 4, 8, 39, 100]) {
          for (const confidenceMin of [0, 0.4]) {
            const same = await run(target, draft, { scheme, draftLength, confidenceMin });
            assert.deepEqual(same.tokens, tokens, `${scheme} ${divergence} ${draftLength}`);
          }
        }
      }
    }
  });

  it('under every scheme, a target that drafts for itself is never rejected', async () => {
    for (const scheme of schemes.filter((name) => name !== 'agreement')) {
      const { rounds, tokens } = await run(createScriptedEngine(), createScriptedEngine(), {
        scheme,
      });
      for (const { drafted, acceptedCount, final } of rounds) {
        assert.equal(acceptedCount, drafted.length, scheme);
        assert.equal(final, 'bonus');
      }
      assert.equal(tokens.length, 40);
      assert.equal(rounds.length, 8, 'five tokens a round');
    }
  });

  it('tells log-probabilities of every token once under every scheme, the same in all that write one text', async () => {
    const [target, draft] = [createScriptedEngine(), createScriptedEngine({ divergence: 0.4 })];
    const reported = async (changes: Partial<SpeculateRequest>) => {
      const { rounds, tokens } = await run(target, draft, { topLogprobs: 2, ...changes });
      const logprobs = rounds.flatMap((round) => round.logprobs ?? []);
      assert.equal(logprobs.length, tokens.length);
      return logprobs;
    };
    const expected = await reported({ draftLength: 0 });
    assert.deepEqual(await reported({ draftLength: 5 }), expected);
    for (const scheme of schemes) await reported({ scheme });
  });

  it('writes what a schema accepts under every scheme, the last token ending it', async () => {
    const [target, draft] = [0, 0.4].map((divergence) =>
      createScriptedEngine({ alphabet: 'json', divergence }),
    );
    const schema = '{"type":"array","items":{"enum":["a",1,11,"1a"]},"minItems":2,"maxItems":4}';
    const changes = { schema, sampling: plainSampling, tokensMax: 200 };
    for (const scheme of schemes) {
      const { tokens, end } = await run(target!, draft!, { ...changes, scheme });
      assert.equal(end, 'end-of-text');
      const items = JSON.parse(detokenize(target!.info.vocabulary, tokens)) as unknown[];
      assert.ok(items.length >= 2 && items.length <= 4);
      assert.ok(
        items.every((item) => ['a', 1, 11, '1a'].includes(item as string)),
        `${items}`,
      );
    }
  });

  it('under every scheme, rounds add up to the text and a bad draft costs no token', async () => {
    for (const scheme of schemes) {
      const draft = createScriptedEngine({ divergence: 2 });
      const { rounds, tokens, end } = await run(createScriptedEngine(), draft, { scheme });
      assert.equal(tokens.length, 40);
      assert.equal(end, 'length');
      assert.ok(
        rounds.some(({ final }) => final === 'residual'),
        `${scheme} never rejected`,
      );
      for (const round of rounds) {
        assert.equal(round.tokens.length, round.acceptedCount + 1);
        assert.deepEqual(round.tokens.slice(0, -1), round.drafted.slice(0, round.acceptedCount));
        assert.equal(
          round.final,
          round.acceptedCount < round.drafted.length ? 'residual' : 'bonus',
        );
      }
    }
  });

  it('repeats itself under one seed and not under another', async () => {
    for (const scheme of schemes.filter((name) => name !== 'greedy')) {
      const [one, again, other] = await Promise.all(
        [11n, 11n, 12n].map((seed) => {
          const draft = createScriptedEngine({ divergence: 1 });
          return run(createScriptedEngine(), draft, { scheme, seed });
        }),
      );
      assert.deepEqual(again, one, scheme);
      assert.notDeepEqual(other!.tokens, one!.tokens, scheme);
    }
  });

  it('ends at the end of the text, with the end token and nothing behind it', async () => {
    const sampling = { ...plainSampling, logitBias: new Map([[1, 1]]) };
    const whole = await run(createScriptedEngine(), null, { sampling, draftLength: 0 });
    assert.equal(whole.end, 'end-of-text');
    assert.equal(whole.tokens.indexOf(1), whole.tokens.length - 1);
    for (const draftLength of [1, 3, 8]) {
      const draft = createScriptedEngine({ divergence: 0.3 });
      const { tokens, end } = await run(createScriptedEngine(), draft, { sampling, draftLength });
      assert.deepEqual(tokens, whole.tokens);
      assert.equal(end, 'end-of-text');
    }
  });

  it('fills the context to the last token, also when the draft has less of it', async () => {
    const target = createScriptedEngine({ contextLength: 24 });
    const full = await run(target, null, { tokensMax: 100, draftLength: 0 });
    assert.equal(full.end, 'context');
    assert.equal(full.tokens.length, 21);
    for (const contextLength of [16, 24, 64]) {
      const draft = createScriptedEngine({ divergence: 0.5, contextLength });
      const { tokens, end } = await run(target, draft, { tokensMax: 100 });
      assert.deepEqual(tokens, full.tokens);
      assert.equal(end, 'context');
    }
  });

  it('refuses empty and long prompts, impossible counts and foreign vocabularies by name', async () => {
    const target = createScriptedEngine();
    const cases: [Partial<SpeculateRequest>, Engine | null, string][] = [
      [{ prompt: new Int32Array(0) }, null, 'prompt-empty'],
      [{ prompt: new Int32Array(256) }, null, 'prompt-too-long'],
      [{ prompt: Int32Array.of(0, 99) }, null, 'token-out-of-range'],
      [{ tokensMax: 0 }, null, 'usage'],
      [{ tokensMax: Number.NaN }, null, 'usage'],
      [{ draftLength: -1 }, createScriptedEngine(), 'usage'],
      [{ draftLength: 1.5 }, createScriptedEngine(), 'usage'],
      [{}, createScriptedEngine({ vocabSize: 8 }), 'vocabulary-mismatch'],
    ];
    for (const [changes, draft, code] of cases) {
      await assert.rejects(run(target, draft, changes), { code });
    }
  });

  it('stops between rounds when told to', async () => {
    const signal = { aborted: false };
    const rounds = speculate(createScriptedEngine(), null, { ...request, draftLength: 0 }, signal);
    await rounds.next();
    signal.aborted = true;
    await assert.rejects(rounds.next(), { code: 'cancelled' });
  });
});
