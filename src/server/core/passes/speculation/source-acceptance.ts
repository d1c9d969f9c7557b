// Estimates the chance of a draft to stand, by its depth in the draft. Two memories: the long one
// is precise, the short one takes over when it differs by more than chance explains. Pure.

/** Tests after which a result has faded to 37 %. */
const longMemory = 256;
const shortMemory = 24;
/** Tests that the first guess counts for, and those that a depth must outweigh. */
const priorTests = 3;
/** Most tests that a guess from the text before counts for. */
const inheritedTestsMax = 12;
const depthPriorTests = 24;
/** Fading by a pass without tests. */
const restKeep = Math.exp(-1 / 128);
/** Standard errors between the memories from which the text is taken to have changed. */
const changedFrom = 3;
/** Depths with an estimate of their own; later ones share the last. */
const depthCount = 6;

/** Accepted and tested with forgetting. */
class FadingTally {
  readonly #keep: number;
  accepted = 0;
  tested = 0;

  constructor(memory: number) {
    this.#keep = Math.exp(-1 / memory);
  }

  fade(): void {
    this.accepted *= restKeep;
    this.tested *= restKeep;
  }

  add(isAccepted: boolean): void {
    this.accepted = this.accepted * this.#keep + (isAccepted ? 1 : 0);
    this.tested = this.tested * this.#keep + 1;
  }
}

export class SourceAcceptance {
  readonly #guess: number;
  readonly #guessTests: number;
  #long = new FadingTally(longMemory);
  readonly #short = new FadingTally(shortMemory);
  #byDepth: FadingTally[] = [];

  /**
   * @param guess chance before the first test, in (0, 1).
   * @param guessTests tests that it counts for.
   */
  constructor(guess: number, guessTests = priorTests) {
    this.#guess = guess;
    this.#guessTests = guessTests;
    this.#forget();
  }

  /**
   * The estimate for another text of the same kind: a guess that counts for a few tests.
   *
   * @param guess for a text of which nothing is known. A rate below it is believed by half, so that
   *   a source that has done badly is tried again.
   */
  successor(guess: number): SourceAcceptance {
    const { rate } = this;
    const tests = Math.min(inheritedTestsMax, this.#guessTests + this.#long.tested);
    return new SourceAcceptance(rate < guess ? (rate + guess) / 2 : rate, tests);
  }

  /**
   * Learns from one draft that was tested: those before it stood.
   *
   * @param depth drafts of the same source before it, >= 0.
   */
  add(depth: number, isAccepted: boolean): void {
    this.#long.add(isAccepted);
    this.#short.add(isAccepted);
    this.#byDepth[Math.min(depth, depthCount - 1)]!.add(isAccepted);
    if (this.#hasChanged()) this.#forget();
  }

  /**
   * A pass has tested no draft of this source: what is known fades towards the first guess, so that
   * a source that was given up is tried again.
   */
  rest(): void {
    for (const tally of [this.#long, this.#short, ...this.#byDepth]) tally.fade();
  }

  /** Chance of any draft to stand, given those before, in (0, 1). */
  get rate(): number {
    const { accepted, tested } = this.#long;
    return (accepted + this.#guess * this.#guessTests) / (tested + this.#guessTests);
  }

  /** Chance of the draft at a depth. */
  rateAt(depth: number): number {
    const { accepted, tested } = this.#byDepth[Math.min(depth, depthCount - 1)]!;
    return (accepted + this.rate * depthPriorTests) / (tested + depthPriorTests);
  }

  #hasChanged(): boolean {
    const { accepted, tested } = this.#short;
    const { rate } = this;
    const expected = Math.min(0.98, Math.max(0.02, rate));
    const deviation = Math.sqrt(expected * (1 - expected) * tested * 0.5);
    return tested > shortMemory / 4 && Math.abs(accepted - rate * tested) > changedFrom * deviation;
  }

  /** Starts the long memory again from the short one. */
  #forget(): void {
    this.#long = new FadingTally(longMemory);
    this.#long.accepted = this.#short.accepted;
    this.#long.tested = this.#short.tested;
    this.#byDepth = Array.from({ length: depthCount }, () => new FadingTally(longMemory));
  }
}
