// Sorts the tokens of a vocabulary by their bytes into a trie, so that common beginnings are walked
// once. Nodes lie in order of depth, the children of a node next to each other.

/** The part of a vocabulary that this layer needs. */
export interface TokenTable {
  readonly size: number;
  readonly endOfText: ReadonlySet<number>;
  /** Bytes that a token adds to a text; empty for control tokens. */
  tokenBytes(token: number): Uint8Array;
}

export interface TokenTrie {
  /** [nodes] last byte of the path to each; node 0 is the root. */
  readonly byte: Uint8Array;
  /** [nodes] the node above each; the root's is itself. */
  readonly parent: Int32Array;
  /** [nodes + 1] first child of each; its children end before the first child of the next node. */
  readonly childFrom: Int32Array;
  /** [nodes + 1] first entry of each in `tokens`. */
  readonly tokenFrom: Int32Array;
  /** Tokens that end at a node. Tokens without bytes, and those that end a text, are left out. */
  readonly tokens: Int32Array;
}

/** One token and its bytes. */
interface Spelt {
  readonly token: number;
  readonly bytes: Uint8Array;
}

/** Tokens that share the path to one node. */
interface Group {
  readonly byte: number;
  readonly parent: number;
  readonly members: readonly Spelt[];
}

export function tokenTrie(vocabulary: TokenTable): TokenTrie {
  const byte: number[] = [];
  const parent: number[] = [];
  const childFrom: number[] = [];
  const tokenFrom: number[] = [];
  const tokens: number[] = [];
  let level: Group[] = [{ byte: 0, parent: 0, members: speltTokens(vocabulary) }];
  for (let depth = 0; level.length > 0; depth++) {
    const below: Group[] = [];
    const firstBelow = byte.length + level.length;
    for (const { byte: own, parent: above, members } of level) {
      const node = byte.push(own) - 1;
      parent.push(above);
      tokenFrom.push(tokens.length);
      childFrom.push(firstBelow + below.length);
      for (const { token, bytes } of members) if (bytes.length === depth) tokens.push(token);
      below.push(...groups(members, depth, node));
    }
    level = below;
  }
  return {
    byte: Uint8Array.from(byte),
    parent: Int32Array.from(parent),
    childFrom: closed(childFrom, byte.length),
    tokenFrom: closed(tokenFrom, tokens.length),
    tokens: Int32Array.from(tokens),
  };
}

function speltTokens(vocabulary: TokenTable): Spelt[] {
  const spelt: Spelt[] = [];
  for (let token = 0; token < vocabulary.size; token++) {
    if (vocabulary.endOfText.has(token)) continue;
    const bytes = vocabulary.tokenBytes(token);
    if (bytes.length > 0) spelt.push({ token, bytes });
  }
  return spelt;
}

/** Members longer than `depth`, grouped by their byte there, below a node. */
function groups(members: readonly Spelt[], depth: number, parent: number): Group[] {
  const byByte = new Map<number, Spelt[]>();
  for (const one of members) {
    if (one.bytes.length <= depth) continue;
    const byte = one.bytes[depth]!;
    const group = byByte.get(byte);
    if (group === undefined) byByte.set(byte, [one]);
    else group.push(one);
  }
  return Array.from(byByte, ([byte, grouped]) => ({ byte, parent, members: grouped }));
}

function closed(values: readonly number[], end: number): Int32Array {
  const all = new Int32Array(values.length + 1);
  all.set(values);
  all[values.length] = end;
  return all;
}
