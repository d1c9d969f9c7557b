// Caches the grammars of one vocabulary. Each distinct schema is compiled once while in use, or was
// compiled by the caller; the vocabulary is sorted at the first request.

import { type CompiledSchema, compiledSchema } from './compiled-schema.js';
import { checkEnds, singleBytes } from './format-checker.js';
import { Grammar } from './grammar.js';
import { type TokenTable, type TokenTrie, tokenTrie } from './token-trie.js';

/** Grammars kept in addition to those that slots hold. */
const grammarsMax = 32;

export class GrammarCache {
  readonly #vocabulary: TokenTable;
  #trie: TokenTrie | null = null;
  #writable: ReadonlySet<number> | null = null;
  /** By scope and schema, least recently used first. */
  readonly #grammars = new Map<string, Grammar>();

  /** @param vocabulary must not change. */
  constructor(vocabulary: TokenTable) {
    this.#vocabulary = vocabulary;
  }

  /**
   * @param schema JSON text of a schema.
   * @param compiled for this vocabulary; null compiles it here, which takes up to half a second.
   * @param scope callers of another one share nothing, so that no time tells what they ask for.
   * @throws PilotfishError `format-invalid` naming the keyword and its place, or the limit.
   */
  grammarOf(schema: string, compiled: CompiledSchema | null = null, scope = 0): Grammar {
    const key = `${scope} ${schema}`;
    const known = this.#grammars.get(key);
    this.#grammars.delete(key);
    const grammar = known ?? this.#make(schema, compiled);
    this.#grammars.set(key, grammar);
    if (this.#grammars.size > grammarsMax) {
      this.#grammars.delete(this.#grammars.keys().next().value!);
    }
    return grammar;
  }

  #make(schema: string, compiled: CompiledSchema | null): Grammar {
    const vocabulary = this.#vocabulary;
    checkEnds(vocabulary);
    const tables = compiled ?? compiledSchema(schema, this.#writableBytes());
    this.#trie ??= tokenTrie(vocabulary);
    return new Grammar(tables, vocabulary, this.#trie);
  }

  #writableBytes(): ReadonlySet<number> {
    this.#writable ??= singleBytes(this.#vocabulary);
    return this.#writable;
  }
}
