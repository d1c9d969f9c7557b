// One answer as its reader sees it: an async stream of pieces, a result at the end, cancellation at any moment.
// Keeps the text whole where provisional tokens are taken back.

import { PilotfishError } from '../base/error.js';
import { TextStream } from '../engine/text-stream.js';
import type { Vocabulary } from '../engine/vocabulary.js';
import type { EndReason } from '../protocol/frame.js';
import type { Origin, TellEffect, ToldToken } from './core/event.js';
import type { Statistics } from './core/statistics.js';

export type Piece =
  | {
      readonly kind: 'token';
      /** Absolute: the prompt counts. */
      readonly position: number;
      readonly token: number;
      /** What it adds to the text: whole characters only; empty without a vocabulary. */
      readonly text: string;
      readonly origin: Origin;
    }
  /** Provisional tokens at [from, to) are verified now, as they were. */
  | { readonly kind: 'confirmed'; readonly from: number; readonly to: number }
  /** Provisional tokens from this position on are void, and so is all text behind the first `textLength` units. */
  | { readonly kind: 'retracted'; readonly from: number; readonly textLength: number }
  /** The end of a character that never became whole. */
  | { readonly kind: 'rest'; readonly text: string };

export interface AnswerResult {
  readonly reason: EndReason;
  /** False where a draft-only answer ended on tokens that nobody verified. */
  readonly isVerified: boolean;
  readonly text: string;
  /** [n] tokens of the answer. */
  readonly tokens: readonly number[];
  readonly statistics: Statistics;
}

type Outcome = { readonly result: AnswerResult } | { readonly error: PilotfishError };

export class Answer implements AsyncIterable<Piece> {
  readonly #vocabulary: Vocabulary | null;
  readonly #cancel: () => void;
  readonly #pieces: Piece[] = [];
  readonly #tokens: number[] = [];
  #promptLength = 0;
  #text = '';
  #stream: TextStream | null;
  #wakeReader: (() => void) | null = null;
  #outcome: Outcome | null = null;
  #settle: () => void = () => undefined;
  #unfollow: () => void = () => undefined;
  #statistics: Statistics | null = null;
  /** Resolves at the end; rejects with what ended the answer. */
  readonly result: Promise<AnswerResult>;

  /** Made by Client.generate. */
  constructor(vocabulary: Vocabulary | null, cancel: () => void) {
    this.#vocabulary = vocabulary;
    this.#cancel = cancel;
    this.#stream = vocabulary === null ? null : new TextStream(vocabulary);
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

  /** Of an answer that is over, failed ones included; null before. */
  get statistics(): Statistics | null {
    return this.#statistics;
  }

  /** Ends the answer now; the stream ends with `cancelled`. */
  cancel(): void {
    this.#cancel();
  }

  /** Cancels when `signal` aborts. */
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
  take(news: TellEffect): void {
    switch (news.kind) {
      case 'prompt':
        this.#promptLength = news.promptLength;
        return;
      case 'tokens':
        for (const told of news.tokens) this.#push(told);
        break;
      case 'confirmed':
        this.#pieces.push({ kind: 'confirmed', from: news.from, to: news.to });
        break;
      case 'retracted':
        this.#retract(news.from);
        break;
      case 'ended':
        this.#end(news);
        break;
      case 'failed':
        this.#statistics = news.statistics;
        this.#conclude({ error: news.error });
        break;
    }
    this.#wakeReader?.();
  }

  #push({ position, token, origin }: ToldToken): void {
    const text = this.#stream?.push(token) ?? '';
    this.#tokens.push(token);
    this.#text += text;
    this.#pieces.push({ kind: 'token', position, token, text, origin });
  }

  /** Bytes of a character may wait in the stream, so it is filled anew. */
  #retract(from: number): void {
    this.#tokens.length = from - this.#promptLength;
    this.#text = '';
    if (this.#vocabulary !== null) {
      this.#stream = new TextStream(this.#vocabulary);
      for (const token of this.#tokens) this.#text += this.#stream.push(token);
    }
    this.#pieces.push({ kind: 'retracted', from, textLength: this.#text.length });
  }

  #end({ reason, isVerified, statistics }: TellEffect & { kind: 'ended' }): void {
    const rest = this.#stream?.end() ?? '';
    if (rest !== '') this.#pieces.push({ kind: 'rest', text: rest });
    this.#text += rest;
    this.#statistics = statistics;
    if (reason === 'cancelled') {
      // Who stops reading does not want what is left.
      this.#pieces.length = 0;
      this.#conclude({ error: new PilotfishError('cancelled', 'stopped by the caller') });
      return;
    }
    const tokens = [...this.#tokens];
    this.#conclude({ result: { reason, isVerified, text: this.#text, tokens, statistics } });
  }

  #conclude(outcome: Outcome): void {
    this.#outcome = outcome;
    this.#unfollow();
    this.#settle();
  }

  /** Pieces in order. To be iterated once; leaving the loop cancels the answer. */
  async *[Symbol.asyncIterator](): AsyncIterator<Piece> {
    try {
      for (;;) {
        const piece = this.#pieces.shift();
        if (piece !== undefined) yield piece;
        else if (this.#outcome === null) await this.#next();
        else if ('error' in this.#outcome) throw this.#outcome.error;
        else return;
      }
    } finally {
      if (this.#outcome === null) this.cancel();
    }
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wakeReader = () => {
        this.#wakeReader = null;
        resolve();
      };
    });
  }
}
