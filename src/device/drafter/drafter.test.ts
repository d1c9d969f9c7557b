// Checks that drafters follow the text the core tells them: guesses continue it, stopped runs
// report nothing more, and slots are freed.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { DraftedToken, Engine } from '../../engine/engine.js';
import { createScriptedEngine } from '../../engine/scripted-engine.js';
import { bannedEnd } from '../../engine/scripted-vocabulary.js';
import type { DraftSequence, DraftStart, SequenceToken } from '../core/event.js';
import type { Drafter } from './drafter.js';
import { engineDrafter } from './engine-drafter.js';
import { suffixDrafter } from './suffix-drafter.js';
import { SuffixSequence } from './suffix-sequence.js';

const config = {
  sampling: bannedEnd,
  seed: 5n,
  promptLength: 3,
};

type Changes = Partial<Omit<DraftStart, 'sequences'> & DraftSequence>;

/** Of one sequence, which is the main one. */
function start(changes: Changes): DraftStart {
  const { from = 0, tokens = Int32Array.of(0, 3, 5), isMain = true, ...rest } = changes;
  return {
    kind: 'draft-start',
    answer: 0,
    run: 1,
    sequences: [{ from, tokens, isMain, confidenceMin: 0 }],
    countMax: 20,
    attempt: 0,
    wantConfidence: false,
    alternativesMax: 0,
    scheme: 'coupled',
    ...rest,
  };
}

/** Waits for the end of each run, by run. */
function listening() {
  const tokens = new Map<number, DraftedToken[]>();
  const bySequenceIndex = new Map<string, DraftedToken[]>();
  /** Tokens of each pass. */
  const passes: number[] = [];
  const waiting = new Map<string, (reason: string) => void>();
  const failures: string[] = [];
  const listener = {
    drafted: (_answer: number, run: number, reported: readonly SequenceToken[]) => {
      passes.push(reported.length);
      for (const { sequenceIndex, token } of reported) {
        tokens.set(run, [...(tokens.get(run) ?? []), token]);
        const name = `${run} ${sequenceIndex}`;
        bySequenceIndex.set(name, [...(bySequenceIndex.get(name) ?? []), token]);
      }
    },
    ended: (answer: number, run: number, reasons: readonly string[]) =>
      waiting.get(`${answer} ${run}`)?.(reasons.join()),
    failed: (_answer: number, error: Error) => failures.push(error.message),
  };
  const end = (run: number, answer = 0): Promise<string> =>
    new Promise((resolve) => waiting.set(`${answer} ${run}`, resolve));
  return { listener, tokens, bySequenceIndex, passes, end, failures };
}

