// Measures how often a look-up tells the next token, by the length of its match and by how far the
// places agree. A match grows by one with each token that it tells, so a guess's later tokens have
// the chances of longer matches. The text itself shows them all: no draft need be tested to learn.

/** Longest match of each class. */
const lengthClasses = [1, 2, 3, 5, 7, 11, 15, 31, Infinity];
/** How the places of a match agree on the next token: see `agreementOf`. */
const agreementCount = 4;
const cellCount = lengthClasses.length * agreementCount;

/**
 * Chances before anything is known, [length class][agreement]. Measured on stories of the bundled
 * target and on source files and their next versions; a key and a session soon have their own.
 */
// biome-ignore format: a row for each length class
const firstChances = [
  0.15, 0.3, 0.3, 0.1,
  0.3, 0.5, 0.3, 0.15,
  0.5, 0.8, 0.5, 0.25,
  0.65, 0.85, 0.6, 0.35,
  0.7, 0.9, 0.6, 0.35,
  0.75, 0.9, 0.5, 0.3,
  0.8, 0.93, 0.5, 0.3,
  0.85, 0.95, 0.6, 0.3,
  0.9, 0.97, 0.6, 0.4,
];

/**
 * A session learns from look-ups of any kind how far to believe in kinds it has not seen: this
 * halves the guesses in a random text and costs none elsewhere.
 */
const shiftKeep = 1 - 1 / 64;
const shiftWeight = 4;

/** Kind of a look-up, for which a chance is measured. */
export type SuffixCell = number;

/**
 * @param length of the match, >= 1.
 * @param votes places that tell the guessed token, of `placeCount`.
 */
export function suffixCell(length: number, votes: number, placeCount: number): SuffixCell {
  let lengthClass = 0;
  while (lengthClasses[lengthClass]! < length) lengthClass++;
  return lengthClass * agreementCount + agreementOf(votes, placeCount);
}

/** One place only, several that agree, a majority, no majority. */
function agreementOf(votes: number, placeCount: number): number {
  if (votes === placeCount) return votes === 1 ? 0 : 1;
  return 2 * votes > placeCount ? 2 : 3;
}

/** Chances of one session, or of all sessions of a key. */
export class SuffixChances {
  readonly #prior: SuffixChances | null;
  readonly #priorWeight: number;
  readonly #keep: number;
  readonly #right = new Float64Array(cellCount);
  readonly #tested = new Float64Array(cellCount);
  /** Of recent observations of any kind: those that were right, and those the prior expected. */
  #rightSum = 0;
  #expectedSum = 0;

  /**
   * @param prior of the key; null: the chances measured on other texts.
   * @param priorWeight observations for which the prior counts, > 0.
   * @param memory observations of one kind that count, >= 1: older ones fade.
   */
  constructor(prior: SuffixChances | null, priorWeight: number, memory: number) {
    this.#prior = prior;
    this.#priorWeight = priorWeight;
    this.#keep = 1 - 1 / memory;
  }

  /** Chance that a look-up of this kind tells the next token, in (0, 1). */
  of(cell: SuffixCell): number {
    const weight = this.#priorWeight;
    const first = shifted(this.#priorOf(cell), this.#shift);
    return (first * weight + this.#right[cell]!) / (weight + this.#tested[cell]!);
  }

  /** A token was written where a look-up of this kind told one; the prior learns too. */
  learn(cell: SuffixCell, isRight: boolean): void {
    const right = isRight ? 1 : 0;
    this.#rightSum = this.#rightSum * shiftKeep + right;
    this.#expectedSum = this.#expectedSum * shiftKeep + this.#priorOf(cell);
    this.#right[cell] = this.#right[cell]! * this.#keep + right;
    this.#tested[cell] = this.#tested[cell]! * this.#keep + 1;
    this.#prior?.learn(cell, isRight);
  }

  #priorOf(cell: SuffixCell): number {
    return this.#prior ? this.#prior.of(cell) : firstChances[cell]!;
  }

  /** How much more often than expected look-ups of any kind were right. */
  get #shift(): number {
    return (this.#rightSum + shiftWeight) / (this.#expectedSum + shiftWeight);
  }
}

/** Multiplies the odds of a chance. */
const shifted = (chance: number, factor: number): number =>
  (chance * factor) / (1 - chance + chance * factor);
