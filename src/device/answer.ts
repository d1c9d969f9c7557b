// Presents one answer to its reader: an async stream of pieces, a result at the end, cancellation
// at any time. Corrects the text when provisional tokens are retracted, and ends it before a stop
// string.

import { PilotfishError } from '../base/error.js';
import type { Vocabulary } from '../engine/vocabulary.js';
import type { TokenLogprobs } from '../math/logprobs.js';
import type { EndReason } from '../protocol/frame.js';
import { AnswerText } from './answer-text.js';
import type { AnswerEffect } from './core/event.js';
import type { Statistics } from './core/statistics.js';
import type { AnswerToken, TokenOrigin } from './core/token.js';

/** A step of an answer: a token, or news of tokens that were shown as provisional. */
export type Piece =
  | {
      readonly kind: 'token';
      /** Absolute: the prompt counts. */
      readonly position: number;
      readonly token: number;
      /** Whole characters, and nothing that may begin a stop string; empty without a vocabulary. */
      readonly text: string;
      readonly origin: TokenOrigin;
      /** Of the target, where asked for; never of provisional tokens. */
      readonly logprobs?: TokenLogprobs;
    }
  /** Provisional tokens at [from, to) are verified now, as they were. */
  | {
      readonly kind: 'confirmed';
      readonly from: number;
      readonly to: number;
      /** [to - from], where asked for. */
      readonly logprobs?: readonly TokenLogprobs[];
    }
  /** Provisional tokens from here on are void, and all text after `textLength` units. */
  | { readonly kind: 'retracted'; readonly from: number; readonly textLength: number }
  /** Text held to the end: an incomplete character, or the beginning of a stop string. */
  | { readonly kind: 'rest'; readonly text: string };

/** An answer that has ended. */
export interface AnswerResult {
  /** As the server says, or `stop`: a stop string came. */
  readonly reason: EndReason | 'stop';
  /** False where a draft-only answer ended on unverified tokens. */
  readonly isVerified: boolean;
  readonly text: string;
  /** [n] tokens of the answer. */
  readonly tokens: readonly number[];
  readonly statistics: Statistics;
}

type Outcome = { readonly result: AnswerResult } | { readonly error: PilotfishError };

/**
 * An answer that is being written, as Client.generate returns it: an async stream of pieces, to be
 * iterated once, and a result at the end. Leaving the loop cancels the answer. The result alone
 * needs no loop.
 */
export interface Answer extends AsyncIterable<Piece> {
  /** Resolves at the end; rejects with the PilotfishError that ended the answer. */
  readonly result: Promise<AnswerResult>;
  /** Of an answer that is over, failed ones included; null before. */
  readonly statistics: Statistics | null;
  /** Tokens of the prompt; 0 until the prompt is known as tokens. */
  readonly promptLength: number;
  /** Ends the answer now; the stream ends with `cancelled`. */
  cancel(): void;
}

export interface AnswerParts {
  readonly vocabulary: Vocabulary | null;
  /** [n], none empty. */
  readonly stops: readonly string[];
  /** Whether the answer may end on unverified tokens. */
  readonly endsUnverified: boolean;
  readonly cancel: () => void;
}

/** The answer and its inner side: it is told what the core tells. */
export class AnswerStream implements Answer {
  readonly #parts: AnswerParts;
  readonly #pieces: Piece[] = [];
  readonly #text: AnswerText;
  #promptLength = 0;
  /** Set once a stop string has ended the answer: later reports are ignored. */
  #stopped: { readonly isVerified: boolean } | null = null;
  readonly #readers: (() => void)[] = [];
  #outcome: Outcome | null = null;
  #settle: () => void = () => undefined;
  #unfollow: () => void = () => undefined;
  #statistics: Statistics | null = null;
  readonly result: Promise<AnswerResult>;

