// Finds the tokens that may come next in a text of a schema. A pure function of the text so far, so
// drafting, rollback and resumption need nothing but the tokens. Every open path can be completed
// token by token.

import { assert } from '../base/assert.js';
import type { TokenMask } from '../math/token-mask.js';
import type { CompiledSchema } from './compiled-schema.js';
import { grammarLimits } from './grammar-limits.js';
import { PushdownMachine, type State } from './pushdown-machine.js';
import type { TokenTable, TokenTrie } from './token-trie.js';

/** State of a text in the grammar; null: it has left the format, or has ended. */
export type GrammarState = State | null;

/** The tokens of an excerpt of a state (pushdown-machine.ts). */
interface Excerpt {
  /** Tokens that may come next for any stack below the excerpt. */
  readonly within: TokenMask;
  /** Nodes of the trie, and the bytes to them, where the stack below decides. */
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

  /** Use GrammarCache. @param schema compiled for this vocabulary. */
  constructor(schema: CompiledSchema, vocabulary: TokenTable, trie: TokenTrie) {
    this.#vocabulary = vocabulary;
    this.#trie = trie;
    this.#machine = new PushdownMachine(schema);
  }

  /**
   * Work done so far, in visited nodes of the automaton and of the vocabulary's trie; never falls.
   * About 5 million take a second of a slow core. Cached results cost nothing.
   */
  get work(): number {
    return this.#machine.work + this.#triedCount;
  }

  /** The state of an empty answer. */
  get start(): GrammarState {
    return this.#machine.start;
  }

  /** The state after one more token; null if the token is not allowed, or ends the text. */
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
   * Tokens that may come next, at least one: end tokens exactly if the text is complete. After a
   * text that has left the format, only end tokens are allowed.
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

  /**
   * The part within an excerpt is found once for many states, the part beyond it for each state.
   */
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
   * Walks the trie, short tokens before long ones, as far as the grammar and the work limit allow.
   *
   * @returns nodes at which the excerpt was left; the walk stops there.
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
    /** Hashes of the states met: their cost must not depend on what was cached. */
    const met = new Set<number>();
    let work = 0;
    let at = 0;
    for (; at < nodes.length && work < grammarLimits.maskWork; at++) {
      const node = nodes[at]!;
      const state = states[at]!;
      const end = childFrom[node + 1]!;
      for (let child = childFrom[node]!; child < end; child++) {
        // Single bytes are always tried: with them every open path can be completed.
        if (work >= grammarLimits.maskWork && node !== 0) break;
        const next = this.#machine.step(state, classOf[byte[child]!]!);
        if (next === null) continue;
        if (!met.has(next.hash)) {
          met.add(next.hash);
          work += next.cost;
        }
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
