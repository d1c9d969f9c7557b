// Drafters follow the text the core tells them: what they guess continues it, what was stopped is not heard of, and the
// slots they take are given back.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DraftedToken, Engine } from '../../engine/engine.js';
import { lookUp, ngramDefaults } from '../../engine/look-up.js';
import { createScriptedEngine } from '../../engine/scripted-engine.js';
import { bannedEnd } from '../../engine/scripted-vocabulary.js';
import type { DraftStart } from '../core/event.js';
import type { Drafter } from './drafter.js';
import { engineDrafter } from './engine-drafter.js';
import { ngramDrafter } from './ngram-drafter.js';

const config = {
  sampling: bannedEnd,
  seed: 5n,
  promptLength: 3,
};

const start = (changes: Partial<DraftStart>): DraftStart => ({
  kind: 'draft-start',
  answer: 0,
  run: 1,
  from: 0,
  tokens: Int32Array.of(0, 3, 5),
  countMax: 20,
  attempt: 0,
  confidenceMin: 0,
  wantConfidence: false,
  alternativesMax: 0,
  scheme: 'coupled',
  ...changes,
});

/** Waits for the end of each run, by run. */
function listening() {
  const tokens = new Map<number, DraftedToken[]>();
  const waiting = new Map<string, (reason: string) => void>();
  const failures: string[] = [];
  const listener = {
    drafted: (_answer: number, run: number, token: DraftedToken) => {
      tokens.set(run, [...(tokens.get(run) ?? []), token]);
    },
    ended: (answer: number, run: number, reason: string) =>
      waiting.get(`${answer} ${run}`)?.(reason),
    failed: (_answer: number, error: Error) => failures.push(error.message),
  };
  const end = (run: number, answer = 0): Promise<string> =>
    new Promise((resolve) => waiting.set(`${answer} ${run}`, resolve));
  return { listener, tokens, end, failures };
}

