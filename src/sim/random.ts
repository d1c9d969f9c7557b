// Draws the simulator's random numbers: one seed, split by purpose, so that drawing more for one
// purpose changes no other. The generator is sfc32 (C. Doty-Humphrey, PractRand): integers only,
// the same on every platform.

import { assert } from '../base/assert.js';

/** A number, or the two ends between which one is drawn. */
export type NumberRange = number | readonly [number, number];

/** FNV-1a over the words of a purpose, with a mixing end. */
function hashOf(words: readonly (string | number)[]): number {
  let hash = 0x811c9dc5;
  const text = words.join('/');
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  return (hash ^ (hash >>> 15)) >>> 0;
}

export class Random {
  #a: number;
  #b: number;
  #c: number;
  #count = 1;

  /** @param purpose names this stream among those of the seed. */
  constructor(seed: number, ...purpose: readonly (string | number)[]) {
    this.#a = hashOf([seed, ...purpose]);
    this.#b = hashOf([...purpose, seed]);
    this.#c = hashOf(['pilotfish', seed, ...purpose]);
    for (let round = 0; round < 12; round++) this.next();
  }

  /** Uniform in [0, 1), with 32 bits. */
  next(): number {
    const sum = (this.#a + this.#b + this.#count++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return (sum >>> 0) / 2 ** 32;
  }

  /** Whole, in [0, below). */
  below(below: number): number {
    return Math.floor(this.next() * below);
  }

  /** Uniform in a range. */
  within(range: NumberRange): number {
    return typeof range === 'number' ? range : range[0] + this.next() * (range[1] - range[0]);
  }

  /** Whole, uniform in a range, both ends included. */
  wholeWithin(range: NumberRange): number {
    if (typeof range === 'number') return Math.round(range);
    return range[0] + this.below(range[1] - range[0] + 1);
  }

  happens(probability: number): boolean {
    return this.next() < probability;
  }

  /** Exponential with this mean: the time to the next of many independent events. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.next());
  }

  pick<T>(values: readonly T[]): T {
    assert(values.length > 0, 'nothing to pick from');
    return values[this.below(values.length)]!;
  }

  /** One of `values`, each as likely as its weight. */
  weighted<T extends { readonly weight: number }>(values: readonly T[]): T {
    let left = this.next() * values.reduce((sum, { weight }) => sum + weight, 0);
    for (const value of values) {
      left -= value.weight;
      if (left < 0) return value;
    }
    return values[values.length - 1]!;
  }
}