/** The tokens that a fresh drafter drafts after a sequence. */
async function aloneOf(
  mainSequence: readonly number[],
  { from, tokens }: DraftSequence,
): Promise<number> {
  const { listener, tokens: drafted, end } = listening();
  const drafter = engineDrafter(createScriptedEngine({ slotCount: 1 }))(listener);
  drafter.open(0, config);
  const ended = end(1);
  const sequence = Int32Array.of(...mainSequence.slice(0, from), ...tokens);
  drafter.start(start({ tokens: sequence, countMax: 1 }));
  await ended;
  await drafter.close();
  return drafted.get(1)![0]!.token;
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
    // The text departs from the draft after its fourth token.
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
        const isMain = run % 2 === 1;
        drafter.start(start({ run, from, tokens: Int32Array.from(more), isMain, countMax: 3 }));
        await end(run);
        return tokens.get(run)!.map(({ token }) => token);
      };
      const chain = await go(1, 0, prompt);
      // A branch after the prompt, the chain again, the branch again, the chain, a branch of
      // the branch.
      const branch = await go(2, 24, [9]);
      const chainMore = await go(3, 27, []);
      const branchMore = await go(4, 24, [9, ...branch]);
      await go(5, 30, []);
      const other = await go(6, 24, [9, branch[0]!, 4]);
      await drafter.close();
      return { fed, said: [chain, branch, chainMore, branchMore, other] };
    };
    const many = await fedTokens(4);
    const one = await fedTokens(1);
    assert.deepEqual(many.said, one.said);
    // The prompt once, then what is new: a branch's token, and each time the last one told.
    // A loop of three feeds the first of what it is given.
    assert.ok(many.fed <= 24 + 1 + 2 + 2 + 2 + 2, `${many.fed} fed`);
    assert.ok(one.fed > many.fed, `${one.fed} and ${many.fed}`);
  });

  it('drafts several branches in one pass to the tokens that each gets alone, with any number of slots', async () => {
    const anyBranch = fc.record({
      from: fc.integer({ min: 1, max: 6 }),
      tokens: fc.array(fc.integer({ min: 2, max: 15 }), { minLength: 1, maxLength: 4 }),
    });
    const anyRound = fc.record({
      growsChain: fc.boolean(),
      branches: fc.array(anyBranch, { minLength: 1, maxLength: 3 }),
    });
    const rounds = fc.array(anyRound, { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(rounds, fc.integer({ min: 1, max: 4 }), async (drafts, slotCount) => {
        const { listener, bySequenceIndex, passes, end } = listening();
        const drafter = engineDrafter(createScriptedEngine({ slotCount }))(listener);
        drafter.open(0, config);
        let run = 0;
        const go = async (drafts: readonly DraftSequence[]): Promise<number[]> => {
          const ended = end(++run);
          drafter.start({ ...start({ run, countMax: 1, alternativesMax: 2 }), sequences: drafts });
          await ended;
          return drafts.map(
            (_, sequenceIndex) => bySequenceIndex.get(`${run} ${sequenceIndex}`)![0]!.token,
          );
        };
        const chain = [0, 3, 5, 4, 6, 7];
        await go(start({ tokens: Int32Array.from(chain) }).sequences);
        chain.push(bySequenceIndex.get('1 0')![0]!.token);
        for (const { growsChain, branches: drawn } of drafts) {
          const branches = drawn.map(({ from, tokens }): DraftSequence => {
            return { from, tokens: Int32Array.from(tokens), isMain: false, confidenceMin: 0 };
          });
          const { length: from } = chain;
          const own = { from, tokens: new Int32Array(0), isMain: true, confidenceMin: 0 };
          const together = growsChain ? [own, ...branches] : branches;
          const said = await go(together);
          const alone = [];
          for (const sequenceIndex of together) alone.push(await aloneOf(chain, sequenceIndex));
          assert.deepEqual(said, alone);
          if (growsChain) chain.push(said[0]!);
        }
        await drafter.close();
        assert.ok(passes.every((count) => count <= slotCount));
        const isWhole = slotCount === 4;
        if (isWhole) assert.equal(passes.length, 1 + drafts.length, 'a pass for each round');
      }),
      { numRuns: 60 },
    );
  });

  it('goes on after the one pass that is on when branches are stopped, and tells nothing of it', async () => {
    const engine = createScriptedEngine({ slotCount: 4 });
    const calls: string[] = [];
    const noting: Engine = Object.create(engine, {
      draft: {
        value: (...call: Parameters<Engine['draft']>) => {
          calls.push('draft');
          return engine.draft(...call);
        },
      },
      draftEach: {
        value: (...call: Parameters<Engine['draftEach']>) => {
          calls.push('draftEach');
          return engine.draftEach(...call);
        },
      },
    });
    const { listener, tokens, end } = listening();
    const drafter = engineDrafter(noting)(listener);
    drafter.open(0, config);
    const first = end(1);
    drafter.start(start({ countMax: 4 }));
    await first;
    const drafts = [7, 8, 9].map((token): DraftSequence => {
      return { from: 3, tokens: Int32Array.of(token), isMain: false, confidenceMin: 0 };
    });
    drafter.start({ ...start({ run: 2, countMax: 1 }), sequences: drafts });
    drafter.stop(0, 2);
    const third = end(3);
    drafter.start(start({ run: 3, from: 3, tokens: Int32Array.of(7), countMax: 2 }));
    await third;
    await drafter.close();
    assert.deepEqual(calls, ['draft', 'draftEach', 'draft']);
    assert.equal(tokens.get(2), undefined);
    assert.equal(tokens.get(3)?.length, 2);
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
  const sequence = (from: number, tokens: readonly number[], isMain = true): DraftSequence[] => [
    { from, tokens: Int32Array.from(tokens), isMain, confidenceMin: 0 },
  ];

  it('finds what followed the newest place with the longest equal ending', () => {
    const looked = (text: readonly number[], countMax: number, chanceMin = 0.2) => {
      const sequences = new SuffixSequence(text.length, { countMax: 8, chanceMin });
      return sequences.guess(sequences.begin(sequence(0, text)), countMax);
    };
    const text = [1, 2, 3, 9, 9, 2, 3, 7, 1, 2, 3];
    assert.deepEqual(looked(text, 2), [9, 9]);
    assert.deepEqual(looked(text, 20, 0).length, 8, 'its own limit');
    assert.deepEqual(looked(text, 2, 0.9), []);
    assert.deepEqual(looked([1, 2, 3], 4), []);
    assert.deepEqual(looked(text, -3), [], 'no room');
  });

  it('guesses for a branch without taking it for the text, and goes on behind its own guesses', () => {
    const sequences = new SuffixSequence(9, { countMax: 2, chanceMin: 0 });
    const guessed = (...begin: Parameters<typeof sequence>): number[] => {
      const text = sequences.begin(sequence(...begin));
      const guess = sequences.guess(text, 2);
      text.push(...guess);
      return [...guess];
    };
    assert.deepEqual(guessed(0, [2, 3, 4, 5, 6, 7, 8, 2, 3]), [4, 5]);
    assert.deepEqual(guessed(11, []), [6, 7]);
    assert.deepEqual(guessed(9, [5, 6], false), [7, 8]);
    assert.deepEqual(guessed(5, [2, 3], false), [4, 5], 'before the end of what is decided');
    assert.deepEqual(guessed(13, []), [8, 2], 'the main sequence is as before');
    assert.deepEqual(guessed(10, [3]), [4, 3], 'the second guess was wrong');
  });

  it('learns from decided tokens, not from its own guesses or those of a branch', () => {
    const line = [1, 2, 3, 4, 5, 6, 7, 8];
    type Round = (sequences: SuffixSequence, length: number) => void;
    /** Highest limit of 40 at which the line's fourth token is guessed after some rounds. */
    const limitAfter = (round: Round): number =>
      Array.from({ length: 40 }, (_, step) => step / 40).findLast((chanceMin) => {
        const sequences = new SuffixSequence(line.length, { countMax: 1, chanceMin });
        sequences.begin(sequence(0, line));
        for (let count = 0; count < 40; count++) round(sequences, line.length + count);
        const text = sequences.begin(sequence(line.length, [1, 2, 3], false));
        return sequences.guess(text, 1)[0] === 4;
      })!;
    const untaught = limitAfter(() => undefined);
    const ownGuesses = limitAfter((sequences, length) => {
      sequences.begin(sequence(length, [])).push(line[length % line.length]!);
    });
    const branch = limitAfter((sequences, length) => {
      sequences.begin(sequence(length, [100 + length, ...line]));
    });
    const decided = limitAfter((sequences, length) => {
      sequences.begin(sequence(length, [line[length % line.length]!]));
    });
    assert.equal(ownGuesses, untaught);
    assert.equal(branch, untaught);
    assert.ok(decided > untaught, `${decided} and ${untaught}`);
  });

  it('drafts with the law of a point under the ratio schemes, and says when it knows nothing', async () => {
    const { listener, tokens, end } = listening();
    const drafter = suffixDrafter(queueMicrotask, 100, { countMax: 8, chanceMin: 0.2 })(listener);
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
