// Drafts without a model, by looking up the end of the text in the text itself: one job per answer,
// one guess per run. The look-up is engine/ngram-look-up.ts.

import { assert } from '../../base/assert.js';
import {
  type NgramOptions,
  ngramDefaults,
  ngramDraft,
  ngramLookUp,
} from '../../engine/ngram-look-up.js';
import { MainSequence } from '../core/drafting/main-sequence.js';
import type { DraftStart } from '../core/event.js';
import type { AnswerId } from '../core/token.js';
import type { Drafter, DrafterFactory, DrafterListener } from './drafter.js';

interface Job {
  readonly mainSequence: MainSequence;
  run: number | null;
}

/** @param later runs a task after the present one. @param contextLength most tokens of a text. */
export function ngramDrafter(
  later: (task: () => void) => void,
  contextLength: number,
  options: NgramOptions = ngramDefaults,
): DrafterFactory {
  return (listener) => new NgramDrafter(listener, later, contextLength, options);
}

class NgramDrafter implements Drafter {
  readonly contextLength: number;
  readonly #listener: DrafterListener;
  readonly #later: (task: () => void) => void;
  readonly #options: NgramOptions;
  readonly #jobs = new Map<AnswerId, Job>();

  constructor(
    listener: DrafterListener,
    later: (task: () => void) => void,
    contextLength: number,
    options: NgramOptions,
  ) {
    this.#listener = listener;
    this.#later = later;
    this.contextLength = contextLength;
    this.#options = options;
  }

  open(answer: AnswerId): void {
    this.#jobs.set(answer, { mainSequence: new MainSequence(), run: null });
  }

  start(request: DraftStart): void {
    const job = this.#jobs.get(request.answer);
    assert(job !== undefined, `answer ${request.answer} is not open`);
    const { length } = request.sequences;
    assert(length === 1, `${length} sequences for a drafter of one`);
    const [text] = job.mainSequence.begin(request.sequences);
    job.run = request.run;
    this.#later(() => this.#guess(request, job, text!));
  }

  #guess({ answer, run, countMax, scheme }: DraftStart, job: Job, text: number[]): void {
    if (job.run !== run) return;
    const room = Math.min(countMax, this.contextLength - text.length);
    const guess = room > 0 ? ngramLookUp(text, room, this.#options) : [];
    for (const token of guess) {
      if (job.run !== run) return;
      const drafted = ngramDraft(text.length, token, scheme);
      text.push(token);
      this.#listener.drafted(answer, run, [{ sequenceIndex: 0, token: drafted }]);
    }
    if (job.run !== run) return;
    job.run = null;
    // No match: 'confidence' makes the core wait until the text has grown; 'count' would ask on.
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
