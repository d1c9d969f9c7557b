// What a person is told of the link to the server: once when it goes, with what happens meanwhile and how to stop it,
// and once when it is back. Silent about tries in between, and where the command ends for it: the error says it then.

import type { PilotfishError } from '../../base/error.js';
import type { Fallback, LinkNotice } from '../../device/index.js';

export interface LinkPolicy {
  readonly fallback: Fallback;
  /** Whether something drafts here without a server. */
  readonly drafts: boolean;
  /** Seconds after which an answer fails; 0: never. */
  readonly awaySeconds: number;
  /** Messages get the model's form on a server: before it has been met nothing can be drafted. */
  readonly asksInMessages: boolean;
}

/** What happens while the server is away: one clause. */
function meanwhile(policy: LinkPolicy, hasMet: boolean): string {
  const { fallback, awaySeconds } = policy;
  const drafts = policy.drafts && (hasMet || !policy.asksInMessages);
  const patience = awaySeconds === 0 ? 'until it is there' : `for up to ${awaySeconds} s`;
  const waiting = `trying again ${patience}; Ctrl-C stops`;
  if (!drafts || fallback === 'wait') return waiting;
  if (fallback === 'provisional') return `drafting on meanwhile, ${waiting}`;
  return 'the draft model writes alone, unverified';
}

export class LinkReport {
  readonly #policy: LinkPolicy;
  readonly #signal: AbortSignal;
  #say: (text: string) => void;
  #hasMet = false;
  #isDown = false;
  /** The server has refused: nobody tries again, whatever else is told. */
  #isOver = false;
  /** Hears why the link is given up. */
  onGaveUp: (error: PilotfishError) => void = () => undefined;

  /** @param signal after which nobody wants to hear. */
  constructor(policy: LinkPolicy, signal: AbortSignal, say: (text: string) => void) {
    this.#policy = policy;
    this.#signal = signal;
    this.#say = say;
  }

  /** From now on says it elsewhere: a text is being written. */
  redirect(say: (text: string) => void): void {
    this.#say = say;
  }

  hear(news: LinkNotice): void {
    if (news.kind === 'gave-up') {
      this.#isOver = true;
      this.onGaveUp(news.error);
    } else if (news.kind === 'welcomed') {
      if (this.#isDown) this.#say(this.#hasMet ? 'the server is back' : 'the server is there');
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
    if (fallback === 'fail' || this.#isOver) return false;
    return this.#hasMet || fallback !== 'wait';
  }
}
