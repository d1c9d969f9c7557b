// Applies what a device tells to a user's screen, and says where that breaks the rules: no gap, no
// repeat, nothing final taken back, nothing after the end.

import type { AnswerEffect } from '../device/core/event.js';
import type { AnswerToken } from '../device/core/token.js';

type End = Extract<AnswerEffect, { kind: 'ended' | 'failed' }>;

export class Transcript {
  promptLength = 0;
  readonly tokens: AnswerToken[] = [];
  /** The first so many tokens are final; the rest are provisional. */
  finalCount = 0;
  end: End | null = null;

  get provisionalCount(): number {
    return this.tokens.length - this.finalCount;
  }

  /** @returns which rule the news breaks, or null. */
  apply(effect: AnswerEffect): string | null {
    if (this.end !== null) return `${effect.kind} after the end`;
    switch (effect.kind) {
      case 'prompt':
        this.promptLength = effect.promptLength;
        return null;
      case 'tokens':
        return this.#add(effect.tokens);
      case 'confirmed':
        return this.#confirm(effect.from, effect.to);
      case 'retracted':
        return this.#retract(effect.from);
      case 'ended':
      case 'failed':
        return this.#finish(effect);
    }
  }

  #add(tokens: readonly AnswerToken[]): string | null {
    for (const token of tokens) {
      const next = this.promptLength + this.tokens.length;
      if (token.position !== next) return `token at ${token.position}, where ${next} is next`;
      if (token.origin !== 'provisional') {
        if (this.finalCount < this.tokens.length) return `final token behind provisional ones`;
        this.finalCount++;
      }
      this.tokens.push(token);
    }
    return null;
  }

  #confirm(from: number, to: number): string | null {
    const first = this.promptLength + this.finalCount;
    const last = this.promptLength + this.tokens.length;
    if (from !== first || to < from || to > last) {
      return `confirmed [${from}, ${to}) of provisional [${first}, ${last})`;
    }
    this.finalCount += to - from;
    return null;
  }

  #retract(from: number): string | null {
    const index = from - this.promptLength;
    if (index < this.finalCount || index >= this.tokens.length) {
      return `retracted from ${from}, final up to ${this.promptLength + this.finalCount}`;
    }
    this.tokens.length = index;
    return null;
  }

  #finish(end: End): string | null {
    this.end = end;
    return end.kind === 'ended' && end.isVerified && this.provisionalCount > 0
      ? `${this.provisionalCount} provisional tokens at a verified end`
      : null;
  }
}
