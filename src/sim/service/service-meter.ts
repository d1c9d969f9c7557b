// Adds up the figures of a service while it runs, as its users and its server see them.

import type { AnswerEffect } from '../../device/core/event.js';
import type { Statistics } from '../../device/core/statistics.js';
import { type PassCost, passMsOf } from '../../math/pass-time.js';
import { passShapeOf } from '../../server/core/passes/pass-builder.js';
import type { Observer } from '../observer.js';
import type { SimAnswer } from '../sim-answer.js';
import type { Report } from '../simulate.js';
import type { SeenMessage, Service, ServiceFigures } from './service.js';

export class ServiceMeter implements Observer {
  #passCount = 0;
  #rowCount = 0;
  #segmentCount = 0;
  #draftCount = 0;
  #busyMs = 0;
  readonly #texts: number[][] = [];
  readonly #statistics: Statistics[] = [];
  readonly #gapMs: number[] = [];
  readonly #seen: SeenMessage[] = [];
  readonly #isTapped: boolean;
  readonly #cost: PassCost;
  readonly #deviceCount: number;
  readonly #lastTokenMs = new Map<SimAnswer, number>();
  #now: () => number = () => 0;

  constructor({ pass, deviceCount, isTapped = false }: Service) {
    this.#isTapped = isTapped;
    this.#cost = pass;
    this.#deviceCount = deviceCount;
  }

  timedBy(now: () => number): this {
    this.#now = now;
    return this;
  }

  onTell(answer: SimAnswer, effect: AnswerEffect): void {
    const { transcript, device } = answer;
    if (device >= this.#deviceCount) return;
    if (effect.kind === 'tokens') this.#gaps(answer, effect.tokens.length);
    if (transcript.end === null) return;
    this.#texts.push(transcript.tokens.map(({ token }) => token));
    this.#statistics.push(transcript.end.statistics);
  }

  #gaps(answer: SimAnswer, count: number): void {
    const nowMs = this.#now();
    const lastMs = this.#lastTokenMs.get(answer);
    if (lastMs !== undefined && count > 0) this.#gapMs.push(nowMs - lastMs);
    for (let index = 1; index < count; index++) this.#gapMs.push(0);
    if (count > 0) this.#lastTokenMs.set(answer, nowMs);
  }

  onMessage: NonNullable<Observer['onMessage']> = (_device, way, byteCount) => {
    if (this.#isTapped) this.#seen.push({ atMs: this.#now(), direction: way, byteCount });
  };

  onAnswered: NonNullable<Observer['onAnswered']> = (_server, { operation }) => {
    if (operation.kind !== 'pass') return;
    const shape = passShapeOf(operation.segments);
    this.#passCount++;
    this.#rowCount += shape.rowCount;
    this.#busyMs += passMsOf(this.#cost, shape);
    for (const { judge } of operation.segments) {
      if (!judge) continue;
      this.#segmentCount++;
      this.#draftCount += judge.draftCount;
    }
  };

  /** @param report of the same run. */
  figuresWith({ counts, ...report }: Report): ServiceFigures {
    const { tokenMs, firstTokenMs, writingMs } = report;
    const perToken = (count: number): number => count / counts.tokenCount;
    return {
      firstTokenMs,
      tokenMs,
      tokensPerSecond: tokenMs.reduce((sum, ms) => sum + 1_000 / ms, 0),
      busyShare: Math.min(1, this.#busyMs / writingMs),
      passes: perToken(this.#passCount),
      rows: perToken(this.#rowCount),
      drafted: perToken(counts.draftedCount),
      upMessages: perToken(counts.upMessageCount),
      downMessages: perToken(counts.downMessageCount),
      upBytes: perToken(counts.upBytes),
      downBytes: perToken(counts.downBytes),
      acceptedShare: counts.testedCount === 0 ? null : counts.acceptedCount / counts.testedCount,
      draftLength: this.#segmentCount === 0 ? 0 : this.#draftCount / this.#segmentCount,
      gapMs: this.#gapMs,
      texts: this.#texts,
      statistics: this.#statistics,
      seen: this.#seen,
    };
  }
}
