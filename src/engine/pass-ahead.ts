// Computes the next pass of plain streams before it is asked for, while their caller still hands
// the last one out. A text does not depend on it: an outcome is used where the caller asks for just
// that, and rolled back where it does not.

import { PilotfishError } from '../base/error.js';
import type { OnHints, Outcome, PassResult, Segment } from './engine.js';
import type { EngineCore } from './engine-core.js';

interface Computed {
  readonly segment: Segment;
  readonly outcome: Outcome;
}

type PassCore = Pick<EngineCore, 'pass' | 'truncate'>;

export class PassAhead {
  readonly #core: PassCore;
  readonly #endOfText: ReadonlySet<number>;
  /** By slot; the slots hold one token more than their caller knows. */
  readonly #computed = new Map<number, Computed>();
  #computedMs = { decodeMs: 0, judgeMs: 0 };
  /** What the caller is expected to ask for next. */
  #expected: readonly Segment[] = [];

  /** @param endOfText tokens that nothing follows. */
  constructor(core: PassCore, endOfText: ReadonlySet<number>) {
    this.#core = core;
    this.#endOfText = endOfText;
  }

  /**
   * As `EngineCore.pass`.
   *
   * @param continues whether the next pass is expected to ask for the token after each of these.
   */
  pass(segments: readonly Segment[], onHints?: OnHints, continues = false): PassResult {
    this.#expected = [];
    const result =
      this.#computed.size === 0
        ? this.#core.pass(segments, onHints)
        : this.#passTheRest(segments, onHints);
    this.#expected = continues ? segmentsAfter(segments, result.outcomes, this.#endOfText) : [];
    return result;
  }

  /** Computes only the segments that were not computed ahead. */
  #passTheRest(segments: readonly Segment[], onHints?: OnHints): PassResult {
    const taken = new Map<number, Outcome>();
    for (const segment of segments) {
      const computed = this.#computed.get(segment.slot);
      if (computed === undefined || !isSameSegment(computed.segment, segment)) continue;
      taken.set(segment.slot, computed.outcome);
      this.#computed.delete(segment.slot);
    }
    this.release(...this.#computed.keys());
    const times = this.#computedMs;
    this.#computedMs = { decodeMs: 0, judgeMs: 0 };
    const rest = segments.filter(({ slot }) => !taken.has(slot));
    try {
      const { outcomes, decodeMs, judgeMs } = this.#core.pass(rest, onHints);
      const found = outcomes[Symbol.iterator]();
      return {
        outcomes: segments.map(({ slot }) => taken.get(slot) ?? found.next().value!),
        decodeMs: decodeMs + times.decodeMs,
        judgeMs: judgeMs + times.judgeMs,
      };
    } catch (reason) {
      for (const { slot, from } of segments) if (taken.has(slot)) this.#core.truncate(slot, from);
      throw reason;
    }
  }

  /**
   * Computes what is expected. Call while no request waits.
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
      const { outcomes, ...times } = result;
      this.#computedMs = times;
      for (const [index, segment] of segments.entries()) {
        this.#computed.set(segment.slot, { segment, outcome: outcomes[index]! });
      }
      return result;
    } catch (reason) {
      if (reason instanceof PilotfishError) return 'failed';
      throw reason;
    }
  }

  /** The caller has taken all that was computed ahead, as if it had asked for it by `pass`. */
  confirm(continues: boolean): void {
    const all = [...this.#computed.values()];
    this.#computed.clear();
    this.#expected = continues
      ? segmentsAfter(
          all.map(({ segment }) => segment),
          all.map(({ outcome }) => outcome),
          this.#endOfText,
        )
      : [];
  }

  /** Rolls slots back to what their caller knows. Call before any other operation on them. */
  release(...slots: readonly number[]): void {
    this.#expected = this.#expected.filter(({ slot }) => !slots.includes(slot));
    for (const slot of slots) {
      const computed = this.#computed.get(slot);
      if (computed === undefined) continue;
      this.#computed.delete(slot);
      this.#core.truncate(slot, computed.segment.from);
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