  constructor(parts: AnswerParts) {
    this.#parts = parts;
    this.#text = new AnswerText(parts.vocabulary, parts.stops);
    this.result = new Promise((resolve, reject) => {
      this.#settle = () => {
        const outcome = this.#outcome!;
        if ('error' in outcome) reject(outcome.error);
        else resolve(outcome.result);
      };
    });
    // Readers of the stream get the same error there.
    this.result.catch(() => undefined);
  }

  get statistics(): Statistics | null {
    return this.#statistics;
  }

  get promptLength(): number {
    return this.#promptLength;
  }

  cancel(): void {
    this.#parts.cancel();
  }

  follow(signal: AbortSignal | undefined): void {
    if (signal === undefined || this.#outcome !== null) return;
    if (signal.aborted) {
      this.cancel();
      return;
    }
    const onAbort = (): void => this.cancel();
    signal.addEventListener('abort', onAbort, { once: true });
    this.#unfollow = () => signal.removeEventListener('abort', onAbort);
  }

  /** Takes what the core tells. */
  take(news: AnswerEffect): void {
    switch (news.kind) {
      case 'prompt':
        this.#promptLength = news.promptLength;
        return;
      case 'ended':
        this.#end(news);
        break;
      case 'failed':
        this.#statistics = news.statistics;
        if (this.#stopped === null) this.#conclude({ error: news.error });
        else this.#succeed('stop', this.#stopped.isVerified);
        break;
      default:
        if (this.#stopped === null) this.#grow(news);
    }
    for (const wake of this.#readers.splice(0)) wake();
  }

  #grow(news: Extract<AnswerEffect, { kind: 'tokens' | 'confirmed' | 'retracted' }>): void {
    switch (news.kind) {
      case 'tokens':
        for (const reported of news.tokens) this.#push(reported);
        break;
      case 'confirmed':
        this.#pieces.push(confirmedOf(news));
        if (news.to >= this.#stopPosition) this.#stopAt(true);
        break;
      case 'retracted':
        this.#retract(news.from);
    }
  }

  /** After the token that completes a stop string; Infinity: none does. */
  get #stopPosition(): number {
    const { stopCount } = this.#text;
    return stopCount === null ? Infinity : this.#promptLength + stopCount;
  }

  /** Nothing is reported after an unverified stop string, which may be retracted. */
  #push({ position, token, origin, logprobs }: AnswerToken): void {
    const isAfterStop = this.#text.stopCount !== null;
    const text = this.#text.push(token);
    if (isAfterStop) return;
    this.#pieces.push({
      kind: 'token',
      position,
      token,
      text,
      origin,
      ...(logprobs && { logprobs }),
    });
    if (this.#text.stopCount === null) return;
    const isVerified = origin !== 'provisional';
    if (isVerified || this.#parts.endsUnverified) this.#stopAt(isVerified);
  }

  /** Cancels later: the core is in the middle of a report. */
  #stopAt(isVerified: boolean): void {
    this.#stopped = { isVerified };
    queueMicrotask(() => this.cancel());
  }

  #retract(from: number): void {
    if (from >= this.#stopPosition) return;
    this.#text.truncate(from - this.#promptLength);
    this.#pieces.push({ kind: 'retracted', from, textLength: this.#text.text.length });
  }

  #end({ reason, isVerified, statistics }: AnswerEffect & { kind: 'ended' }): void {
    this.#statistics = statistics;
    if (this.#stopped !== null) {
      this.#succeed('stop', this.#stopped.isVerified);
      return;
    }
    const rest = this.#text.end();
    if (rest !== '') this.#pieces.push({ kind: 'rest', text: rest });
    if (reason === 'cancelled') {
      // A reader that cancels does not want the rest.
      this.#pieces.length = 0;
      this.#conclude({ error: new PilotfishError('cancelled', 'stopped by the caller') });
    } else this.#succeed(reason, isVerified);
  }

  #succeed(reason: AnswerResult['reason'], isVerified: boolean): void {
    const { text, tokens } = this.#text;
    const statistics = this.#statistics!;
    this.#conclude({ result: { reason, isVerified, text, tokens, statistics } });
  }

  #conclude(outcome: Outcome): void {
    this.#outcome = outcome;
    this.#unfollow();
    this.#settle();
  }

  /** Pieces in order. To be iterated once; leaving the loop cancels the answer. */
  [Symbol.asyncIterator](): AsyncIterator<Piece> {
    return {
      next: () => this.#read(),
      return: () => {
        if (this.#outcome === null) this.cancel();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  /** Written out, because a generator takes several turns of the queue for each token. */
  #read(): Promise<IteratorResult<Piece>> {
    const piece = this.#pieces.shift();
    if (piece !== undefined) return Promise.resolve({ done: false, value: piece });
    if (this.#outcome === null) {
      return new Promise<void>((wake) => this.#readers.push(wake)).then(() => this.#read());
    }
    if ('error' in this.#outcome) return Promise.reject(this.#outcome.error);
    return Promise.resolve({ done: true, value: undefined });
  }
}

function confirmedOf({ from, to, logprobs }: AnswerEffect & { kind: 'confirmed' }): Piece {
  return { kind: 'confirmed', from, to, ...(logprobs && { logprobs }) };
}
