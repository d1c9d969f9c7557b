// Converts tokens to text as they arrive: whole characters only.

import { Utf8Stream } from '../base/utf8.js';
import type { Vocabulary } from './vocabulary.js';

/**
 * Converts tokens to text as they arrive: whole characters only.
 *
 * @example
 * ```ts
 * import { createScriptedEngine, TextStream } from 'pilotfish/engine';
 *
 * const { vocabulary } = createScriptedEngine().info;
 * const stream = new TextStream(vocabulary);
 * let text = '';
 * for (const token of vocabulary.tokenize('eat', { addBos: true, parseSpecial: false })) {
 *   text += stream.push(token);
 * }
 * text += stream.end();
 * text; // = 'eat'
 * ```
 */
export class TextStream {
  readonly #vocabulary: Vocabulary;
  readonly #utf8 = new Utf8Stream();

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
  }

  /** The text that a token adds; may be empty. @throws PilotfishError `token-out-of-range`. */
  push(token: number): string {
    return this.#utf8.push(this.#vocabulary.tokenBytes(token));
  }

  /** Flushes the bytes of an incomplete character, as U+FFFD. */
  end(): string {
    return this.#utf8.end();
  }
}

/**
 * The text of tokens, the inverse of `tokenize`; control tokens give none. For a text that still
 * grows, use TextStream.
 *
 * @param tokens ids.
 * @throws PilotfishError `token-out-of-range`.
 *
 * @example
 * ```ts
 * import { createScriptedEngine, detokenize } from 'pilotfish/engine';
 *
 * const { vocabulary } = createScriptedEngine().info;
 * const tokens = vocabulary.tokenize('eat', { addBos: false, parseSpecial: false });
 * detokenize(vocabulary, tokens); // = 'eat'
 * ```
 */
export function detokenize(vocabulary: Vocabulary, tokens: Iterable<number>): string {
  const stream = new TextStream(vocabulary);
  let text = '';
  for (const token of tokens) text += stream.push(token);
  text += stream.end();
  return vocabulary.addsSpacePrefix && text.startsWith(' ') ? text.slice(1) : text;
}
