// Ends a text before the first of its stop strings, across any token borders. Holds back only text
// that may still become a stop string. Sees text, never tokens.

import { PilotfishError } from './error.js';

/** Each stop string costs time on every token. */
const stopCountMax = 16;

/** @throws PilotfishError `usage` for an empty stop string or too many. */
export function checkStops(stops: readonly string[]): void {
  if (stops.includes('')) throw new PilotfishError('usage', 'a stop string is empty');
  if (stops.length > stopCountMax) {
    throw new PilotfishError(
      'usage',
      `${stops.length} stop strings are given, more than ${stopCountMax}`,
    );
  }
}

export class StopText {
  readonly #stops: readonly string[];
  /** End of the text so far that may begin a stop string. */
  #held = '';
  #stopped = false;

  /** @param stops [n], none empty. */
  constructor(stops: readonly string[]) {
    this.#stops = stops;
  }

  /** Whether a stop string was found; later text is dropped then. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Returns the text that is now certain to be part of the answer. */
  push(text: string): string {
    if (this.#stopped) return '';
    const all = this.#held + text;
    const found = this.#stops.map((stop) => all.indexOf(stop)).filter((index) => index >= 0);
    this.#stopped = found.length > 0;
    const end = this.#stopped ? Math.min(...found) : all.length - this.#heldLength(all);
    this.#held = this.#stopped ? '' : all.slice(end);
    return all.slice(0, end);
  }

  /** Returns the text that was held back and did not become a stop string. */
  end(): string {
    const held = this.#held;
    this.#held = '';
    return held;
  }

  /** Length of the longest end of `text` that begins a stop string. */
  #heldLength(text: string): number {
    const longest = Math.max(0, ...this.#stops.map((stop) => stop.length - 1));
    for (let length = Math.min(longest, text.length); length > 0; length--) {
      const end = text.slice(text.length - length);
      if (this.#stops.some((stop) => stop.startsWith(end))) return length;
    }
    return 0;
  }
}
