// A device's drafter that replays recordings at a pace: a device that is not here, with the acceptance of a real draft
// model, and its runners-up where they were recorded. Beyond a proposal that the target did not follow the chain is void
// anyway, and so it replays on; a branch that begins with the target's token goes on as the draft model would.

import type { AnswerId, DraftStart } from '../../device/core/event.js';
import type { Drafter, DrafterFactory, DrafterListener } from '../../device/drafter/drafter.js';
import type { DraftedToken } from '../../engine/engine.js';
import type { Recording } from './recording.js';

interface Job {
  readonly text: number[];
  recording: Recording | null;
  run: DraftStart | null;
  toldCount: number;
  timer: NodeJS.Timeout | null;
}

/** @param draftMs from one token to the next; timers make it up to a millisecond more, and do not drift; 0: no timer. */
export function replayDrafter(
  recordings: readonly Recording[],
  draftMs: number,
  contextLength: number,
): DrafterFactory {
  return (listener) => new ReplayDrafter(recordings, draftMs, contextLength, listener);
}

class ReplayDrafter implements Drafter {
  readonly contextLength: number;
  readonly #recordings: readonly Recording[];
  readonly #draftMs: number;
  readonly #listener: DrafterListener;
  readonly #jobs = new Map<AnswerId, Job>();

  constructor(
    recordings: readonly Recording[],
    draftMs: number,
    contextLength: number,
    listener: DrafterListener,
  ) {
    this.contextLength = contextLength;
    this.#recordings = recordings;
    this.#draftMs = draftMs;
    this.#listener = listener;
  }

  open(answer: AnswerId): void {
    this.#jobs.set(answer, { text: [], recording: null, run: null, toldCount: 0, timer: null });
  }

  start(request: DraftStart): void {
    const job = this.#jobs.get(request.answer)!;
    job.text.length = request.from;
    job.text.push(...request.tokens);
    job.recording ??= this.#recordings.find(({ prompt }) => begins(job.text, prompt)) ?? null;
    job.run = request;
    job.toldCount = 0;
    this.#next(job, performance.now() + this.#draftMs);
  }

  #next(job: Job, dueMs: number): void {
    const tick = (): void => {
      job.timer = null;
      if (this.#tell(job)) this.#next(job, dueMs + this.#draftMs);
    };
    if (this.#draftMs === 0) queueMicrotask(() => this.#tellAll(job));
    else job.timer = setTimeout(tick, Math.max(0, dueMs - performance.now()));
  }

  #tellAll(job: Job): void {
    while (this.#tell(job));
  }

  /** @returns whether the run goes on. */
  #tell(job: Job): boolean {
    const { recording, run } = job;
    if (run === null) return false;
    const position = job.text.length;
    const token = recording?.proposals[position - recording.prompt.length];
    if (token === undefined || job.toldCount === run.countMax) {
      job.run = null;
      this.#listener.ended(run.answer, run.run, token === undefined ? 'end-of-text' : 'count');
      return false;
    }
    job.text.push(token);
    job.toldCount++;
    this.#listener.drafted(run.answer, run.run, draftedAt(position, recording!, run));
    return job.run === run;
  }

  stop(answer: AnswerId, run: number): void {
    const job = this.#jobs.get(answer);
    if (job?.run?.run !== run) return;
    this.#halt(job);
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

/** As the draft model would tell it. */
function draftedAt(
  position: number,
  { prompt, proposals, runnersUp }: Recording,
  { alternativesMax }: DraftStart,
): DraftedToken {
  const index = position - prompt.length;
  const drafted = {
    position,
    token: proposals[index]!,
    ...{ confidence: null, law: null, prob: null },
  };
  const known = runnersUp[index];
  if (known === undefined || alternativesMax === 0) return drafted;
  const tokens = known.tokens.slice(0, alternativesMax);
  const gaps = known.gaps.slice(0, alternativesMax);
  return { ...drafted, alternatives: { tokens, gaps } };
}

function begins(text: readonly number[], prompt: Int32Array): boolean {
  return prompt.every((token, index) => text[index] === token);
}
