// What has been said, as the server is asked to go on with it: a system message that always stays, and turns of which the
// oldest are dropped when the context is full. Pure.

import type { ChatMessage } from '../../base/chat-message.js';

/** A question and its answer; null while there is none. */
interface Turn {
  readonly question: string;
  readonly answer: string | null;
}

export class Conversation {
  /** Empty: none. */
  system: string;
  #turns: Turn[] = [];

  constructor(system: string) {
    this.system = system;
  }

  get turnCount(): number {
    return this.#turns.length;
  }

  /** [n] what the server is to go on with. */
  get messages(): ChatMessage[] {
    const system = this.system === '' ? [] : [{ role: 'system', content: this.system }];
    return [
      ...system,
      ...this.#turns.flatMap(({ question, answer }) => [
        { role: 'user', content: question },
        ...(answer === null ? [] : [{ role: 'assistant', content: answer }]),
      ]),
    ];
  }

  ask(question: string): void {
    this.#turns.push({ question, answer: null });
  }

  /** @param text of the newest question; surrounding space is the template's business. */
  answer(text: string): void {
    const { question } = this.#turns.pop()!;
    this.#turns.push({ question, answer: text.trim() });
  }

  /** Forgets the newest turn. @returns its question; null where nothing was said. */
  takeBack(): string | null {
    return this.#turns.pop()?.question ?? null;
  }

  /** Forgets the oldest turn, but never the newest. @returns whether there was one. */
  dropOldest(): boolean {
    if (this.#turns.length <= 1) return false;
    this.#turns.shift();
    return true;
  }

  /**
   * Forgets oldest turns until what is left has at most half the text, so that the next answers have room. The newest
   * turn stays.
   *
   * @returns how many were forgotten.
   */
  dropHalf(): number {
    const whole = this.#length;
    let count = 0;
    while (this.#length > whole / 2 && this.dropOldest()) count++;
    return count;
  }

  /** Units of text, the system message left out: it stays anyway. */
  get #length(): number {
    return this.#turns.reduce(
      (sum, { question, answer }) => sum + question.length + (answer?.length ?? 0),
      0,
    );
  }

  clear(): void {
    this.#turns = [];
  }
}
