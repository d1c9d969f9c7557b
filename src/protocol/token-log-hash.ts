// Hashes the committed tokens, so that two ends can compare their logs cheaply: FNV-1a, 64 bits,
// over each token id as four bytes, lowest first. Grows with the log. Detects mistakes, not
// attacks: the owner of a log knows its tokens.

/** Offset basis 0xcbf29ce484222325 in halves. */
const basisHigh = 0xcbf29ce4;
const basisLow = 0x84222325;
/** The prime is 2^40 + 0x1b3. */
const primeLow = 0x1b3;
const u32Count = 2 ** 32;

export class TokenLogHash {
  #high = basisHigh;
  #low = basisLow;
  #length = 0;

  /** How many tokens were pushed. */
  get length(): number {
    return this.#length;
  }

  /** In [0, 2^64). */
  get value(): bigint {
    return (BigInt(this.#high) << 32n) | BigInt(this.#low);
  }

  /** @param tokens [n] ids in [0, 2^31), in the order of their positions. */
  push(tokens: Int32Array): void {
    for (const token of tokens) {
      for (let shift = 0; shift < 32; shift += 8) this.#mix((token >>> shift) & 0xff);
    }
    this.#length += tokens.length;
  }

  /** hash = (hash xor byte) * prime, modulo 2^64, in halves that a double holds exactly. */
  #mix(byte: number): void {
    const low = (this.#low ^ byte) >>> 0;
    const product = low * primeLow;
    const carry = Math.floor(product / u32Count);
    const shifted = (low << 8) >>> 0;
    this.#high = (this.#high * primeLow + carry + shifted) % u32Count;
    this.#low = product % u32Count;
  }
}

/**
 * The hash by which two ends compare their committed tokens: FNV-1a, 64 bits, over each id as four
 * bytes, lowest first.
 *
 * @param tokens [n] ids in [0, 2^31), in the order of their positions.
 * @returns in [0, 2^64).
 *
 * @example
 * ```ts
 * import { tokenLogHash } from 'pilotfish/protocol';
 *
 * tokenLogHash(new Int32Array(0)); // = 0xcbf29ce484222325n
 * ```
 */
export function tokenLogHash(tokens: Int32Array): bigint {
  const hash = new TokenLogHash();
  hash.push(tokens);
  return hash.value;
}
