// Computes counter-based noise: a pure function of (seed, stream, position, index), the same on
// every platform. Threefry-2x32 with 20 rounds, integer operations only. Source: Salmon, Moraes,
// Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", section 3.2 and the Random123
// reference vectors.

/** A 64-bit key as two unsigned 32-bit words. */
export interface NoiseKey {
  readonly low: number;
  readonly high: number;
}

/**
 * Named streams of one seed. A draw from one never shifts a draw from another, so a resent or
 * replayed round repeats its draws exactly.
 */
export const noiseStreams = {
  /** Exponential races of the coupled scheme; index is the token id. */
  race: 0,
  /** Accept-or-reject draws of the ratio schemes. */
  accept: 1,
  /** Draws of draft tokens under the ratio schemes. */
  draft: 2,
  /** Draws of target, residual and bonus tokens by the server. */
  target: 3,
  /**
   * Draws of a device that replaces a rejected token itself (`split`); independent of the server's.
   */
  residual: 4,
} as const;
/** Name of a stream of noise: `race`, `accept`, `draft`, `target` or `residual`. */
export type NoiseStream = keyof typeof noiseStreams;

const parity = 0x1bd11bda;
const rotations = [13, 15, 26, 6, 17, 29, 16, 24] as const;

/**
 * One Threefry-2x32-20 block.
 *
 * @param out [2], receives two unsigned 32-bit words.
 */
export function threefry(
  keyLow: number,
  keyHigh: number,
  counterLow: number,
  counterHigh: number,
  out: Uint32Array,
): void {
  const schedule = [keyLow | 0, keyHigh | 0, parity ^ keyLow ^ keyHigh];
  let x0 = (counterLow + schedule[0]!) | 0;
  let x1 = (counterHigh + schedule[1]!) | 0;
  for (let round = 0; round < 20; round++) {
    const shift = rotations[round & 7]!;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << shift) | (x1 >>> (32 - shift))) ^ x0;
    if ((round & 3) === 3) {
      const injection = (round + 1) >> 2;
      x0 = (x0 + schedule[injection % 3]!) | 0;
      x1 = (x1 + schedule[(injection + 1) % 3]! + injection) | 0;
    }
  }
  out[0] = x0;
  out[1] = x1;
}

const scratch = new Uint32Array(2);

/**
 * The key of one stream of a 64-bit seed: streams differ as blocks of the seed's own generator do
 * (Threefry-2x32-20, Salmon et al. 2011).
 *
 * @param seed in [0, 2^64).
 *
 * @example
 * ```ts
 * import { noiseKey } from 'pilotfish/math';
 *
 * noiseKey(1234n, 'race').low !== noiseKey(1234n, 'draft').low; // = true
 * ```
 */
export function noiseKey(seed: bigint, stream: NoiseStream): NoiseKey {
  const low = Number(seed & 0xffffffffn);
  const high = Number((seed >> 32n) & 0xffffffffn);
  threefry(low, high, noiseStreams[stream], 0x70696c6f, scratch);
  return { low: scratch[0]!, high: scratch[1]! };
}

/** Steps of `uniform`: it returns (n + 0.5) / 2^52 for a whole number n. */
const uniformScale = 2 ** -52;

/**
 * Uniform number in (0, 1), never 0 and never 1, exactly representable and the same on every
 * platform.
 *
 * @param position absolute position in the sequence, in [0, 2^32).
 * @param index token id (race) or number of the draw at this position, in [0, 2^32).
 */
export function uniform(key: NoiseKey, position: number, index: number): number {
  threefry(key.low, key.high, index, position, scratch);
  return (scratch[0]! * 1048576 + (scratch[1]! >>> 12) + 0.5) * uniformScale;
}

/**
 * Standard exponential variate, -ln u, of one token in the race at one position. Under a law p, a
 * token has the smallest variate / p with probability p. `uniform` is mirrored first so that small
 * variates, which win races, keep full relative precision: -ln(1 - u) by log1p.
 */
export function exponential(key: NoiseKey, position: number, token: number): number {
  return -Math.log1p(-uniform(key, position, token));
}
