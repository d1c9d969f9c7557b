// Drafts without a model: what followed the last time the text ended like this (prompt look-up). A guess that depends
// on the text alone, so under the ratio schemes its law is a point: it stands with the target's own probability, and
// the residual is the target law without it. Source: Saxena 2023, "Prompt lookup decoding".

import { assert } from '../../base/assert.js';
import type { DraftedToken, Scheme } from '../../engine/engine.js';
import { pointLaw } from '../../math/law.js';
import type { AnswerId, DraftStart } from '../core/event.js';
import type { Drafter, DrafterFactory, DrafterListener } from './drafter.js';

export interface NgramOptions {
  /** Longest and shortest suffix that is looked up, longest first; >= 1. */
  readonly suffixMax: number;
  readonly suffixMin: number;
  /** Most tokens guessed from one match, >= 1. */
  readonly guessMax: number;
  /** Most positions searched backwards, >= 1: bounds the time of a look-up. */
  readonly searchMax: number;
}

export const ngramDefaults: NgramOptions = {
  suffixMax: 4,
  suffixMin: 2,
  guessMax: 8,
  searchMax: 8192,
};

/**
 * What followed the newest earlier place where the text ends like it does now, trying long suffixes first.
 *
 * @param text [n] @param countMax >= 1.
 * @returns [<= min(guessMax, countMax)], empty where no suffix occurs earlier.
 */
export function lookUp(
  text: readonly number[],
  countMax: number,
  { suffixMax, suffixMin, guessMax, searchMax }: NgramOptions,
): readonly number[] {
  const { length } = text;
  for (let size = Math.min(suffixMax, length - 1); size >= suffixMin; size--) {
    const lowest = Math.max(0, length - size - searchMax);
    for (let at = length - size - 1; at >= lowest; at--) {
      if (!matches(text, at, size)) continue;
      return text.slice(at + size, at + size + Math.min(guessMax, countMax));
    }
  }
  return [];
}

function matches(text: readonly number[], at: number, size: number): boolean {
  const suffix = text.length - size;
  for (let index = 0; index < size; index++) {
    if (text[at + index] !== text[suffix + index]) return false;
  }
  return true;
}

interface Job {
  readonly text: number[];
  run: number | null;
}

/** @param later runs a task soon, after the present one. @param contextLength most tokens of a text. */
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
    this.#jobs.set(answer, { text: [], run: null });
  }

  start(request: DraftStart): void {
    const job = this.#jobs.get(request.answer);
    assert(job !== undefined, `answer ${request.answer} is not open`);
    assert(request.from <= job.text.length, `from ${request.from} of ${job.text.length}`);
    job.text.length = request.from;
    for (const token of request.tokens) job.text.push(token);
    job.run = request.run;
    this.#later(() => this.#guess(request, job));
  }

  #guess({ answer, run, countMax, scheme }: DraftStart, job: Job): void {
    if (job.run !== run) return;
    const room = Math.min(countMax, this.contextLength - job.text.length);
    const guess = room > 0 ? lookUp(job.text, room, this.#options) : [];
    for (const token of guess) {
      if (job.run !== run) return;
      const drafted = guessed(job.text.length, token, scheme);
      job.text.push(token);
      this.#listener.drafted(answer, run, drafted);
    }
    if (job.run !== run) return;
    job.run = null;
    // Nothing to look up is like nothing to be sure of: rest until the text has moved on.
    this.#listener.ended(answer, run, guess.length > 0 ? 'count' : 'confidence');
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

function guessed(position: number, token: number, scheme: Scheme): DraftedToken {
  const isRatio = scheme === 'split' || scheme === 'full';
  return {
    position,
    token,
    confidence: null,
    law: isRatio ? pointLaw(token) : null,
    prob: isRatio ? 1 : null,
  };
}
