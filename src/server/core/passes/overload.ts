// Predicts how long each token would take with one more session, from predicted pass times and the
// number of sessions that share the slots. Drafts are given up long before: the advice falls to
// none as passes fill.

import type { PassShape } from '../../../math/pass-time.js';

export interface SlotUsage {
  /** Sessions that want a pass now, >= 0. */
  readonly busyCount: number;
  /** Sessions whose caches the engine holds at once, >= 1. */
  readonly slotCount: number;
  /** Mean length of their caches. */
  readonly contextLength: number;
}

/**
 * Milliseconds from token to token if one more session joined and none drafted: a pass with a row
 * for each that has a slot, as often as it takes until all have had one.
 *
 * @param predict milliseconds of a pass.
 */
export function loadedTokenMs(
  { busyCount, slotCount, contextLength }: SlotUsage,
  predict: (shape: PassShape) => number,
): number {
  const count = busyCount + 1;
  const rows = Math.min(count, slotCount);
  const shape = { tokenCount: rows, rowCount: rows, tokenContext: rows * contextLength };
  return Math.ceil(count / slotCount) * predict(shape);
}
