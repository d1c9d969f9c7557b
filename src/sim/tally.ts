// Counts a run: answers and how they ended, tokens, messages, passes, faults that took effect, and
// a checksum over all frames and their times that identifies the run.

import type { WireCode } from '../protocol/code.js';
import { encodeFrame } from '../protocol/codec.js';
import type { Frame } from '../protocol/frame.js';
import type { Observer } from './observer.js';
import type { FaultKind } from './scenario.js';
import type { SimAnswer } from './sim-answer.js';

const noCounts = () => ({
  askedCount: 0,
  /** By reason of the end; unverified answers count as `unverified`. */
  ended: {} as Record<string, number>,
  /** By error code. */
  failed: {} as Record<string, number>,
  /** On devices that crashed. */
  lostCount: 0,
  tokenCount: 0,
  upMessageCount: 0,
  downMessageCount: 0,
  upBytes: 0,
  downBytes: 0,
  draftedCount: 0,
  testedCount: 0,
  acceptedCount: 0,
  /** Tokens that the server's draft model and its look-up have drafted. */
  modelTokenCount: 0,
  suffixTokenCount: 0,
  resumeCount: 0,
  resendCount: 0,
  provisionalCount: 0,
  retractedCount: 0,
  /** Failure frames that reached a device. */
  refusals: {} as Partial<Record<WireCode, number>>,
  serverCrashCount: 0,
  passCount: 0,
  engineFailureCount: 0,
  /** Faults that had an effect. */
  faults: {} as Partial<Record<FaultKind, number>>,
});

export type Counts = Readonly<ReturnType<typeof noCounts>> & { readonly checksum: number };

/** Counts that an answer's statistics have too. */
const ofAnswers = [
  ...(['draftedCount', 'testedCount', 'acceptedCount', 'resumeCount'] as const),
  ...(['resendCount', 'provisionalCount', 'retractedCount'] as const),
];

const add = <Name extends string>(
  counts: Partial<Record<Name, number>>,
  name: Name,
  count = 1,
): void => {
  counts[name] = (counts[name] ?? 0) + count;
};

export class RunTally implements Observer {
  readonly #now: () => number;
  #checksum = 0x811c9dc5;
  readonly #counts = noCounts();

  constructor(now: () => number) {
    this.#now = now;
  }

  get counts(): Counts {
    return { ...this.#counts, checksum: this.#checksum };
  }

  #mix(word: number): void {
    this.#checksum = Math.imul(this.#checksum ^ word, 0x01000193) >>> 0;
  }

  #note(frame: Frame, who: number): number {
    const bytes = encodeFrame(frame);
    this.#mix(Math.round(this.#now() * 1_000));
    this.#mix(who);
    for (const byte of bytes) this.#mix(byte);
    return bytes.length;
  }

  onAsk(): void {
    this.#counts.askedCount++;
  }

  onUp(_server: unknown, frame: Frame, device: number): void {
    this.#counts.upMessageCount++;
    this.#counts.upBytes += this.#note(frame, device);
  }

  onDown({ index }: { readonly index: number }, frame: Frame): void {
    this.#counts.downMessageCount++;
    this.#counts.downBytes += this.#note(frame, index);
    if (frame.kind === 'failure') add(this.#counts.refusals, frame.code);
  }

  onTell(answer: SimAnswer): void {
    const { end } = answer.transcript;
    if (end === null) return;
    const counts = this.#counts;
    counts.tokenCount += answer.transcript.finalCount;
    for (const name of ofAnswers) counts[name] += end.statistics[name];
    counts.modelTokenCount += end.statistics.sources.model;
    counts.suffixTokenCount += end.statistics.sources.suffix;
    if (end.kind === 'failed') add(counts.failed, end.error.code);
    else add(counts.ended, end.isVerified ? end.reason : 'unverified');
  }

  onLoss(): void {
    this.#counts.lostCount++;
  }

  onAnswered(_server: unknown, answered: { readonly event: { readonly kind: string } }): void {
    const { kind } = answered.event;
    if (kind === 'passed') this.#counts.passCount++;
    if (kind === 'failed') this.#counts.engineFailureCount++;
  }

  onServerCrash(): void {
    this.#counts.serverCrashCount++;
  }

  onFault({ kind }: { readonly kind: FaultKind }, isFelt: boolean): void {
    if (isFelt) add(this.#counts.faults, kind);
  }
}

/** The sum of two runs' counts; of checksums the exclusive or. */
export function addCounts(a: Counts, b: Counts): Counts {
  const sum = Object.fromEntries(
    Object.entries(a).map(([name, value]) => {
      const other = b[name as keyof Counts];
      if (name === 'checksum') return [name, ((value as number) ^ (other as number)) >>> 0];
      return [name, typeof value === 'number' ? value + (other as number) : merged(value, other)];
    }),
  );
  return sum as unknown as Counts;
}

function merged(a: object, b: unknown): Record<string, number> {
  const sum: Record<string, number> = { ...(a as Record<string, number>) };
  for (const [name, count] of Object.entries(b as Record<string, number>)) add(sum, name, count);
  return sum;
}
