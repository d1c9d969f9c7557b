// Drafts without a model, by looking up the end of the text in the text itself: one job per answer,
// one guess per run. The look-up is engine/suffix/.

import { assert } from '../../base/assert.js';
import type { SlotConfig } from '../../engine/engine.js';
import { pointDraft } from '../../engine/suffix/point-draft.js';
import { type SuffixGuessLimits, suffixDefaults } from '../../engine/suffix/suffix-look-up.js';
import type { DraftStart } from '../core/event.js';
import type { AnswerId } from '../core/token.js';
import type { Drafter, DrafterFactory, DrafterListener } from './drafter.js';
import { SuffixSequence } from './suffix-sequence.js';

interface Job {
  readonly sequence: SuffixSequence;
  /** Images of the prompt, which positions of drafts count. */
  readonly absentCount: number;
  run: number | null;
}

/** @param later runs a task after the present one. @param contextLength most tokens of a text. */
export function suffixDrafter(
  later: (task: () => void) => void,
  contextLength: number,
  limits: SuffixGuessLimits = suffixDefaults,
): DrafterFactory {
  return (listener) => new SuffixDrafter(listener, later, contextLength, limits);
}

class SuffixDrafter implements Drafter {
  readonly contextLength: number;
  readonly #listener: DrafterListener;
  readonly #later: (task: () => void) => void;
  readonly #limits: SuffixGuessLimits;
  readonly #jobs = new Map<AnswerId, Job>();

  constructor(
    listener: DrafterListener,
    later: (task: () => void) => void,
    contextLength: number,
    limits: SuffixGuessLimits,
  ) {
    this.#listener = listener;
    this.#later = later;
    this.contextLength = contextLength;
    this.#limits = limits;
  }

  open(answer: AnswerId, { promptLength, absentCount = 0 }: SlotConfig): void {
    const sequence = new SuffixSequence(promptLength, this.#limits);
    this.#jobs.set(answer, { sequence, absentCount, run: null });
  }

  start(request: DraftStart): void {
    const job = this.#jobs.get(request.answer);
    assert(job !== undefined, `answer ${request.answer} is not open`);
    const text = job.sequence.begin(request.sequences);
    job.run = request.run;
    this.#later(() => this.#guess(request, job, text));
  }

  #guess({ answer, run, countMax, scheme }: DraftStart, job: Job, text: number[]): void {
    if (job.run !== run) return;
    const guess = job.sequence.guess(text, Math.min(countMax, this.contextLength - text.length));
    for (const token of guess) {
      if (job.run !== run) return;
      const drafted = pointDraft(text.length + job.absentCount, token, scheme);
      text.push(token);
      this.#listener.drafted(answer, run, [{ sequenceIndex: 0, token: drafted }]);
    }
    if (job.run !== run) return;
    job.run = null;
    // No guess: 'confidence' makes the core wait until the text has grown; 'count' would ask on.
    this.#listener.ended(answer, run, [guess.length > 0 ? 'count' : 'confidence']);
  }

  stop(answer: AnswerId, run: number): void {
    const job = this.#jobs.get(answer);
    if (job?.run === run) job.run = null;
  }

  closeAnswer(answer: AnswerId): void {
    const job = this.#jobs.get(answer);
    if (job !== undefined) job.run = null;
    this.#jobs.delete(answer);
  }

  async close(): Promise<void> {
    for (const answer of [...this.#jobs.keys()]) this.closeAnswer(answer);
  }
}
