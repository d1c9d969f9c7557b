// Groups bytes that no node of an automaton tells apart into classes: a few dozen instead of 256,
// so the list of next states is short.

import type { Node } from './automaton.js';
import type { ByteRange } from './expression.js';

export interface ByteClasses {
  readonly count: number;
  /** [256] class of each byte. */
  readonly classOf: Uint8Array;
  /** [nodes] for byte nodes the index of their set of bytes in `sets`; else 0. */
  readonly setOf: Int32Array;
  /** [sets][count] 1 where a set holds the class. */
  readonly sets: readonly Uint8Array[];
}

export function byteClasses(nodes: readonly Node[]): ByteClasses {
  const numbers = new Map<string, number>();
  const ranges: (readonly ByteRange[])[] = [];
  const setOf = new Int32Array(nodes.length);
  // Most nodes share the list of their set: it is spelt once.
  const met = new Map<readonly ByteRange[], number>();
  nodes.forEach((node, index) => {
    if (node.kind !== 'byte') return;
    const known = met.get(node.ranges);
    const number = known ?? numberOf(node.ranges, numbers, ranges);
    if (known === undefined) met.set(node.ranges, number);
    setOf[index] = number;
  });
  const classOf = splitBy(ranges);
  const count = Math.max(...classOf) + 1;
  return { count, classOf, setOf, sets: ranges.map((own) => classesIn(own, classOf, count)) };
}

/** The number of a set; equal sets have one. */
function numberOf(
  own: readonly ByteRange[],
  numbers: Map<string, number>,
  ranges: (readonly ByteRange[])[],
): number {
  const key = own.map(({ from, last }) => `${from}-${last}`).join();
  const known = numbers.get(key);
  if (known !== undefined) return known;
  numbers.set(key, ranges.length);
  return ranges.push(own) - 1;
}

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
