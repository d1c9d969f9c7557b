// Ends a text before the first of some stop strings, wherever token borders fall. Holds back only what may still
// become one. Never looks at tokens: it sees text, as the reader of a stop string means it.

import { PilotfishError } from './error.js';

/** More stop strings than this serve nobody and make every token slower. */
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
  /** The end of the text so far, as long as it begins some stop string. */
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

  /** What of the text so far is now certain to stand. */
  push(text: string): string {
    if (this.#stopped) return '';
    const all = this.#held + text;
    const found = this.#stops.map((stop) => all.indexOf(stop)).filter((index) => index >= 0);
    this.#stopped = found.length > 0;
    const end = this.#stopped ? Math.min(...found) : all.length - this.#heldLength(all);
    this.#held = this.#stopped ? '' : all.slice(end);
    return all.slice(0, end);
  }

  /** What was held back and has become no stop string. */
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
