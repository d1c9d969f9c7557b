// Runs a compiled schema over bytes. A state is the set of all parses of the bytes so far, each a
// stack of rules to return to. States are shared and cache their successors, so most steps are one
// look-up.

import { type CompiledSchema, nodeKinds } from './compiled-schema.js';
import { grammarLimits } from './grammar-limits.js';

/** A node to continue from, and the stack that its rule returns to. */
interface Stack {
  /** Unique within one generation. */
  readonly id: number;
  /** Hash of the content, the same in every generation. */
  readonly hash: number;
  readonly node: number;
  readonly parent: Stack | null;
  /** Stacks below it. */
  readonly depth: number;
}

/** A point in a text. Its meaning never changes; its cached successors may be cleared. */
export interface State {
  /** [>= 0] standing at byte nodes. */
  readonly stacks: readonly Stack[];
  /** Whether the text may end here. */
  readonly isComplete: boolean;
  /** Of an excerpt: whether a parse has returned to the point of the cut. */
  readonly hasLeft: boolean;
  /** Of `stacks`, the same in every generation. */
  readonly hash: number;
  /** Cost of finding this state, in visited nodes. */
  readonly cost: number;
  /**
   * [classes] successors, valid if `generation` is the machine's. undefined: not asked yet; null:
   * no successor.
   */
  readonly following: (State | null | undefined)[];
  generation: number;
}

/** Stands for the part that an excerpt leaves out; has no known successor. */
const cutOff: Stack = { id: 0, hash: 0, node: -1, parent: null, depth: 0 };

/** Cost of finding a state in addition to its stacks, in visited nodes; keeping it costs more. */
const findingCost = 16;
const keepingCost = 64;

export class PushdownMachine {
  readonly #tables: CompiledSchema;
  readonly #stacks = new Map<number, Stack>();
  readonly #states = new Map<string, State>();
  /** By the stacks that a step leads to, before calls and forks are followed. */
  readonly #stepped = new Map<string, State>();
  #stackCount = 1;
  #keptWork = 0;
  #work = 0;
  #generation = 0;
  /** Nothing read yet. */
  readonly start: State;

  constructor(tables: CompiledSchema) {
    this.#tables = tables;
    this.start = this.#stateOf([this.#stack(tables.start, null)]);
  }

  /** [256] class of each byte. */
  get classOf(): Uint8Array {
    return this.#tables.classOf;
  }

  /** Visited nodes so far, plus a share for each state found; never falls. */
  get work(): number {
    return this.#work;
  }

  /** The successor of a state for a byte of a class; null: none. A function of its arguments. */
  step(state: State, byteClass: number): State | null {
    if (state.generation !== this.#generation) {
      state.following.fill(undefined);
      state.generation = this.#generation;
    }
    const known = state.following[byteClass];
    if (known !== undefined) return known;
    const { reads, details, nexts, classCount } = this.#tables;
    const seeds: Stack[] = [];
    for (const { node, parent } of state.stacks) {
      if (reads[details[node]! * classCount + byteClass] !== 1) continue;
      seeds.push(this.#stack(nexts[node]!, parent));
    }
    const next = seeds.length === 0 ? null : this.#stateBehind(seeds);
    state.following[byteClass] = next;
    return next;
  }

  /**
   * Called between walks: clears the cache if it is too large. States in use keep their meaning.
   */
  makeRoom(): void {
    if (this.#keptWork <= grammarLimits.keptWork) return;
    this.#states.clear();
    this.#stepped.clear();
    this.#stacks.clear();
    this.#keptWork = 0;
    this.#generation++;
  }

  /**
   * The part of a state that its parses do not share, cut off at the point all of them return to.
   * Its successors are those of the state, until it `hasLeft`. Many states share one excerpt: a
   * string has the same excerpt at any place. Null if nothing is shared.
   */
  excerptOf({ stacks }: State): State | null {
    const shared = stacks
      .map(({ parent }) => parent)
      .reduce(sharedAncestor, stacks[0]?.parent ?? null);
    if (shared === null) return null;
    return this.#stateOf(stacks.map((stack) => this.#above(stack, shared.depth)));
  }

  /** A stack without its lowest `depth` entries. */
  #above(stack: Stack, depth: number): Stack {
    const nodes: number[] = [];
    for (let at: Stack | null = stack; at !== null && at.depth > depth; at = at.parent) {
      nodes.push(at.node);
    }
    return nodes.reduceRight((parent, node) => this.#stack(node, parent), cutOff);
  }

  #stack(node: number, parent: Stack | null): Stack {
    const key = (parent === null ? 0 : parent.id + 1) * this.#tables.kinds.length + node;
    const known = this.#stacks.get(key);
    if (known !== undefined) return known;
    const stack: Stack = {
      id: this.#stackCount++,
      hash: mixed(parent?.hash ?? 1, node),
      node,
      parent,
      depth: (parent?.depth ?? 0) + 1,
    };
    this.#stacks.set(key, stack);
    return stack;
  }

  /** Several classes of bytes often lead to the same stacks: one closure serves them all. */
  #stateBehind(seeds: readonly Stack[]): State {
    const key = seeds.map(({ id }) => id).join();
    const known = this.#stepped.get(key);
    if (known !== undefined) return known;
    const state = this.#stateOf(seeds);
    this.#stepped.set(key, state);
    return state;
  }

