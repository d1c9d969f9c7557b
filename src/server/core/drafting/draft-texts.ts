// Knows what each sequence of the server's draft engine holds, and what has to be fed before it can
// draft behind a session's text, without images. Slot i of it drafts for the session in slot i of
// the target.

import type { SlotId } from '../../../base/brand.js';
import type { DraftEnd, DraftRequest, SlotConfig } from '../../../engine/engine.js';
import type { Session } from '../session.js';
import { joinTokens } from './draft-line.js';

/** A session's text: its words, then drafts in line behind it. */
export interface DraftedText {
  readonly session: Session;
  readonly slot: SlotId;
  /** [n] drafts in line. */
  readonly prefix: Int32Array;
}

interface HeldText {
  session: Session | null;
  /** Tokens in the engine after all that was asked for. */
  tokens: Int32Array;
  /** Of them, the first that are committed tokens of the session. */
  committed: number;
}

/** The part of a request that brings a sequence up to a text. */
export type TextPart = Pick<DraftRequest, 'slot' | 'from' | 'tokens' | 'config'>;

const nothing = new Int32Array(0);

export class DraftTexts {
  readonly #slots: readonly HeldText[];

  constructor(slotCount: number) {
    this.#slots = Array.from({ length: slotCount }, () => ({
      session: null,
      tokens: nothing,
      committed: 0,
    }));
  }

  /** Tokens that must be fed before the next one is drafted, >= 1 but for a text without words. */
  missingCount({ session, slot, prefix }: DraftedText): number {
    const { length } = session.words;
    return length + prefix.length - this.#sharedLength({ session, slot, prefix });
  }

  /** Tokens of the text that the sequence holds; at least its last one is always fed. */
  #sharedLength({ session, slot, prefix }: DraftedText): number {
    const held = this.#slots[slot]!;
    const { words, terms } = session;
    // Its speed would show what another key has written.
    if (held.session?.terms.tenant !== terms.tenant) return 0;
    const end = Math.max(0, Math.min(held.tokens.length, words.length + prefix.length - 1));
    let position = held.session === session ? Math.min(held.committed, end) : 0;
    const tokenAt = (at: number): number =>
      at < words.length ? words.at(at) : prefix[at - words.length]!;
    while (position < end && held.tokens[position] === tokenAt(position)) position++;
    return position;
  }

  /**
   * The request's part that feeds what is missing.
   *
   * @param countMax most tokens to feed now.
   */
  feed(text: DraftedText, countMax: number): TextPart {
    const { session, slot, prefix } = text;
    const held = this.#slots[slot]!;
    const { words } = session;
    const from = this.#sharedLength(text);
    const committed = words.slice(Math.min(from, words.length));
    const whole = joinTokens(committed, prefix.subarray(Math.max(0, from - words.length)));
    const tokens = whole.subarray(0, countMax);
    const isOther = held.session !== session;
    const kept = joinTokens(held.tokens.subarray(0, from), tokens);
    const committedLength = Math.min(words.length, kept.length);
    Object.assign(held, { session, tokens: kept, committed: committedLength });
    return { slot, from, tokens, ...(isOther && { config: configOf(session) }) };
  }

  /** A draft has ended: all its tokens but the last are in the sequence too. */
  ended({ session, slot }: DraftedText, { drafted, length }: DraftEnd): void {
    const held = this.#slots[slot]!;
    if (held.session !== session) return;
    const more = drafted.slice(0, Math.max(0, length - held.tokens.length));
    held.tokens = joinTokens(
      held.tokens,
      Int32Array.from(more, ({ token }) => token),
    );
  }

  /** What a sequence holds is unknown. */
  lost(slot: SlotId): void {
    Object.assign(this.#slots[slot]!, { session: null, tokens: nothing, committed: 0 });
  }
}

/** The target's config, for a text without images. */
function configOf({ terms: { config }, words: { absentCount } }: Session): SlotConfig {
  if (absentCount === 0) return config;
  return { ...config, promptLength: config.promptLength - absentCount, absentCount };
}
