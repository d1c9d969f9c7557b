// Tests what every engine with an early exit promises about its hints, for any guesses.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { slotId } from '../base/brand.js';
import { plainSampling } from '../math/sampling.js';
import type { Engine, ExitHint, Judge, Segment } from './engine.js';
import { prefill } from './prefill.js';

const slots = [slotId(0), slotId(1), slotId(2)] as const;
const promptLength = 24;
const sampling = { ...plainSampling, temperature: 0.8, repetitionPenalty: 1.1 };

const judges: readonly Judge[] = [
  { scheme: 'greedy', draftCount: 3 },
  { scheme: 'coupled', draftCount: 3 },
  { scheme: 'agreement', draftCount: 3 },
  { scheme: 'split', draftCount: 3, draftProbs: Float64Array.of(0.5, 0.5, 0.5) },
  { scheme: 'coupled', draftCount: 0 },
];

/** @param make an engine with an exit: at least 3 slots of 64 tokens, passes of 16 to 64 tokens. */
export function exitHintsContract(name: string, make: () => Promise<Engine>): void {
  describe(`exit hints: ${name}`, () => {
    let engine: Engine;
    before(async () => {
      engine = await make();
    });
    after(() => engine.close());

    const tokenAt = (slot: number, position: number): number =>
      2 + ((slot * 7919 + position * 104729) % (engine.info.vocabulary.size - 2));
    const tokens = (slot: number, from: number, count: number): Int32Array =>
      Int32Array.from({ length: count }, (_, index) => tokenAt(slot, from + index));

    async function openAll(): Promise<void> {
      for (const slot of slots) {
        await engine.open(slot, { sampling, seed: BigInt(slot), promptLength });
        await prefill(engine, slot, 0, tokens(slot, 0, promptLength - 1));
      }
    }

    /** Two judged segments around one that only fills the cache. */
    const segmentsOf = (judge: Judge): Segment[] => {
      const from = promptLength - 1;
      return slots.map((slot, index) => ({
        slot,
        from,
        tokens: tokens(slot, from, index === 1 ? 5 : judge.draftCount + 1),
        judge: index === 1 ? null : judge,
      }));
    };

    async function passWithHints(segments: Segment[]) {
      const hints: ExitHint[] = [];
      let isOver = false;
      const result = await engine.pass(segments, (some) => {
        assert.ok(!isOver, 'a hint after the result');
        assert.ok(some.length > 0);
        hints.push(...some);
      });
      isOver = true;
      const counted = hints.length;
      await engine.truncate(slots[0], 1); // A later call: whatever the pass still had to say is said by now.
      assert.equal(hints.length, counted, 'a hint behind the result');
      return { hints, result };
    }

    for (const judge of judges) {
      it(`come once for each judged segment of ${judge.scheme} with ${judge.draftCount} drafts`, async () => {
        await openAll();
        const segments = segmentsOf(judge);
        const { hints } = await passWithHints(segments);
        assert.deepEqual(hints.map(({ slot }) => slot).sort(), [slots[0], slots[2]]);
        for (const hint of hints) {
          const segment = segments[hint.slot]!;
          checkHint(hint, segment, judge.draftCount, engine.info.vocabulary.size);
        }
      });

      it(`change no outcome of ${judge.scheme} with ${judge.draftCount} drafts`, async () => {
        await openAll();
        const bare = await engine.pass(segmentsOf(judge));
        await openAll();
        const { result } = await passWithHints(segmentsOf(judge));
        const decided = ({ outcomes }: typeof bare) =>
          outcomes.map(({ acceptedCount, final }) => ({ acceptedCount, final }));
        assert.deepEqual(decided(result), decided(bare));
      });
    }

    it('come in a pass that holds the end of a prompt too', async () => {
      const [slot] = slots;
      await engine.open(slot, { sampling, seed: 3n, promptLength });
      const { hints } = await passWithHints([
        { slot, from: 0, tokens: tokens(slot, 0, 14), judge: { scheme: 'coupled', draftCount: 0 } },
      ]);
      assert.deepEqual(
        hints.map(({ position }) => position),
        [14],
      );
    });

    it('do not come where a pass is refused', async () => {
      await openAll();
      const wrong = { ...segmentsOf(judges[0]!)[0]!, from: 1 };
      let count = 0;
      await assert.rejects(engine.pass([wrong], () => count++));
      assert.equal(count, 0);
    });
  });
}

function checkHint(
  { acceptedCount, position, candidates, confidences }: ExitHint,
  { from, tokens }: Segment,
  draftCount: number,
  vocabSize: number,
): void {
  const draftsFrom = tokens.length - draftCount;
  assert.ok(acceptedCount >= 0 && acceptedCount <= draftCount);
  assert.equal(position, from + draftsFrom + acceptedCount);
  assert.ok(candidates.length >= 1 && candidates.length <= 8);
  assert.equal(confidences.length, candidates.length);
  assert.equal(new Set(candidates).size, candidates.length);
  const fallen = tokens[draftsFrom + acceptedCount];
  assert.ok(
    acceptedCount === draftCount || !candidates.includes(fallen!),
    'names the fallen draft',
  );
  assert.ok(candidates.every((token) => token >= 0 && token < vocabSize));
  assert.ok(confidences.every((value) => value >= 0 && value <= 1));
  assert.ok(confidences.reduce((sum, value) => sum + value, 0) <= 1 + 1e-9);
  assert.deepEqual(
    confidences,
    confidences.toSorted((a, b) => b - a),
  );
}
