// Keeps the messages of a conversation: the system message always, and the turns, of which the
// oldest are dropped when the context is full. Pure.

import type { ChatMessage } from '../../base/chat-message.js';
import type { PromptPicture } from '../../pictures/prompt-picture.js';

/** What is asked, about pictures that come before it. */
export interface Question {
  readonly question: string;
  readonly pictures: readonly Uint8Array[];
}

/** A question and its answer; null until it is answered. */
interface Turn extends Question {
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

  /** [n] the messages that the server continues. */
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

  /** [n] the pictures in the messages. */
  get pictures(): PromptPicture[] {
    const first = this.system === '' ? 0 : 1;
    return this.#turns.flatMap(({ pictures }, turn) =>
      pictures.map((bytes) => ({ message: first + 2 * turn, at: 0, bytes })),
    );
  }

  ask({ question, pictures }: Question): void {
    this.#turns.push({ question, pictures, answer: null });
  }

  /** @param text of the newest answer; the template handles surrounding space. */
  answer(text: string): void {
    const turn = this.#turns.pop()!;
    this.#turns.push({ ...turn, answer: text.trim() });
  }

  /** Removes the newest turn. @returns its question; null where there is none. */
  takeBack(): Question | null {
    return this.#turns.pop() ?? null;
  }

  /** Drops the oldest turn, but never the newest. @returns whether there was one. */
  dropOldest(): boolean {
    if (this.#turns.length <= 1) return false;
    this.#turns.shift();
    return true;
  }

  /** Drops the oldest turns until at most half the text is left. @returns how many were dropped. */
  dropHalf(): number {
    const whole = this.#length;
    let count = 0;
    while (this.#length > whole / 2 && this.dropOldest()) count++;
    return count;
  }

  /** UTF-16 units of text, without the system message, which always stays. */
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
