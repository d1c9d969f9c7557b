// Shows a session's tokens without the images of its prompt: what draft models and look-ups see.

import { isImageToken } from '../../../base/image-token.js';
import type { CommittedTokens } from '../../../protocol/token-log.js';
import { joinTokens } from './draft-line.js';

export class WordLog {
  /** Ids of images, all of them in the prompt. */
  readonly absentCount: number;
  readonly #log: CommittedTokens;
  /** Words of the prompt; empty where it has no images. */
  readonly #prompt: Int32Array;

  /**
   * @param log it grows with this one.
   * @param imagesUpTo ids below may be of images; 0: none are.
   */
  constructor(log: CommittedTokens, imagesUpTo: number) {
    const prompt = log.slice(0, imagesUpTo);
    this.#log = log;
    this.#prompt = prompt.filter((token) => !isImageToken(token));
    this.absentCount = prompt.length - this.#prompt.length;
  }

  get length(): number {
    return this.#log.length - this.absentCount;
  }

  /** The token at a position in [0, length). */
  at(position: number): number {
    return this.#prompt[position] ?? this.#log.at(position + this.absentCount);
  }

  /** A copy of positions [from, to). */
  slice(from: number, to: number = this.length): Int32Array {
    const { length } = this.#prompt;
    const words = this.#prompt.subarray(from, Math.max(from, Math.min(to, length)));
    const [logFrom, logTo] = [from, to].map((at) => Math.max(at, length) + this.absentCount);
    return joinTokens(words, this.#log.slice(logFrom!, logTo!));
  }
}
