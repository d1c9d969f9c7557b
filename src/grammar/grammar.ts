// A schema over a vocabulary: which tokens may come next. A pure function of the text so far, so drafting, rolling back and
// resuming need nothing but the tokens. Every path it leaves open can be written to its end, token by token.

import { assert } from '../base/assert.js';
import type { TokenMask } from '../math/token-mask.js';
import { singleBytes } from './format-checker.js';
import { grammarLimits } from './grammar-limits.js';
import { PushdownMachine, type State } from './pushdown-machine.js';
import { compileSchema } from './schema.js';
import type { TokenTable, TokenTrie } from './token-trie.js';

/** Where a text stands; null: it has left the format, or has ended. */
export type GrammarState = State | null;

/** What an excerpt of a state (machine.ts) says of the vocabulary. */
interface Excerpt {
  /** Tokens that may come next whatever lies below the excerpt. */
  readonly within: TokenMask;
  /** Nodes of the trie, and the bytes to them, where it depends on that. */
  readonly exits: readonly { readonly node: number; readonly path: readonly number[] }[];
}

export class Grammar {
  readonly #vocabulary: TokenTable;
  readonly #trie: TokenTrie;
  readonly #machine: PushdownMachine;
  /** Oldest first. */
  readonly #excerpts = new Map<State, Excerpt>();
  /** Least recently used first. */
  readonly #masks = new Map<GrammarState, TokenMask>();
  #triedCount = 0;

  /** Use GrammarCache. @param schema JSON text. @throws PilotfishError `format-invalid`. */
  constructor(schema: string, vocabulary: TokenTable, trie: TokenTrie) {
    this.#vocabulary = vocabulary;
    this.#trie = trie;
    const writable = singleBytes(vocabulary);
    this.#machine = new PushdownMachine(compileSchema(schema).finish((byte) => writable.has(byte)));
  }

  /**
   * Work done so far, in nodes of the automaton and of the vocabulary's trie that were looked at; it only grows. Some 5
   * million are a second of a slow core. What is known already costs nothing.
   */
  get work(): number {
    return this.#machine.work + this.#triedCount;
  }

  /** An answer without a token. */
  get start(): GrammarState {
    return this.#machine.start;
  }

  /** The state behind one more token; null where the token is not allowed, or ends the text. */
  advance(state: GrammarState, token: number): GrammarState {
    if (state === null || this.#vocabulary.endOfText.has(token)) return null;
    const bytes = this.#vocabulary.tokenBytes(token);
    if (bytes.length === 0) return null;
    this.#machine.makeRoom();
    let next: GrammarState = state;
    for (const byte of bytes) {
      next = this.#machine.step(next, this.#machine.classOf[byte]!);
      if (next === null) return null;
    }
    return next;
  }

  /**
   * Tokens that may come next, at least one: end tokens exactly where the text is complete. Behind a text that has left
   * the format only they are allowed: it can but end.
   */
  mask(state: GrammarState): TokenMask {
    const known = this.#masks.get(state);
    this.#masks.delete(state);
    const mask = known ?? this.#makeMask(state);
    this.#masks.set(state, mask);
    if (this.#masks.size > grammarLimits.masks) {
      this.#masks.delete(this.#masks.keys().next().value as GrammarState);
    }
    return mask;
  }

  #makeMask(state: GrammarState): TokenMask {
    const mask = new Uint32Array(Math.ceil(this.#vocabulary.size / 32));
    if (state === null || state.isComplete) {
      for (const token of this.#vocabulary.endOfText) allow(mask, token);
    }
    if (state !== null) this.#allowFollowing(state, mask);
    return mask;
  }

  /** What an excerpt says of many states is found once; what lies beyond it, for each. */
  #allowFollowing(state: State, mask: TokenMask): void {
    this.#machine.makeRoom();
    const excerpt = this.#machine.excerptOf(state);
    if (excerpt === null) {
      this.#walk([{ node: 0, state }], mask);
      return;
    }
    const { within, exits } = this.#excerpts.get(excerpt) ?? this.#makeExcerpt(excerpt);
    mask.forEach((word, index) => {
      mask[index] = word | within[index]!;
    });
    const beyond = exits.map(({ node, path }) => ({ node, state: this.#along(state, path) }));
    this.#walk(beyond, mask);
  }

  #makeExcerpt(state: State): Excerpt {
    const within = new Uint32Array(Math.ceil(this.#vocabulary.size / 32));
    const exits = this.#walk([{ node: 0, state }], within);
    const excerpt = { within, exits: exits.map((node) => ({ node, path: this.#pathTo(node) })) };
    this.#excerpts.set(state, excerpt);
    if (this.#excerpts.size > grammarLimits.masks) {
      this.#excerpts.delete(this.#excerpts.keys().next().value!);
    }
    return excerpt;
  }

  #along(state: State, path: readonly number[]): State {
    return path.reduce((at, byte) => {
      const next = this.#machine.step(at, this.#machine.classOf[byte]!);
      assert(next !== null, 'an excerpt has left where its state has not');
      return next;
    }, state);
  }

  /** Bytes from the root of the trie. */
  #pathTo(node: number): number[] {
    const { byte, parent } = this.#trie;
    const path: number[] = [];
    for (let at = node; at !== 0; at = parent[at]!) path.unshift(byte[at]!);
    return path;
  }

  /**
   * Through the trie, short tokens before long ones, as far as the grammar follows and the work is allowed.
   *
   * @returns nodes at which an excerpt has left; what is beyond them is not walked.
   */
  #walk(
    from: readonly { readonly node: number; readonly state: State }[],
    mask: TokenMask,
  ): number[] {
    const { byte, childFrom, tokenFrom, tokens } = this.#trie;
    const { classOf } = this.#machine;
    const nodes = from.map(({ node }) => node);
    const states = from.map(({ state }) => state);
    const exits: number[] = [];
    /** States met, by hash: their cost must not depend on what was known of them before. */
    const met = new Set<number>();
    let work = 0;
    let at = 0;
    for (; at < nodes.length && work < grammarLimits.maskWork; at++) {
      const node = nodes[at]!;
      const state = states[at]!;
      if (!met.has(state.hash)) {
        met.add(state.hash);
        work += state.cost;
      }
      const end = childFrom[node + 1]!;
      for (let child = childFrom[node]!; child < end; child++) {
        const next = this.#machine.step(state, classOf[byte[child]!]!);
        if (next === null) continue;
        for (let index = tokenFrom[child]!; index < tokenFrom[child + 1]!; index++) {
          allow(mask, tokens[index]!);
        }
        if (childFrom[child]! === childFrom[child + 1]!) continue;
        if (next.hasLeft) exits.push(child);
        else {
          nodes.push(child);
          states.push(next);
        }
      }
    }
    this.#triedCount += at;
    return exits;
  }
}

function allow(mask: TokenMask, token: number): void {
  mask[token >>> 5]! |= 1 << (token & 31);
}
