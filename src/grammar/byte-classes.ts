// Groups bytes that no node of an automaton tells apart into classes: a few dozen instead of 256,
// so the list of next states is short.

import type { Automaton } from './automaton.js';
import type { ByteRange } from './expression.js';

export interface ByteClasses {
  readonly count: number;
  /** [256] class of each byte. */
  readonly classOf: Uint8Array;
  /** [nodes] for byte nodes [count] whether the node reads the class; else null. */
  readonly readBy: readonly (Uint8Array | null)[];
}

export function byteClasses({ nodes }: Automaton): ByteClasses {
  const sets = new Map<string, readonly ByteRange[]>();
  const keys = nodes.map((node) => (node.kind === 'byte' ? keyOf(node.ranges) : null));
  nodes.forEach((node, index) => {
    if (node.kind === 'byte') sets.set(keys[index]!, node.ranges);
  });
  const classOf = splitBy([...sets.values()]);
  const count = Math.max(...classOf) + 1;
  const tables = new Map<string, Uint8Array>();
  for (const [key, ranges] of sets) tables.set(key, classesIn(ranges, classOf, count));
  return { count, classOf, readBy: keys.map((key) => (key === null ? null : tables.get(key)!)) };
}

const keyOf = (ranges: readonly ByteRange[]): string =>
  ranges.map(({ from, last }) => `${from}-${last}`).join();

/**
 * Splits the bytes by one set after another: each class falls into the part inside and the part
 * outside.
 */
function splitBy(sets: readonly (readonly ByteRange[])[]): Uint8Array {
  let classOf = new Uint8Array(256);
  for (const ranges of sets) {
    const isIn = new Uint8Array(256);
    for (const { from, last } of ranges) isIn.fill(1, from, last + 1);
    const numbers = new Map<number, number>();
    classOf = classOf.map((old, byte) => {
      const pair = old * 2 + isIn[byte]!;
      if (!numbers.has(pair)) numbers.set(pair, numbers.size);
      return numbers.get(pair)!;
    });
  }
  return classOf;
}

function classesIn(ranges: readonly ByteRange[], classOf: Uint8Array, count: number): Uint8Array {
  const table = new Uint8Array(count);
  for (const { from, last } of ranges) {
    for (let byte = from; byte <= last; byte++) table[classOf[byte]!] = 1;
  }
  return table;
}
