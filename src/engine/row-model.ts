// What a model must offer to become an engine: feed tokens of many slots, read rows of logits, move cache contents.
// Synchronous, without laws or drafts; engine-core.ts builds those on top.

import type { ExitInfo } from './engine.js';

/** One slot's tokens of a feed. */
export interface Part {
  readonly slot: number;
  /** Position of tokens[0], equal to the slot's cache length. */
  readonly from: number;
  /** [n >= 1] */
  readonly tokens: Int32Array;
  /** Logits are wanted after each of the last `rowCount` tokens, in [0, n]. */
  readonly rowCount: number;
}

/** Rows of logits that an early exit guesses, in the middle of a feed. */
export interface ExitRows {
  /** Which of the feed's wanted rows these are: from `from`, `count` of them, all rows of the parts they belong to. */
  readonly from: number;
  readonly count: number;
  /** Logits [vocab] of the index-th wanted row of the feed; valid during the call only; read only. */
  row(index: number): Float32Array;
}

export interface RowModel {
  readonly vocabSize: number;
  readonly slotCount: number;
  /** Most tokens one slot can hold. */
  readonly contextLength: number;
  readonly passTokensMax: number;
  readonly passRowsMax: number;
  /** Null for a model without an early exit. */
  readonly exit: ExitInfo | null;

  /**
   * Computes all parts in one batch. At most one part per slot.
   *
   * @param onExit called while the feed runs, with each wanted row once, in order; only where `exit` is not null.
   * @throws PilotfishError `context-exhausted` or `engine-failed`; the caches then are as they were.
   */
  feed(parts: readonly Part[], onExit?: (rows: ExitRows) => void): void;

  /** Logits [vocab] of the index-th wanted row of the last feed, in part order. Valid until the next call; read only. */
  row(index: number): Float32Array;

  /** Forgets everything of a slot from position `length` on. */
  truncate(slot: number, length: number): void;

  /** Makes `to` equal to the first `length` positions of `from`; what `to` held is forgotten. */
  copyPrefix(from: number, to: number, length: number): void;

  /** Cache contents of a slot as bytes. */
  save(slot: number): Uint8Array;

  /** Replaces a slot's cache; false when the bytes are not of this model and cache type. */
  restore(slot: number, state: Uint8Array): boolean;

  close(): void;
}
