// Tells where the images of a prompt stand, which no drafter sees: its text is the answer's without
// them.

import { isImageToken } from '../../base/image-token.js';

export class PromptImages {
  /** Positions of image tokens, rising. */
  readonly #positions: readonly number[];

  /** @param prompt ids, those of images among them. */
  constructor(prompt: Int32Array) {
    this.#positions = Array.from(prompt.keys()).filter((at) => isImageToken(prompt[at]!));
  }

  /** Tokens that a drafter lacks. */
  get count(): number {
    return this.#positions.length;
  }

  /** How many words stand below a position of the text. */
  wordsBelow(position: number): number {
    const beyond = this.#positions.findIndex((at) => at >= position);
    return position - (beyond < 0 ? this.#positions.length : beyond);
  }

  /** The words among tokens. */
  wordsOf(tokens: Int32Array): Int32Array {
    return this.count === 0 ? tokens : tokens.filter((token) => !isImageToken(token));
  }
}
