// Runs an automaton over bytes: a state is every way in which the bytes so far can be read, each a stack of rules to
// return to. States are shared and remember what follows them, so most steps are one look-up.

import type { Automaton } from './automaton.js';
import { type ByteClasses, byteClasses } from './byte-classes.js';
import { grammarLimits } from './grammar-limits.js';

/** A node to go on from, and where its rule returns to. */
interface Stack {
  /** Names it among those of one generation. */
  readonly id: number;
  /** Of all it stands for, the same in every generation. */
  readonly hash: number;
  readonly node: number;
  readonly parent: Stack | null;
  /** Stacks below it. */
  readonly depth: number;
}

/** A point in a text. What it means never changes; what is known to follow it may be forgotten. */
export interface State {
  /** [>= 0] standing at byte nodes. */
  readonly stacks: readonly Stack[];
  /** Whether the text may end here. */
  readonly isComplete: boolean;
  /** Of an excerpt: whether a way of reading has returned to where it was cut off. */
  readonly hasLeft: boolean;
  /** Of `stacks`, the same in every generation. */
  readonly hash: number;
  /** What it takes to find this state, in nodes looked at. */
  readonly cost: number;
  /** [classes] what follows, where `generation` is the machine's; undefined: nobody has asked; null: nothing does. */
  readonly following: (State | null | undefined)[];
  generation: number;
}

/** Stands for all that an excerpt leaves out; nothing is known to follow it. */
const cutOff: Stack = { id: 0, hash: 0, node: -1, parent: null, depth: 0 };

/** What finding a state takes beside its stacks, in nodes looked at; keeping it takes more. */
const findingCost = 16;
const keepingCost = 64;

export class PushdownMachine {
  readonly #automaton: Automaton;
  readonly #classes: ByteClasses;
  readonly #stacks = new Map<number, Stack>();
  readonly #states = new Map<string, State>();
  #stackCount = 1;
  #keptWork = 0;
  #work = 0;
  #generation = 0;
  /** Nothing read yet. */
  readonly start: State;

  constructor(automaton: Automaton) {
    this.#automaton = automaton;
    this.#classes = byteClasses(automaton);
    this.start = this.#stateOf([this.#stack(automaton.starts[0]!, null)]);
  }

  /** [256] class of each byte. */
  get classOf(): Uint8Array {
    return this.#classes.classOf;
  }

  /** Nodes looked at so far, and a share for each state found; only grows. */
  get work(): number {
    return this.#work;
  }

