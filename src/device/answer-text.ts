// Turns the tokens of an answer into text: whole characters only, up to the first stop string.
// Tokens may be taken back; the text is then rebuilt, because characters and stop strings span
// tokens.

import { StopText } from '../base/stop-text.js';
import { TextStream } from '../engine/text-stream.js';
import type { Vocabulary } from '../engine/vocabulary.js';

export class AnswerText {
  readonly #vocabulary: Vocabulary | null;
  readonly #stops: readonly string[];
  readonly #tokens: number[] = [];
  #stream: TextStream | null = null;
  #stop: StopText | null = null;
  #text = '';
  #stopCount: number | null = null;

  /** @param vocabulary null: no text. @param stops [n], none empty; only with a vocabulary. */
  constructor(vocabulary: Vocabulary | null, stops: readonly string[]) {
    this.#vocabulary = vocabulary;
    this.#stops = stops;
    this.#restart();
  }

  #restart(): void {
    this.#stream = this.#vocabulary && new TextStream(this.#vocabulary);
    this.#stop = this.#stops.length > 0 ? new StopText(this.#stops) : null;
    this.#text = '';
    this.#stopCount = null;
    this.#tokens.length = 0;
  }

  /** Certain if its tokens stand: a possible stop string and half a character are held back. */
  get text(): string {
    return this.#text;
  }

  /** [n] all tokens, or those up to the one that completes a stop string. */
  get tokens(): readonly number[] {
    return this.#tokens.slice(0, this.#stopCount ?? this.#tokens.length);
  }

  /** Tokens up to the one that completes a stop string; null: none does. */
  get stopCount(): number | null {
    return this.#stopCount;
  }

  /** @returns what the token adds; nothing after a stop string. */
  push(token: number): string {
    this.#tokens.push(token);
    return this.#add(this.#stream?.push(token) ?? '');
  }

  #add(text: string): string {
    const added = this.#stop === null ? text : this.#stop.push(text);
    this.#text += added;
    if (this.#stop?.stopped) this.#stopCount ??= this.#tokens.length;
    return added;
  }

  /** Leaves the first `count` tokens. */
  truncate(count: number): void {
    const kept = this.#tokens.slice(0, count);
    this.#restart();
    for (const token of kept) this.push(token);
  }

  /** Releases held text that became neither a character nor a stop string. */
  end(): string {
    let rest = this.#add(this.#stream?.end() ?? '');
    if (this.#stop !== null) {
      const held = this.#stop.end();
      this.#text += held;
      rest += held;
    }
    return rest;
  }
}
