// Defines the interface a model must implement to become an engine: feed tokens of many slots, read
// rows of logits, copy and cut caches. Synchronous, without laws or drafts; engine-core.ts builds
// those on top.

import type { ExitInfo } from './engine.js';
import type { ImageRows } from './image-tokens.js';

/** One slot's tokens of a feed. */
export interface Part {
  readonly slot: number;
  /** Index of tokens[0] in the slot's log, equal to the log's length. */
  readonly from: number;
  /** [n >= 1] */
  readonly tokens: Int32Array;
  /** Number of last tokens whose logits are requested, in [0, n]. */
  readonly rowCount: number;
}

/** Rows of logits guessed by an early exit during a feed. */
export interface ExitRows {
  /** Range of the feed's requested rows: `count` rows from `from` on; always whole parts. */
  readonly from: number;
  readonly count: number;
  /**
   * Logits [vocab] of the index-th requested row of the feed; valid during the call only; read
   * only.
   */
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
   * @param onExit called while the feed runs, with each requested row once, in order; only if
   *   `exit` is not null.
   * @throws PilotfishError `context-exhausted` or `engine-failed`; the caches are then unchanged.
   */
  feed(parts: readonly Part[], onExit?: (rows: ExitRows) => void): void;

  /**
   * Logits [vocab] of the index-th requested row of the last feed, in part order. Valid until the
   * next call; read only.
   */
  row(index: number): Float32Array;

  /** Drops the cache of a slot behind its first `length` tokens. */
  truncate(slot: number, length: number): void;

  /**
   * Makes `to` equal to the first `length` tokens of `from`; the old content of `to` is dropped.
   */
  copyPrefix(from: number, to: number, length: number): void;

  /**
   * Takes an encoded image in, so that `feed` knows its ids; absent: the model takes no images.
   *
   * @returns [tokens] ids of the image.
   */
  see?(image: ImageRows): Int32Array;

  /** Undoes one `see`. @param first id of the image. @throws PilotfishError `segment-invalid`. */
  forget?(first: number): void;

  /** @throws PilotfishError `segment-invalid` for an image id that `feed` would not know. */
  checkImageToken?(token: number): void;

  /** Cache contents of a slot as bytes. */
  save(slot: number): Uint8Array;

  /**
   * Replaces a slot's cache by the first `length` tokens of a saved one; false, and the slot is
   * empty, if the bytes are of another model or cache type, or cannot be cut there.
   */
  restore(slot: number, state: Uint8Array, length: number): boolean;

  close(): void;
}
