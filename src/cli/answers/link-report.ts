// Reports the link to the server: once when it breaks, with what happens next, and once when it is
// back. Does not report retries, nor a break that ends the command.

import type { Fallback, LinkNotice } from '../../device/index.js';

export interface LinkPolicy {
  readonly fallback: Fallback;
  /** Whether a drafter can write here without a server. */
  readonly drafts: boolean;
  /** Seconds after which an answer fails; 0: never. */
  readonly awaySeconds: number;
  /** Chat messages need the server's template: no drafts before the first connection. */
  readonly asksInMessages: boolean;
}

/** A clause that says what happens while the server is away. */
function meanwhile(policy: LinkPolicy, hasMet: boolean): string {
  const { fallback, awaySeconds } = policy;
  const drafts = policy.drafts && (hasMet || !policy.asksInMessages);
  const patience = awaySeconds === 0 ? 'until it is available' : `for up to ${awaySeconds} s`;
  const waiting = `trying again ${patience}; Ctrl-C stops`;
  if (!drafts || fallback === 'wait') return waiting;
  if (fallback === 'provisional') return `drafting on, ${waiting}`;
  return 'the draft model writes alone, unverified';
}

export class LinkReport {
  readonly #policy: LinkPolicy;
  readonly #signal: AbortSignal;
  readonly #gaveUp = new AbortController();
  #say: (text: string) => void;
  #hasMet = false;
  #isDown = false;

  /** @param signal when it aborts, reports stop. */
  constructor(policy: LinkPolicy, signal: AbortSignal, say: (text: string) => void) {
    this.#policy = policy;
    this.#signal = signal;
    this.#say = say;
  }

  /** Aborts with the error when the server refused, so that no further try is made. */
  get gaveUp(): AbortSignal {
    return this.#gaveUp.signal;
  }

  /** Sends further reports elsewhere, because a text is being written. */
  redirect(say: (text: string) => void): void {
    this.#say = say;
  }

  hear(news: LinkNotice): void {
    if (news.kind === 'gave-up') {
      this.#gaveUp.abort(news.error);
    } else if (news.kind === 'welcomed') {
      if (this.#isDown) this.#say(this.#hasMet ? 'the server is back' : 'the server is available');
      this.#isDown = false;
      this.#hasMet = true;
    } else if (news.kind === 'down' && !this.#isDown && this.#goesOn && !this.#signal.aborted) {
      this.#isDown = true;
      this.#say(`${news.reason}; ${meanwhile(this.#policy, this.#hasMet)}`);
    }
  }

  /** Whether the command goes on without the server. */
  get #goesOn(): boolean {
    const { fallback } = this.#policy;
    if (fallback === 'fail' || this.gaveUp.aborted) return false;
    return this.#hasMet || fallback !== 'wait';
  }
}
