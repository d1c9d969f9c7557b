// A device's drafter under virtual time: a scripted model, or the shipped look-up, at the pace of the cost model.
// Keeps what the shipped drafters promise: runs end or are stopped, tokens come one at a time.

import { assert } from '../base/assert.js';
import { slotId } from '../base/brand.js';
import { PilotfishError } from '../base/error.js';
import type { AnswerId, CoreEvent, DraftStart } from '../device/core/event.js';
import type { DraftedToken, SlotConfig } from '../engine/engine.js';
import type { EngineCore } from '../engine/engine-core.js';
import { lookUp, ngramDefaults } from '../engine/look-up.js';
import { pointLaw } from '../math/law.js';
import type { Models } from './models.js';
import type { Timeline, Timer } from './timeline.js';

export interface DrafterModel {
  readonly kind: 'engine' | 'ngram';
  readonly divergence: number;
  readonly contextLength: number;
  /** See DraftCost. */
  readonly startMs: number;
  readonly tokenMs: number;
  readonly contextMs: number;
  readonly feedMs: number;
}

/** Answers that draft at once; more go on without drafts. */
const slotCount = 16;

interface Job {
  readonly slot: number;
  text: number[];
  /** Tokens of the text that the engine's slot holds. */
  fedCount: number;
  run: number | null;
  timer: Timer | null;
  isBroken: boolean;
}

export class SimDrafter {
  readonly #timeline: Timeline;
  readonly #model: DrafterModel;
  readonly #feed: (event: CoreEvent) => void;
  readonly #engine: EngineCore;
  readonly #endOfText: ReadonlySet<number>;
  readonly #jobs = new Map<AnswerId, Job>();
  #slowness = 1;

  constructor(
    timeline: Timeline,
    model: DrafterModel,
    models: Models,
    feed: (event: CoreEvent) => void,
  ) {
    this.#timeline = timeline;
    this.#model = model;
    this.#feed = feed;
    const { divergence, contextLength } = model;
    this.#engine = models.draft({ divergence, contextLength, slotCount });
    this.#endOfText = models.vocabulary.endOfText;
  }

  get jobCount(): number {
    return this.#jobs.size;
  }

  slow(factor: number): void {
    this.#slowness = factor;
  }

  open(answer: AnswerId, config: SlotConfig): void {
    const used = new Set([...this.#jobs.values()].map(({ slot }) => slot));
    let slot = 0;
    while (used.has(slot)) slot++;
    const job = { slot, text: [], fedCount: 0, run: null, timer: null, isBroken: false };
    this.#jobs.set(answer, job);
    if (slot < slotCount) this.#engine.open(slot, config);
    else this.break(answer);
  }

  /** This answer's drafts are over. @returns whether it had any. */
  break(answer: AnswerId): boolean {
    const job = this.#jobs.get(answer);
    if (job === undefined || job.isBroken) return false;
    this.#halt(job);
    job.isBroken = true;
    const error = new PilotfishError('engine-failed', 'the drafter broke');
    this.#timeline.at(this.#timeline.nowMs, () =>
      this.#feed({ kind: 'drafter-failed', answer, error }),
    );
    return true;
  }

  /** Answers that could break. */
  get answers(): readonly AnswerId[] {
    return [...this.#jobs.keys()];
  }

  start(start: DraftStart): void {
    const job = this.#jobs.get(start.answer)!;
    if (job.isBroken) return;
    assert(job.run === null, 'a run starts after the one before has ended or was stopped');
    assert(start.from <= job.text.length, `from ${start.from} of ${job.text.length}`);
    assert(start.countMax >= 1, `${start.countMax} tokens wanted`);
    job.text = [...job.text.slice(0, start.from), ...start.tokens];
    // The last token is fed again where the slot has it: its row is what drafting goes on from.
    const kept = Math.min(job.fedCount, start.from, job.text.length - 1);
    this.#engine.truncate(job.slot, kept);
    job.fedCount = kept;
    job.run = start.run;
    const feedCount = job.text.length - job.fedCount;
    const beginMs = this.#model.startMs + feedCount * this.#model.feedMs;
    if (this.#model.kind === 'ngram') this.#later(job, beginMs, () => this.#guess(start, job));
    else this.#next(start, job, start.countMax, beginMs);
  }

  #later(job: Job, afterMs: number, run: () => void): void {
    const atMs = this.#timeline.nowMs + afterMs * this.#slowness;
    job.timer = this.#timeline.at(atMs, run);
  }

  #next(start: DraftStart, job: Job, left: number, beginMs: number): void {
    const { tokenMs, contextMs, contextLength } = this.#model;
    this.#later(job, beginMs + tokenMs + contextMs * job.text.length, () => {
      const { drafted, reason } = this.#draftOne(start, job);
      if (!this.#tell(start, job, drafted)) return;
      const isFull = job.text.length > contextLength;
      if (reason === 'count' && left > 1 && !isFull) this.#next(start, job, left - 1, 0);
      else this.#end(start, job, isFull ? 'context' : reason);
    });
  }

  /** @returns whether the run goes on. */
  #tell({ answer, run }: DraftStart, job: Job, token: DraftedToken): boolean {
    job.text.push(token.token);
    this.#feed({ kind: 'drafted', answer, run, token });
    return job.run === run;
  }

  #end(
    { answer, run }: DraftStart,
    job: Job,
    reason: (CoreEvent & { kind: 'draft-ended' })['reason'],
  ): void {
    if (job.run !== run) return;
    job.run = null;
    this.#feed({ kind: 'draft-ended', answer, run, reason });
  }

  #draftOne(start: DraftStart, job: Job) {
    const { confidenceMin, wantConfidence, scheme, attempt, alternativesMax } = start;
    const request = {
      slot: slotId(job.slot),
      from: job.fedCount,
      tokens: Int32Array.from(job.text.slice(job.fedCount)),
      countMax: 1,
      stop: { confidenceMin },
      scheme,
      attempt,
      wantConfidence,
      alternativesMax,
    };
    const control = { stopped: () => false, onToken: () => undefined };
    const { drafted, reason, length } = this.#engine.draft(request, control);
    job.fedCount = length;
    return { drafted: drafted[0]!, reason };
  }

  #guess(start: DraftStart, job: Job): void {
    const isRatio = start.scheme === 'split' || start.scheme === 'full';
    const guess = lookUp(job.text, start.countMax, { ...ngramDefaults, suffixMin: 1 });
    for (const token of guess) {
      const position = job.text.length;
      const law = isRatio ? pointLaw(token) : null;
      const drafted = { position, token, confidence: null, law, prob: isRatio ? 1 : null };
      if (!this.#tell(start, job, drafted)) return;
      if (!this.#endOfText.has(token)) continue;
      this.#end(start, job, 'end-of-text');
      return;
    }
    this.#end(start, job, guess.length > 0 ? 'count' : 'confidence');
  }

  stop(answer: AnswerId, run: number): void {
    const job = this.#jobs.get(answer)!;
    if (job.run === run) this.#halt(job);
  }

  #halt(job: Job): void {
    job.run = null;
    this.#timeline.cancel(job.timer);
  }

  close(answer: AnswerId): void {
    const job = this.#jobs.get(answer);
    assert(job !== undefined, `the slot of answer ${answer} is freed once`);
    this.#halt(job);
    this.#jobs.delete(answer);
  }

  /** Its process is gone. */
  kill(): void {
    for (const job of this.#jobs.values()) this.#halt(job);
    this.#jobs.clear();
  }
}
