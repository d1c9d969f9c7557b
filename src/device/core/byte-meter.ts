// Counts the bytes of each answer's messages for the shell that encodes and decodes them. The core
// knows only frames; the shell adds these counts to its statistics.

import type { ServerFrame } from '../../protocol/frame.js';
import type { AnswerEffect, SendEffect } from './event.js';
import type { ByteCounts, CoreStatistics } from './statistics.js';
import type { AnswerId } from './token.js';

const none: ByteCounts = { upBytes: 0, downBytes: 0 };

export class ByteMeter {
  readonly #counts = new Map<AnswerId, ByteCounts>();
  /** By session ids of the present connection. */
  readonly #answers = new Map<number, AnswerId>();

  /** A frame leaves. @param byteCount of its message. */
  sent({ frame, answer }: SendEffect, byteCount: number): void {
    if (frame.kind === 'close') this.#answers.delete(frame.session);
    if (answer === null) return;
    if (frame.kind === 'open' || frame.kind === 'resume') this.#answers.set(frame.session, answer);
    const counts = this.#of(answer);
    this.#counts.set(answer, { ...counts, upBytes: counts.upBytes + byteCount });
  }

  /** A frame arrives. Frames of sessions that were closed here count for no answer. */
  received(frame: ServerFrame, byteCount: number): void {
    const session = 'session' in frame ? frame.session : null;
    const answer = session === null ? undefined : this.#answers.get(session);
    if (answer === undefined) return;
    const counts = this.#of(answer);
    this.#counts.set(answer, { ...counts, downBytes: counts.downBytes + byteCount });
  }

  /** The connection is down or has been hung up: its session ids mean nothing any more. */
  disconnected(): void {
    this.#answers.clear();
  }

  /** Completes the statistics of an answer that is over, and forgets it. */
  complete(effect: AnswerEffect<CoreStatistics>): AnswerEffect {
    if (effect.kind !== 'ended' && effect.kind !== 'failed') return effect;
    const { answer } = effect;
    const statistics = { ...effect.statistics, ...this.#of(answer) };
    this.#counts.delete(answer);
    for (const [session, owner] of this.#answers) {
      if (owner === answer) this.#answers.delete(session);
    }
    return { ...effect, statistics };
  }

  #of(answer: AnswerId): ByteCounts {
    return this.#counts.get(answer) ?? none;
  }
}
