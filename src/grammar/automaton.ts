// Builds one graph of nodes from rules: read a byte, call a rule, fork, return. Options that cannot
// lead to the end of a text are removed, so a walk never reaches a dead end.

import { assert } from '../base/assert.js';
import { PilotfishError } from '../base/error.js';
import { type ByteRange, type Expression, ruleOf } from './expression.js';
import { grammarLimits } from './grammar-limits.js';

export type Node =
  | { readonly kind: 'byte'; readonly ranges: readonly ByteRange[]; readonly next: number }
  | { readonly kind: 'call'; readonly rule: number; readonly next: number }
  /** Options that read a byte come before those that do not. */
  | { readonly kind: 'fork'; options: readonly number[] }
  | { readonly kind: 'return' };

export interface Automaton {
  readonly nodes: readonly Node[];
  /** [rules] node that each begins at. Rule 0 is the text. */
  readonly starts: readonly number[];
}

/** Every rule returns here. */
const returnNode = 0;

/** Rules may be referenced before they are defined, for recursion. */
export class AutomatonBuilder {
  readonly #nodes: Node[] = [{ kind: 'return' }];
  readonly #starts: (number | null)[] = [];
  readonly #shared = new Map<Expression, number>();

  /** Reserves the next rule. */
  declare(): number {
    this.#starts.push(null);
    return this.#starts.length - 1;
  }

  /** @throws PilotfishError `format-invalid` when the automaton grows too large. */
  define(rule: number, expression: Expression): void {
    assert(this.#starts[rule] === null, `rule ${rule} is defined twice`);
    this.#starts[rule] = this.#build(expression, returnNode);
  }

  /**
   * The automaton of a vocabulary.
   *
   * @param isWritable whether some token is this byte alone. With these tokens every remaining path
   *   can be written.
   * @throws PilotfishError `format-invalid` when no text can be written.
   */
  finish(isWritable: (byte: number) => boolean): Automaton {
    const starts = this.#starts.map((start, rule) => {
      assert(start !== null, `rule ${rule} is not defined`);
      return start;
    });
    const nodes = withoutDeadEnds(this.#nodes, starts, isWritable);
    if (nodes === null) {
      throw new PilotfishError(
        'format-invalid',
        'no text satisfies the schema, or the vocabulary cannot write it',
      );
    }
    return { nodes, starts };
  }

  #add(node: Node): number {
    if (this.#nodes.length >= grammarLimits.nodes) {
      throw new PilotfishError(
        'format-invalid',
        `the schema needs more than ${grammarLimits.nodes} nodes of an automaton`,
      );
    }
    this.#nodes.push(node);
    return this.#nodes.length - 1;
  }

  /** @returns the node from which the expression is read and then `next` reached. */
  #build(expression: Expression, next: number): number {
    switch (expression.kind) {
      case 'byte':
        return this.#add({ kind: 'byte', ranges: expression.ranges, next });
      case 'sequence':
        return expression.parts.reduceRight((after, part) => this.#build(part, after), next);
      case 'choice':
        return this.#add({
          kind: 'fork',
          options: expression.options.map((option) => this.#build(option, next)),
        });
      case 'repeat':
        return this.#repeat(expression, next);
      case 'rule':
        return this.#add({ kind: 'call', rule: expression.rule, next });
      case 'shared':
        return this.#add({ kind: 'call', rule: this.#ruleFor(expression.part), next });
      case 'later':
        return this.#build(expression.make(), next);
    }
  }

  #repeat({ part, min, max }: Expression & { kind: 'repeat' }, next: number): number {
    const isCopied = min > 1 || (max > 1 && max < Infinity);
    const element = isCopied && part.kind !== 'byte' ? ruleOf(this.#ruleFor(part)) : part;
    let node = next;
    if (max === Infinity) {
      const loop: Node = { kind: 'fork', options: [] };
      node = this.#add(loop);
      loop.options = [this.#build(element, node), next];
    } else {
      for (let count = max; count > min; count--) {
        node = this.#add({ kind: 'fork', options: [this.#build(element, node), next] });
      }
    }
    for (let count = 0; count < min; count++) node = this.#build(element, node);
    return node;
  }

  /**
   * The rule of an expression that is used more than once: each use then costs one or two nodes.
   */
  #ruleFor(part: Expression): number {
    if (part.kind === 'rule') return part.rule;
    if (part.kind === 'shared') return this.#ruleFor(part.part);
    const known = this.#shared.get(part);
    if (known !== undefined) return known;
    const rule = this.declare();
    this.#shared.set(part, rule);
    this.define(rule, part);
    return rule;
  }
}

/** The nodes without options that lead to a dead end; null if the text itself is one. */
function withoutDeadEnds(
  nodes: readonly Node[],
  starts: readonly number[],
  isWritable: (byte: number) => boolean,
): Node[] | null {
  const isLive = liveNodes(nodes, starts, isWritable);
  if (isLive[starts[0]!] === 0) return null;
  return nodes.map((node) =>
    node.kind === 'fork'
      ? { kind: 'fork', options: node.options.filter((option) => isLive[option] === 1) }
      : node,
  );
}

/**
 * [nodes] 1 where the end of the rule can be reached: the least fixed point, each edge followed
 * once.
 */
function liveNodes(
  nodes: readonly Node[],
  starts: readonly number[],
  isWritable: (byte: number) => boolean,
): Uint8Array {
  const isLive = new Uint8Array(nodes.length);
  const lives = (node: Node): boolean => {
    switch (node.kind) {
      case 'return':
        return true;
      case 'fork':
        return node.options.some((option) => isLive[option] === 1);
      case 'call':
        return isLive[node.next] === 1 && isLive[starts[node.rule]!] === 1;
      case 'byte':
        return isLive[node.next] === 1 && hasWritable(node.ranges, isWritable);
    }
  };
  const { from, to } = dependentsOf(nodes, starts);
  const found = [returnNode];
  isLive[returnNode] = 1;
  for (let node = found.pop(); node !== undefined; node = found.pop()) {
    for (let at = from[node]!; at < from[node + 1]!; at++) {
      const dependent = to[at]!;
      if (isLive[dependent] === 1 || !lives(nodes[dependent]!)) continue;
      isLive[dependent] = 1;
      found.push(dependent);
    }
  }
  return isLive;
}

/** The nodes that depend on node n: entries [from[n], from[n + 1]) of `to`. */
function dependentsOf(
  nodes: readonly Node[],
  starts: readonly number[],
): { readonly from: Int32Array; readonly to: Int32Array } {
  const from = new Int32Array(nodes.length + 1);
  const needs = nodes.map((node) => neededBy(node, starts));
  for (const needed of needs) for (const node of needed) from[node + 1]!++;
  for (let node = 0; node < nodes.length; node++) from[node + 1]! += from[node]!;
  const to = new Int32Array(from[nodes.length]!);
  const next = from.slice();
  needs.forEach((needed, index) => {
    for (const node of needed) to[next[node]!++] = index;
  });
  return { from, to };
}

function neededBy(node: Node, starts: readonly number[]): readonly number[] {
  switch (node.kind) {
    case 'return':
      return [];
    case 'fork':
      return node.options;
    case 'call':
      return [node.next, starts[node.rule]!];
    case 'byte':
      return [node.next];
  }
}

function hasWritable(ranges: readonly ByteRange[], isWritable: (byte: number) => boolean): boolean {
  return ranges.some(({ from, last }) => {
    for (let byte = from; byte <= last; byte++) if (isWritable(byte)) return true;
    return false;
  });
}