  /** What follows a state with a byte of a class; null: the text cannot go on so. A function of its arguments. */
  step(state: State, byteClass: number): State | null {
    if (state.generation !== this.#generation) {
      state.following.fill(undefined);
      state.generation = this.#generation;
    }
    const known = state.following[byteClass];
    if (known !== undefined) return known;
    const { readBy } = this.#classes;
    const seeds: Stack[] = [];
    for (const { node, parent } of state.stacks) {
      if (readBy[node]![byteClass] !== 1) continue;
      const { next } = this.#automaton.nodes[node] as { readonly next: number };
      seeds.push(this.#stack(next, parent));
    }
    const next = seeds.length === 0 ? null : this.#stateOf(seeds);
    state.following[byteClass] = next;
    return next;
  }

  /** Between walks: when too much is kept, all is forgotten. States in use keep their meaning. */
  makeRoom(): void {
    if (this.#keptWork <= grammarLimits.keptWork) return;
    this.#states.clear();
    this.#stacks.clear();
    this.#keptWork = 0;
    this.#generation++;
  }

  /**
   * The part of a state that its ways of reading do not share, cut off where all of them would return to. What follows it
   * follows the state, too, up to where it `hasLeft`. Many states have one excerpt: a string is a string wherever it
   * stands. Null where nothing is shared.
   */
  excerptOf({ stacks }: State): State | null {
    const shared = stacks
      .map(({ parent }) => parent)
      .reduce(sharedAncestor, stacks[0]?.parent ?? null);
    if (shared === null) return null;
    return this.#stateOf(stacks.map((stack) => this.#above(stack, shared.depth)));
  }

  /** A stack without its lowest `depth` ones. */
  #above(stack: Stack, depth: number): Stack {
    const nodes: number[] = [];
    for (let at: Stack | null = stack; at !== null && at.depth > depth; at = at.parent) {
      nodes.push(at.node);
    }
    return nodes.reduceRight((parent, node) => this.#stack(node, parent), cutOff);
  }

  #stack(node: number, parent: Stack | null): Stack {
    const key = (parent === null ? 0 : parent.id + 1) * this.#automaton.nodes.length + node;
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
      following: new Array<undefined>(this.#classes.count).fill(undefined),
      generation: this.#generation,
    };
    this.#states.set(key, state);
    this.#keptWork += visits + keepingCost;
    return state;
  }

  /** Follows calls, returns and forks up to the nodes that read a byte, in a fixed order and within bounds. */
  #closure(seeds: readonly Stack[]): Closure {
    const open = [...seeds].reverse();
    const seen = new Set<Stack>();
    const stacks: Stack[] = [];
    let isComplete = false;
    let hasLeft = false;
    for (let stack = open.pop(); stack !== undefined; stack = open.pop()) {
      if (seen.has(stack)) continue;
      if (seen.size >= grammarLimits.closureVisits) break;
      seen.add(stack);
      const node = this.#automaton.nodes[stack.node]!;
      if (node.kind === 'byte') {
        stacks.push(stack);
        if (stacks.length >= grammarLimits.stacks) break;
      } else if (node.kind === 'return' && stack.parent === null) isComplete = true;
      else if (node.kind === 'return' && stack.parent === cutOff) hasLeft = true;
      else this.#expand(stack, open);
    }
    return { stacks, isComplete, hasLeft, visits: seen.size };
  }

  #expand({ node: index, parent }: Stack, open: Stack[]): void {
    const { nodes, starts } = this.#automaton;
    const node = nodes[index]!;
    switch (node.kind) {
      case 'fork':
        for (const option of [...node.options].reverse()) open.push(this.#stack(option, parent));
        break;
      case 'call': {
        // Who has nothing left to do leaves no return address: recursion at the end of a rule costs no depth.
        const isLast = nodes[node.next]!.kind === 'return';
        open.push(
          this.#stack(starts[node.rule]!, isLast ? parent : this.#stack(node.next, parent)),
        );
        break;
      }
      case 'return':
        open.push(this.#stack(parent!.node, parent!.parent));
        break;
      case 'byte':
        break;
    }
  }
}

interface Closure {
  readonly stacks: Stack[];
  readonly isComplete: boolean;
  readonly hasLeft: boolean;
  /** Nodes looked at. */
  readonly visits: number;
}

/** The highest stack that both stand on. */
function sharedAncestor(one: Stack | null, other: Stack | null): Stack | null {
  let [left, right] = [one, other];
  while (left !== null && right !== null && left !== right) {
    if (left.depth >= right.depth) left = left.parent;
    else right = right.parent;
  }
  return left === right ? left : null;
}

/** 52 bits of two numbers: two multiply-xorshift rounds side by side (constants as in engine/scripted-model.ts). */
function mixed(seed: number, value: number): number {
  let low = (seed ^ Math.imul(value + 1, 0x9e3779b9)) >>> 0;
  low = Math.imul(low ^ (low >>> 16), 0x7feb352d) >>> 0;
  let high = (Math.floor(seed / 2 ** 32) ^ low ^ Math.imul(value + 1, 0x85ebca6b)) >>> 0;
  high = Math.imul(high ^ (high >>> 15), 0x846ca68b) >>> 0;
  return (high >>> 12) * 2 ** 32 + ((low ^ (low >>> 15)) >>> 0);
}
