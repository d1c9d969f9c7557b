// Checks that an engine which computes ahead gives every outcome that it would give without, for
// callers that go on as expected and for those that do not.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { slotId } from '../base/brand.js';
import { toyEngine } from '../sim/toy.js';
import type { PassResult, Segment } from './engine.js';
import { isSameSegment, PassAhead, segmentsAfter } from './pass-ahead.js';
import { bannedEnd } from './scripted-vocabulary.js';

const slotCount = 3;
const endOfText = new Set([1]);

/** One move of a caller that streams texts on some slots. */
const move = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      slots: fc.subarray([0, 1, 2], { minLength: 1 }),
      followCount: fc.nat(4),
      /** How many passes are computed before the next move, if so many are expected. */
      aheadCount: fc.nat(3),
    }),
  },
  fc.record({ kind: fc.constant('open' as const), slot: fc.nat(2), kept: fc.nat(4) }),
  fc.record({
    kind: fc.constant('cut' as const),
    slot: fc.nat(2),
    by: fc.integer({ min: 1, max: 4 }),
  }),
);

/** Texts on slots of an engine: what a caller knows of them. */
class Caller {
  readonly texts = Array.from({ length: slotCount }, () => [0, 3]);

  segments(slots: readonly number[]): Segment[] {
    return slots.map((slot) => {
      const text = this.texts[slot]!;
      const from = text.length - 1;
      const judge = { scheme: 'coupled', draftCount: 0 } as const;
      return { slot: slotId(slot), from, tokens: Int32Array.of(text[from]!), judge };
    });
  }

  take({ outcomes }: PassResult): void {
    for (const { slot, final } of outcomes) {
      assert.ok(final && final.kind !== 'law');
      this.texts[slot]!.push(final.token);
    }
  }
}

/** What was computed ahead and not taken. */
interface Told {
  readonly segments: readonly Segment[];
  readonly result: PassResult;
}

const areSame = (some: readonly Segment[], others: readonly Segment[]): boolean =>
  some.length === others.length && some.every((one, at) => isSameSegment(one, others[at]!));

const config = (seed: number) => ({ sampling: bannedEnd, seed: BigInt(seed), promptLength: 2 });

describe('passes ahead', () => {
  it('change no outcome, however many they are and whatever comes between', () => {
    fc.assert(
      fc.property(fc.array(move, { maxLength: 40 }), (moves) => {
        const [plain, core] = [0, 1].map(() => toyEngine({ slotCount, contextLength: 64 }));
        const ahead = new PassAhead(core!, endOfText);
        const caller = new Caller();
        for (let slot = 0; slot < slotCount; slot++) {
          for (const engine of [plain!, core!]) {
            engine.open(slot, config(slot));
            engine.pass([{ slot: slotId(slot), from: 0, tokens: Int32Array.of(0), judge: null }]);
          }
        }
        let told: Told[] = [];
        for (const [index, one] of moves.entries()) {
          if (one.kind !== 'pass') {
            const text = caller.texts[one.slot]!;
            const held = text.length - 1;
            const kept = Math.max(
              1,
              one.kind === 'open' ? Math.min(one.kept, held) : held - one.by,
            );
            ahead.release(one.slot);
            told = [];
            for (const engine of [plain!, core!]) {
              if (one.kind === 'open') engine.open(one.slot, config(index), kept);
              else engine.truncate(one.slot, kept);
            }
            text.length = kept + 1;
            continue;
          }
          if (one.slots.some((slot) => caller.texts[slot]!.length >= 60)) continue;
          const segments = caller.segments(one.slots);
          const [next] = told;
          const isTold = next !== undefined && areSame(next.segments, segments);
          const expected = plain!.pass(segments);
          // The owner of a thread takes a result that it was told, and asks for nothing.
          const result = isTold ? next.result : ahead.pass(segments, undefined, one.followCount);
          if (isTold) ahead.confirm(one.followCount > 0);
          told = isTold && one.followCount > 0 ? told.slice(1) : [];
          assert.deepEqual(result.outcomes, expected.outcomes);
          caller.take(expected);
          for (let count = 0; count < one.aheadCount; count++) {
            const last = told.at(-1) ?? { segments, result };
            const computed = ahead.computeAhead();
            if (computed === null || computed === 'failed') break;
            const after = segmentsAfter(last.segments, last.result.outcomes, endOfText);
            told.push({ segments: after, result: computed });
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it('end with a text, and where they fail they are left to the caller', () => {
    const core = toyEngine({ slotCount, contextLength: 4 });
    const ahead = new PassAhead(core, endOfText);
    core.open(0, config(0));
    const segment = { slot: slotId(0), from: 0, tokens: Int32Array.of(0, 3, 5) } as const;
    ahead.pass([{ ...segment, judge: { scheme: 'coupled', draftCount: 0 } }], undefined, 5);
    assert.notEqual(ahead.computeAhead(), null);
    ahead.confirm(true);
    assert.equal(ahead.computeAhead(), 'failed', 'the context is full');
    assert.equal(ahead.computeAhead(), null);
    const ended = { slot: slotId(0), acceptedCount: 0, logprobs: null, length: 4 };
    const final = { kind: 'bonus', token: 1 } as const;
    const judged = { ...segment, judge: { scheme: 'coupled', draftCount: 0 } } as const;
    assert.deepEqual(segmentsAfter([judged], [{ ...ended, final }], endOfText), []);
  });
});
