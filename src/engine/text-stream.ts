// Tokens to text while they arrive: whole characters only, never half of one.

import { Utf8Stream } from '../base/utf8.js';
import type { Vocabulary } from './vocabulary.js';

/**
 * Tokens to text while they arrive: whole characters only, never half of one.
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

  /** What a token adds to the text; may be empty. @throws PilotfishError `token-out-of-range`. */
  push(token: number): string {
    return this.#utf8.push(this.#vocabulary.tokenBytes(token));
  }

  /** Flushes bytes of a character that never became whole, as U+FFFD. */
  end(): string {
    return this.#utf8.end();
  }
}

/**
 * The text that `tokenize` made these tokens of; control tokens give none. For a text that still
 * grows: TextStream.
 *
 * @param tokens ids. @throws PilotfishError `token-out-of-range`.
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