describe('engine drafter', () => {
  it('drafts what a fresh drafter would, from any earlier text and after any cut', async () => {
    const fresh = async (tokens: Int32Array): Promise<number[]> => {
      const engine = createScriptedEngine();
      const { listener, tokens: drafted, end } = listening();
      const drafter = engineDrafter(engine)(listener);
      drafter.open(0, config);
      drafter.start(start({ tokens }));
      assert.equal(await end(1), 'count');
      await drafter.close();
      return drafted.get(1)!.map(({ token }) => token);
    };
    const engine = createScriptedEngine();
    const { listener, tokens, end } = listening();
    const drafter = engineDrafter(engine)(listener);
    drafter.open(0, config);
    drafter.start(start({}));
    await end(1);
    const first = tokens.get(1)!.map(({ token }) => token);
    assert.deepEqual(first, await fresh(Int32Array.of(0, 3, 5)));
    // The text departs from the draft behind its fourth token.
    const text = [0, 3, 5, ...first.slice(0, 4), (first[4]! + 1) % 16];
    drafter.start(start({ run: 2, from: 7, tokens: Int32Array.from(text.slice(7)) }));
    await end(2);
    const second = tokens.get(2)!.map(({ token }) => token);
    assert.deepEqual(second, await fresh(Int32Array.from(text)));
    // Stopped in the middle of a loop and started elsewhere at once.
    drafter.start(start({ run: 3, from: 28, tokens: new Int32Array(0) }));
    drafter.stop(0, 3);
    drafter.start(start({ run: 4, from: 3, tokens: Int32Array.of(4, 4) }));
    await end(4);
    assert.equal(tokens.get(3), undefined);
    const fourth = tokens.get(4)!.map(({ token }) => token);
    assert.deepEqual(fourth, await fresh(Int32Array.of(0, 3, 5, 4, 4)));
    await drafter.close();
  });

  it('keeps a chain and its branches in slots of their own while it has any, and feeds none of them twice', async () => {
    const fedTokens = async (slotCount: number): Promise<{ fed: number; said: number[][] }> => {
      const engine = createScriptedEngine({ slotCount });
      let fed = 0;
      const counting: Engine = Object.create(engine, {
        draft: {
          value: (...call: Parameters<Engine['draft']>) => {
            fed += call[0].tokens.length;
            return engine.draft(...call);
          },
        },
      });
      const { listener, tokens, end } = listening();
      const drafter = engineDrafter(counting)(listener);
      drafter.open(0, config);
      const prompt = Array.from({ length: 24 }, (_, index) => 2 + (index % 14));
      const go = async (run: number, from: number, more: number[]): Promise<number[]> => {
        drafter.start(start({ run, from, tokens: Int32Array.from(more), countMax: 3 }));
        await end(run);
        return tokens.get(run)!.map(({ token }) => token);
      };
      const chain = await go(1, 0, prompt);
      // A branch from behind the prompt, the chain again, the branch again, a branch of the branch.
      const branch = await go(2, 24, [9]);
      const chainMore = await go(3, 24, chain);
      const branchMore = await go(4, 24, [9, ...branch]);
      const other = await go(5, 26, [4]);
      await drafter.close();
      return { fed, said: [chain, branch, chainMore, branchMore, other] };
    };
    const many = await fedTokens(4);
    const one = await fedTokens(1);
    assert.deepEqual(many.said, one.said);
    // The prompt once, then what is new: a branch's token, and each time the last one told.
    assert.ok(many.fed <= 24 + 1 + 2 + 2 + 2, `${many.fed} fed`);
    assert.ok(one.fed > many.fed, `${one.fed} and ${many.fed}`);
  });

  it('gives a slot that only holds a branch to an answer that has none', async () => {
    const engine = createScriptedEngine({ slotCount: 2 });
    const { listener, end, failures } = listening();
    const drafter = engineDrafter(engine)(listener);
    drafter.open(0, config);
    const first = end(1);
    drafter.start(start({}));
    await first;
    const second = end(2);
    drafter.start(start({ run: 2, from: 3, tokens: Int32Array.of(7) }));
    await second;
    drafter.open(1, config);
    const third = end(1, 1);
    drafter.start(start({ answer: 1 }));
    assert.equal(await third, 'count');
    const fourth = end(3);
    drafter.start(start({ run: 3, from: 3, tokens: Int32Array.of(8) }));
    assert.equal(await fourth, 'count');
    await drafter.close();
    assert.deepEqual(failures, []);
  });

  it('shares its slots, refuses the answer that finds none, and gives them back', async () => {
    const engine = createScriptedEngine({ slotCount: 2 });
    const { listener, end, failures } = listening();
    const drafter: Drafter = engineDrafter(engine)(listener);
    for (const answer of [0, 1, 2]) drafter.open(answer, config);
    const ends = [end(1, 0), end(1, 1)];
    for (const answer of [0, 1, 2]) drafter.start(start({ answer }));
    assert.deepEqual(await Promise.all(ends), ['count', 'count']);
    assert.deepEqual(failures, ['all 2 slots of the draft model are taken']);
    drafter.closeAnswer(0);
    drafter.open(3, config);
    const last = end(1, 3);
    drafter.start(start({ answer: 3 }));
    assert.equal(await last, 'count');
    await drafter.close();
    assert.equal(failures.length, 1);
  });
});

describe('look-up', () => {
  it('finds what followed the newest place with the longest equal ending', () => {
    const text = [1, 2, 3, 9, 9, 2, 3, 7, 1, 2, 3];
    assert.deepEqual(lookUp(text, 2, ngramDefaults), [9, 9]);
    assert.deepEqual(lookUp(text, 9, { ...ngramDefaults, suffixMax: 2 }), [7, 1, 2, 3]);
    assert.deepEqual(lookUp([1, 2, 3], 4, ngramDefaults), []);
    assert.deepEqual(lookUp([], 4, ngramDefaults), []);
    assert.deepEqual(lookUp([...text], 4, { ...ngramDefaults, searchMax: 1 }), []);
  });

  it('drafts with the law of a point under the ratio schemes, and says when it knows nothing', async () => {
    const { listener, tokens, end } = listening();
    const drafter = ngramDrafter(queueMicrotask, 100)(listener);
    drafter.open(0, config);
    drafter.start(start({ tokens: Int32Array.of(2, 3, 4, 2, 3), scheme: 'split', countMax: 2 }));
    assert.equal(await end(1), 'count');
    const [first] = tokens.get(1)!;
    assert.equal(first!.token, 4);
    assert.equal(first!.prob, 1);
    assert.deepEqual(first!.law?.probs, Float64Array.of(1));
    drafter.start(start({ run: 2, from: 0, tokens: Int32Array.of(1, 2, 3) }));
    assert.equal(await end(2), 'confidence');
    await drafter.close();
  });
});