  #stateOf(seeds: readonly Stack[]): State {
    const { stacks, isComplete, hasLeft, visits } = this.#closure(seeds);
    this.#work += visits + findingCost;
    const key = `${isComplete} ${hasLeft} ${stacks.map(({ id }) => id).join()}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    const state: State = {
      stacks,
      isComplete,
      hasLeft,
      hash: stacks.reduce((hash, stack) => mixed(hash, stack.hash), isComplete || hasLeft ? 1 : 0),
      cost: visits + findingCost,
      following: new Array<undefined>(this.#tables.classCount).fill(undefined),
      generation: this.#generation,
    };
    this.#states.set(key, state);
    this.#keptWork += visits + keepingCost;
    return state;
  }

  /**
   * Follows calls, returns and forks up to the nodes that read a byte, in a fixed order and within
   * bounds.
   */
  #closure(seeds: readonly Stack[]): Closure {
    const { kinds } = this.#tables;
    const open = [...seeds].reverse();
    const seen = new Set<Stack>();
    const stacks: Stack[] = [];
    let isComplete = false;
    let hasLeft = false;
    for (let stack = open.pop(); stack !== undefined; stack = open.pop()) {
      if (seen.has(stack)) continue;
      if (seen.size >= grammarLimits.closureVisits) break;
      seen.add(stack);
      const kind = kinds[stack.node]!;
      if (kind === nodeKinds.byte) {
        stacks.push(stack);
        if (stacks.length >= grammarLimits.stacks) break;
      } else if (kind === nodeKinds.return && stack.parent === null) isComplete = true;
      else if (kind === nodeKinds.return && stack.parent === cutOff) hasLeft = true;
      else this.#expand(kind, stack, open);
    }
    return { stacks, isComplete, hasLeft, visits: seen.size };
  }

  /** @param kind of the stack's node; not a byte. */
  #expand(kind: number, { node, parent }: Stack, open: Stack[]): void {
    const { kinds, nexts, details, options } = this.#tables;
    if (kind === nodeKinds.fork) {
      const from = nexts[node]!;
      for (let at = details[node]! - 1; at >= from; at--) {
        open.push(this.#stack(options[at]!, parent));
      }
    } else if (kind === nodeKinds.call) {
      // Tail call: a rule with nothing left to do leaves no return address, so it costs no depth.
      const isLast = kinds[nexts[node]!] === nodeKinds.return;
      open.push(this.#stack(details[node]!, isLast ? parent : this.#stack(nexts[node]!, parent)));
    } else open.push(this.#stack(parent!.node, parent!.parent));
  }
}

interface Closure {
  readonly stacks: Stack[];
  readonly isComplete: boolean;
  readonly hasLeft: boolean;
  /** Visited nodes. */
  readonly visits: number;
}

/** The highest common ancestor of two stacks. */
function sharedAncestor(one: Stack | null, other: Stack | null): Stack | null {
  let [left, right] = [one, other];
  while (left !== null && right !== null && left !== right) {
    if (left.depth >= right.depth) left = left.parent;
    else right = right.parent;
  }
  return left === right ? left : null;
}

/**
 * 52 bits of two numbers: two parallel multiply-xorshift rounds (constants as in
 * engine/scripted-model.ts).
 */
function mixed(seed: number, value: number): number {
  let low = (seed ^ Math.imul(value + 1, 0x9e3779b9)) >>> 0;
  low = Math.imul(low ^ (low >>> 16), 0x7feb352d) >>> 0;
  let high = (Math.floor(seed / 2 ** 32) ^ low ^ Math.imul(value + 1, 0x85ebca6b)) >>> 0;
  high = Math.imul(high ^ (high >>> 15), 0x846ca68b) >>> 0;
  return (high >>> 12) * 2 ** 32 + ((low ^ (low >>> 15)) >>> 0);
}
