// Turns a schema into flat tables over shared memory: compiled in one thread, and read in others
// without a copy. A machine walks these tables; it sees neither the schema nor the compiler.

import type { Automaton, Node } from './automaton.js';
import { byteClasses } from './byte-classes.js';
import { compileSchema } from './schema.js';

/** Kinds of nodes; see Node. */
export const nodeKinds = { return: 0, byte: 1, call: 2, fork: 3 } as const;

/** The automaton of a schema, bound to the bytes that a vocabulary can write. Never changes. */
export interface CompiledSchema {
  /** Node that a text begins at. */
  readonly start: number;
  /** [nodes] of `nodeKinds`. */
  readonly kinds: Uint8Array;
  /** [nodes] byte and call: the next node; fork: its first entry of `options`. */
  readonly nexts: Int32Array;
  /** [nodes] byte: its row of `reads`; call: the rule's first node; fork: behind its last entry. */
  readonly details: Int32Array;
  /** Nodes that forks lead to. */
  readonly options: Int32Array;
  /** [256] class of each byte. */
  readonly classOf: Uint8Array;
  readonly classCount: number;
  /** [sets x classCount] 1 where a set of bytes holds the class. */
  readonly reads: Uint8Array;
}

/**
 * Compiles a schema.
 *
 * @param text JSON text of the schema.
 * @param writable bytes that are a token on their own.
 * @throws PilotfishError `format-invalid` naming the keyword and its place, or the limit.
 */
export function compiledSchema(text: string, writable: ReadonlySet<number>): CompiledSchema {
  return flattened(compileSchema(text).finish((byte) => writable.has(byte)));
}

/** Bytes of memory that the tables take. */
export function compiledBytes({ kinds, nexts, details, options, reads }: CompiledSchema): number {
  return [kinds, nexts, details, options, reads].reduce((sum, part) => sum + part.byteLength, 256);
}

const bytesOf = (count: number): Uint8Array => new Uint8Array(new SharedArrayBuffer(count));
const numbersOf = (count: number): Int32Array => new Int32Array(new SharedArrayBuffer(count * 4));

function flattened({ nodes, starts }: Automaton): CompiledSchema {
  const { count: classCount, classOf, setOf, sets } = byteClasses(nodes);
  const kinds = bytesOf(nodes.length);
  const nexts = numbersOf(nodes.length);
  const details = numbersOf(nodes.length);
  const options = numbersOf(nodes.reduce((sum, node) => sum + optionCount(node), 0));
  let optionsEnd = 0;
  nodes.forEach((node, index) => {
    kinds[index] = nodeKinds[node.kind];
    if (node.kind === 'return') return;
    if (node.kind === 'fork') {
      nexts[index] = optionsEnd;
      options.set(node.options, optionsEnd);
      optionsEnd += node.options.length;
      details[index] = optionsEnd;
      return;
    }
    nexts[index] = node.next;
    details[index] = node.kind === 'call' ? starts[node.rule]! : setOf[index]!;
  });
  const reads = bytesOf(sets.length * classCount);
  sets.forEach((table, index) => {
    reads.set(table, index * classCount);
  });
  return {
    ...{ start: starts[0]!, kinds, nexts, details, options },
    ...{ classOf: sharedCopy(classOf), classCount, reads },
  };
}

const optionCount = (node: Node): number => (node.kind === 'fork' ? node.options.length : 0);

function sharedCopy(values: Uint8Array): Uint8Array {
  const copy = bytesOf(values.length);
  copy.set(values);
  return copy;
}
