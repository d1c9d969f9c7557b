// Leaves images out of what a drafter sees: a draft model knows words only. Positions of the text
// go on counting them.

import { isImageToken } from '../../../base/image-token.js';
import type { DraftStart } from '../event.js';

export class WordPlaces {
  /** Ids of images; all of them stand in the prompt. */
  readonly absentCount: number;
  /** [promptLength + 1] ids of images before each position; null: there are none at all. */
  readonly #before: Uint32Array | null;

  constructor(promptIds: Int32Array) {
    const before = new Uint32Array(promptIds.length + 1);
    for (const [at, id] of promptIds.entries())
      before[at + 1] = before[at]! + Number(isImageToken(id));
    this.absentCount = before[promptIds.length]!;
    this.#before = this.absentCount === 0 ? null : before;
  }

  /** A run as the drafter is asked for it. */
  startOf(start: DraftStart): DraftStart {
    const before = this.#before;
    if (before === null) return start;
    const sequences = start.sequences.map(({ from, tokens, ...rest }) => ({
      from: from - before[Math.min(from, before.length - 1)]!,
      tokens: tokens.filter((token) => !isImageToken(token)),
      ...rest,
    }));
    return { ...start, sequences };
  }
}
