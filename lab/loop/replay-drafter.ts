// Replays recordings at a pace as a device's drafter, with a real draft model's acceptance and
// runners-up. Beyond a rejected proposal it replays on: the chain is void anyway.

import type { DrafterChoice } from '../../src/device/client.js';
import { MainSequence } from '../../src/device/core/drafting/main-sequence.js';
import type { DraftStart } from '../../src/device/core/event.js';
import type { AnswerId } from '../../src/device/core/token.js';
import { draftSlotsMax } from '../../src/device/drafter/draft-slots.js';
import type { Drafter, DrafterListener } from '../../src/device/drafter/drafter.js';
import type { DraftEndReason, DraftedToken } from '../../src/engine/engine.js';
import type { Recording } from './recording.js';

interface Job {
  readonly mainSequence: MainSequence;
  recording: Recording | null;
  run: DraftStart | null;
  /** [strands] of the run. */
  sequences: readonly number[][];
  toldCount: number;
  timer: NodeJS.Timeout | null;
}

/**
 * @param draftMs a token, and up to a millisecond more, which does not add up; 0: no timer.
 * @param rowShare of draftMs, for each further sequence in a pass. Default: one sequence.
 */
export const replayDrafter = (
  recordings: readonly Recording[],
  draftMs: number,
  contextLength: number,
  rowShare?: number,
): DrafterChoice => ({
  kind: 'custom',
  make: (listener) => {
    const passMs = ({ sequences }: Job) => draftMs * (1 + (sequences.length - 1) * (rowShare ?? 1));
    return new ReplayDrafter(recordings, passMs, contextLength, listener);
  },
  contextLength,
  ...(rowShare !== undefined && { sequencesMax: draftSlotsMax }),
});

class ReplayDrafter implements Drafter {
  readonly contextLength: number;
  readonly #recordings: readonly Recording[];
  /** Of a pass with the job's sequences. */
  readonly #passMs: (job: Job) => number;
  readonly #listener: DrafterListener;
  readonly #jobs = new Map<AnswerId, Job>();

  constructor(
    recordings: readonly Recording[],
    passMs: (job: Job) => number,
    contextLength: number,
    listener: DrafterListener,
  ) {
    this.contextLength = contextLength;
    this.#recordings = recordings;
    this.#passMs = passMs;
    this.#listener = listener;
  }

  open(answer: AnswerId): void {
    const idle = { recording: null, run: null, sequences: [], toldCount: 0, timer: null };
    this.#jobs.set(answer, { mainSequence: new MainSequence(), ...idle });
  }

  start(request: DraftStart): void {
    const job = this.#jobs.get(request.answer)!;
    job.sequences = job.mainSequence.begin(request.sequences);
    const [first] = job.sequences as [number[]];
    job.recording ??= this.#recordings.find(({ prompt }) => begins(first, prompt)) ?? null;
    job.run = request;
    job.toldCount = 0;
    this.#next(job, performance.now() + this.#passMs(job));
  }

  #next(job: Job, dueMs: number): void {
    const tick = (): void => {
      job.timer = null;
      if (this.#tell(job)) this.#next(job, dueMs + this.#passMs(job));
    };
    const tellAll = (): void => {
      while (this.#tell(job));
    };
    if (this.#passMs(job) === 0) queueMicrotask(tellAll);
    else job.timer = setTimeout(tick, Math.max(0, dueMs - performance.now()));
  }

  /** A pass. @returns whether the run goes on. */
  #tell(job: Job): boolean {
    const { recording, run, sequences } = job;
    if (run === null) return false;
    const tokens = sequences.flatMap((sequence, sequenceIndex) => {
      if (!isKnown(recording, sequence)) return [];
      const token = draftedAt(sequence.length, recording, run);
      sequence.push(token.token);
      return [{ sequenceIndex, token }];
    });
    job.toldCount++;
    if (tokens.length > 0) this.#listener.drafted(run.answer, run.run, tokens);
    if (job.run !== run) return false;
    if (job.toldCount < run.countMax && tokens.length > 0) return true;
    job.run = null;
    const told = new Set(tokens.map(({ sequenceIndex }) => sequenceIndex));
    const reasons = sequences.map(
      (_, index): DraftEndReason => (told.has(index) ? 'count' : 'end-of-text'),
    );
    this.#listener.ended(run.answer, run.run, reasons);
    return false;
  }

  stop(answer: AnswerId, run: number): void {
    const job = this.#jobs.get(answer);
    if (job?.run?.run === run) this.#halt(job);
  }

  #halt(job: Job): void {
    if (job.timer !== null) clearTimeout(job.timer);
    job.timer = null;
    job.run = null;
  }

  closeAnswer(answer: AnswerId): void {
    const job = this.#jobs.get(answer);
    if (job === undefined) return;
    this.#halt(job);
    this.#jobs.delete(answer);
  }

  async close(): Promise<void> {
    for (const answer of [...this.#jobs.keys()]) this.closeAnswer(answer);
  }
}

/** Whether the recording goes on behind so many tokens. */
const isKnown = (
  recording: Recording | null,
  { length }: readonly number[],
): recording is Recording =>
  recording !== null && recording.proposals[length - recording.prompt.length] !== undefined;

/** As the draft model would tell it. */
function draftedAt(
  position: number,
  { prompt, proposals, runnersUp }: Recording,
  { alternativesMax }: DraftStart,
): DraftedToken {
  const index = position - prompt.length;
  const nothing = { confidence: null, law: null, prob: null };
  const drafted = { position, token: proposals[index]!, ...nothing };
  const known = runnersUp[index];
  if (known === undefined || alternativesMax === 0) return drafted;
  const tokens = known.tokens.slice(0, alternativesMax);
  const gaps = known.gaps.slice(0, alternativesMax);
  return { ...drafted, alternatives: { tokens, gaps } };
}

const begins = (text: readonly number[], prompt: Int32Array): boolean =>
  prompt.every((token, index) => text[index] === token);
