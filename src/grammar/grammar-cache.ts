// Caches the grammars of one vocabulary. Each distinct schema is compiled once while in use; the
// vocabulary is sorted at the first request.

import { checkEnds } from './format-checker.js';
import { Grammar } from './grammar.js';
import { type TokenTable, type TokenTrie, tokenTrie } from './token-trie.js';

/** Grammars kept in addition to those that slots hold. */
const grammarsMax = 16;

export class GrammarCache {
  readonly #vocabulary: TokenTable;
  #trie: TokenTrie | null = null;
  /** By schema, least recently used first. */
  readonly #grammars = new Map<string, Grammar>();

  /** @param vocabulary must not change. */
  constructor(vocabulary: TokenTable) {
    this.#vocabulary = vocabulary;
  }

  /**
   * @param schema JSON text of a schema.
   * @throws PilotfishError `format-invalid` naming the keyword and its place, or the limit.
   */
  grammarOf(schema: string): Grammar {
    const known = this.#grammars.get(schema);
    this.#grammars.delete(schema);
    const grammar = known ?? this.#make(schema);
    this.#grammars.set(schema, grammar);
    if (this.#grammars.size > grammarsMax) {
      this.#grammars.delete(this.#grammars.keys().next().value!);
    }
    return grammar;
  }

  #make(schema: string): Grammar {
    checkEnds(this.#vocabulary);
    this.#trie ??= tokenTrie(this.#vocabulary);
    return new Grammar(schema, this.#vocabulary, this.#trie);
  }
}
