// Checks whether a vocabulary can write the texts of a schema, without making masks. A server asks
// before it accepts a session. Results are cached, refusals too.

import { PilotfishError } from '../base/error.js';
import { compileSchema } from './schema.js';
import type { TokenTable } from './token-trie.js';

/** Schemas in the cache. */
const schemasMax = 64;

export class FormatChecker {
  readonly #vocabulary: TokenTable;
  #writable: ReadonlySet<number> | null = null;
  /** By schema, least recently used first; null: it can be followed. */
  readonly #known = new Map<string, PilotfishError | null>();

  /** @param vocabulary must not change. */
  constructor(vocabulary: TokenTable) {
    this.#vocabulary = vocabulary;
  }

  /**
   * @param schema JSON text of a schema.
   * @throws PilotfishError `format-invalid` naming the keyword and its place, or the limit.
   */
  check(schema: string): void {
    const known = this.#known.get(schema);
    this.#known.delete(schema);
    const complaint = known === undefined ? this.#complaint(schema) : known;
    this.#known.set(schema, complaint);
    if (this.#known.size > schemasMax) this.#known.delete(this.#known.keys().next().value!);
    if (complaint !== null) throw complaint;
  }

  #complaint(schema: string): PilotfishError | null {
    try {
      checkEnds(this.#vocabulary);
      this.#writable ??= singleBytes(this.#vocabulary);
      const writable = this.#writable;
      compileSchema(schema).finish((byte) => writable.has(byte));
      return null;
    } catch (reason) {
      if (reason instanceof PilotfishError) return reason;
      throw reason;
    }
  }
}

/** @throws PilotfishError `format-invalid`: a text that never ends satisfies nothing. */
export function checkEnds({ endOfText }: TokenTable): void {
  if (endOfText.size > 0) return;
  throw new PilotfishError('format-invalid', 'the model has no token that ends a text');
}

/** Bytes that are a token on their own: with these every path of an automaton can be written. */
export function singleBytes(vocabulary: TokenTable): ReadonlySet<number> {
  const found = new Set<number>();
  for (let token = 0; token < vocabulary.size; token++) {
    if (vocabulary.endOfText.has(token)) continue;
    const bytes = vocabulary.tokenBytes(token);
    if (bytes.length === 1) found.add(bytes[0]!);
  }
  return found;
}
