// Computes the next passes of plain streams before they are asked for, while their caller still
// hands the last ones out. A text does not depend on it: an outcome is used where the caller asks
// for just that, and rolled back where it does not.

import { PilotfishError } from '../base/error.js';
import type { OnHints, Outcome, PassResult, Segment } from './engine.js';
import type { EngineCore } from './engine-core.js';

interface Computed {
  readonly segment: Segment;
  readonly outcome: Outcome;
}

/** One pass. */
interface Step {
  readonly bySlot: Map<number, Computed>;
  readonly decodeMs: number;
  readonly judgeMs: number;
}

type PassCore = Pick<EngineCore, 'pass' | 'truncate'>;

export class PassAhead {
  readonly #core: PassCore;
  readonly #endOfText: ReadonlySet<number>;
  /** Oldest first; with each the slots hold one token more than their caller knows. */
  #steps: Step[] = [];
  /** What the caller is expected to ask for after them. */
  #expected: readonly Segment[] = [];
  /** How many passes more it will ask for. */
  #followCount = 0;

  /** @param endOfText tokens that nothing follows. */
  constructor(core: PassCore, endOfText: ReadonlySet<number>) {
    this.#core = core;
    this.#endOfText = endOfText;
  }

  /**
   * As `EngineCore.pass`.
   *
   * @param followCount as in `Engine.pass`.
   */
  pass(segments: readonly Segment[], onHints?: OnHints, followCount = 0): PassResult {
    this.#expected = [];
    const result =
      this.#steps.length === 0
        ? this.#core.pass(segments, onHints)
        : this.#passTheRest(segments, onHints);
    this.#expect(segments, result.outcomes, followCount);
    return result;
  }

  #expect(segments: readonly Segment[], outcomes: readonly Outcome[], followCount: number): void {
    this.#followCount = followCount;
    this.#expected = followCount > 0 ? segmentsAfter(segments, outcomes, this.#endOfText) : [];
  }

  /** Computes only the segments that were not computed ahead. */
  #passTheRest(segments: readonly Segment[], onHints?: OnHints): PassResult {
    const [first] = this.#steps as [Step];
    const taken = new Map<number, Outcome>();
    for (const segment of segments) {
      const computed = first.bySlot.get(segment.slot);
      if (computed === undefined || !isSameSegment(computed.segment, segment)) continue;
      taken.set(segment.slot, computed.outcome);
      first.bySlot.delete(segment.slot);
    }
    this.release(...this.#steps.flatMap(({ bySlot }) => [...bySlot.keys()]));
    this.#steps = [];
    const rest = segments.filter(({ slot }) => !taken.has(slot));
    try {
      const { outcomes, decodeMs, judgeMs } = this.#core.pass(rest, onHints);
      const found = outcomes[Symbol.iterator]();
      return {
        outcomes: segments.map(({ slot }) => taken.get(slot) ?? found.next().value!),
        decodeMs: decodeMs + first.decodeMs,
        judgeMs: judgeMs + first.judgeMs,
      };
    } catch (reason) {
      for (const { slot, from } of segments) if (taken.has(slot)) this.#core.truncate(slot, from);
      throw reason;
    }
  }

  /**
   * Computes what is expected next. Call while no request waits.
   *
   * @returns the result, `failed` for a pass that the caller has to ask for itself, or null where
   *   nothing is expected.
   */
  computeAhead(): PassResult | 'failed' | null {
    const segments = this.#expected;
    this.#expected = [];
    if (segments.length === 0) return null;
    try {
      const result = this.#core.pass(segments);
      const { outcomes, decodeMs, judgeMs } = result;
      const computed = segments.map(
        (segment, at) => [segment.slot, { segment, outcome: outcomes[at]! }] as const,
      );
      this.#steps.push({ bySlot: new Map(computed), decodeMs, judgeMs });
      this.#expect(segments, outcomes, this.#followCount - 1);
      return result;
    } catch (reason) {
      if (reason instanceof PilotfishError) return 'failed';
      throw reason;
    }
  }

  /** The caller has taken the oldest computed pass, as if it had asked for it by `pass`. */
  confirm(continues: boolean): void {
    this.#steps.shift();
    if (!continues) this.#expected = [];
  }

  /** Rolls slots back to what their caller knows. Call before any other operation on them. */
  release(...slots: readonly number[]): void {
    this.#expected = this.#expected.filter(({ slot }) => !slots.includes(slot));
    for (const slot of slots) {
      const computed = this.#steps.flatMap(({ bySlot }) => bySlot.get(slot) ?? []);
      if (computed.length === 0) continue;
      for (const { bySlot } of this.#steps) bySlot.delete(slot);
      this.#core.truncate(slot, computed[0]!.segment.from);
    }
  }
}

/** The segments that ask for the tokens after those that a pass of plain streams has chosen. */
export function segmentsAfter(
  segments: readonly Segment[],
  outcomes: readonly Outcome[],
  endOfText: ReadonlySet<number>,
): Segment[] {
  return segments.flatMap((segment, index) => {
    const { final, length } = outcomes[index]!;
    const isPlain = segment.judge !== null && segment.judge.draftCount === 0;
    if (!isPlain || final === null || final.kind === 'law' || endOfText.has(final.token)) return [];
    return [{ ...segment, from: length, tokens: Int32Array.of(final.token) }];
  });
}

/** Whether two segments ask for the same token of the same text. */
export function isSameSegment(one: Segment, other: Segment): boolean {
  return (
    one.slot === other.slot &&
    one.from === other.from &&
    other.tokens.length === 1 &&
    one.tokens[0] === other.tokens[0] &&
    one.judge?.scheme === other.judge?.scheme &&
    (one.topLogprobs ?? null) === (other.topLogprobs ?? null)
  );
}
