// Runs a device's drafter under virtual time: a scripted model or the shipped look-up, at the speed
// of the cost model. Keeps the promises of the shipped drafters: runs end or are stopped, tokens
// come pass by pass, and a few caches keep sequences that were fed.

import { assert, unreachable } from '../base/assert.js';
import { slotId } from '../base/brand.js';
import { PilotfishError } from '../base/error.js';
import { MainSequence } from '../device/core/drafting/main-sequence.js';
import type { DeviceInput, DraftStart, SequenceToken } from '../device/core/event.js';
import type { AnswerId } from '../device/core/token.js';
import { draftSlotsMax } from '../device/drafter/draft-slots.js';
import { SuffixSequence } from '../device/drafter/suffix-sequence.js';
import type { DraftEndReason, SlotConfig } from '../engine/engine.js';
import type { EngineCore } from '../engine/engine-core.js';
import { pointDraft } from '../engine/suffix/point-draft.js';
import type { Models } from './models.js';
import type { DeviceKind } from './scenario.js';
import type { Timeline, Timer } from './timeline.js';

export interface DrafterModel {
  readonly kind: Exclude<DeviceKind['drafter'], 'none'>;
  readonly divergence: number;
  readonly contextLength: number;
  /** See DraftCost. */
  readonly startMs: number;
  readonly tokenMs: number;
  readonly rowShare: number;
  readonly contextMs: number;
  readonly feedMs: number;
  readonly sequencesMax: number;
}

/** Answers that draft at once; more go on without drafts. */
const slotCount = 16;

/** Toy texts repeat single tokens: guesses that the shipped limits would not make. */
const toyLimits = { countMax: 8, chanceMin: 0.1 };

/** A cache that holds the first `length` tokens. */
interface Held {
  readonly tokens: readonly number[];
  readonly length: number;
}

interface Job {
  readonly slot: number;
  readonly mainSequence: MainSequence;
  /** Instead of `mainSequence`, for a look-up. */
  readonly lookUp: SuffixSequence | null;
  /**
   * The engine's slot: it computes one sequence after another; the cost model may say otherwise.
   */
  fed: Held;
  /**
   * Of the cost model, the one used last first: what a sequence shares with any of them need not be
   * fed.
   */
  caches: readonly Held[];
  run: number | null;
  timer: Timer | null;
  isBroken: boolean;
}

export class SimDrafter {
  readonly #timeline: Timeline;
  readonly #model: DrafterModel;
  readonly #feed: (event: DeviceInput) => void;
  readonly #engine: EngineCore;
  readonly #endOfText: ReadonlySet<number>;
  readonly #jobs = new Map<AnswerId, Job>();
  #slowness = 1;

  constructor(
    timeline: Timeline,
    model: DrafterModel,
    models: Models,
    feed: (event: DeviceInput) => void,
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
    const isLookUp = this.#model.kind === 'suffix';
    const lookUp = isLookUp ? new SuffixSequence(config.promptLength, toyLimits) : null;
    const job: Job = {
      ...{ slot, mainSequence: new MainSequence(), lookUp },
      ...{ fed: { tokens: [], length: 0 }, caches: [] },
      ...{ run: null, timer: null, isBroken: false },
    };
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
    const { countMax, sequences: drafts, run } = start;
    assert(drafts.length <= this.#model.sequencesMax, `${drafts.length} sequences at once`);
    assert(countMax === 1 || drafts.length === 1, `${countMax} tokens of several sequences`);
    assert(countMax >= 1, `${countMax} tokens wanted`);
    const sequences = job.lookUp ? [job.lookUp.begin(drafts)] : job.mainSequence.begin(drafts);
    job.run = run;
    const beginMs = this.#model.startMs + this.#feedMs(job, sequences);
    const { kind } = this.#model;
    switch (kind) {
      case 'engine':
        this.#next(start, job, sequences, countMax, beginMs);
        break;
      case 'suffix':
        this.#later(job, beginMs, () => this.#guess(start, job, sequences[0]!));
        break;
      default:
        unreachable(kind);
    }
  }

  /**
   * Time to feed tokens that no cache holds. The last token is always fed: drafting continues from
   * its row.
   */
  #feedMs({ caches }: Job, sequences: readonly (readonly number[])[]): number {
    const { feedMs } = this.#model;
    if (feedMs === 0) return 0;
    const counts = sequences.map((sequence) => {
      const held = Math.max(0, ...caches.map((cache) => sharedLength(cache, sequence)));
      return sequence.length - Math.min(held, sequence.length - 1);
    });
    return feedMs * counts.reduce((sum, count) => sum + count, 0);
  }

  #later(job: Job, afterMs: number, run: () => void): void {
    const atMs = this.#timeline.nowMs + afterMs * this.#slowness;
    job.timer = this.#timeline.at(atMs, run);
  }

  /** One pass over all sequences. */
  #next(
    start: DraftStart,
    job: Job,
    sequences: readonly number[][],
    left: number,
    beginMs: number,
  ): void {
    const { tokenMs, rowShare, contextMs, contextLength } = this.#model;
    const rowsMs = tokenMs * (1 + (sequences.length - 1) * rowShare);
    const longest = Math.max(...sequences.map(({ length }) => length));
    this.#later(job, beginMs + rowsMs + contextMs * longest, () => {
      const ends = sequences.map((sequence, sequenceIndex) =>
        this.#draftOne(start, job, sequence, sequenceIndex),
      );
      job.caches = [...sequences.map(heldBy), ...job.caches].slice(0, draftSlotsMax);
      const tokens = ends.map(({ drafted }, sequenceIndex) => ({
        sequenceIndex,
        token: drafted[0]!,
      }));
      if (!this.#tell(start, job, sequences, tokens)) return;
      const reasons = ends.map(({ reason }, sequenceIndex) =>
        sequences[sequenceIndex]!.length > contextLength ? 'context' : reason,
      );
      const goesOn = left > 1 && reasons[0] === 'count';
      if (goesOn) this.#next(start, job, sequences, left - 1, 0);
      else this.#end(start, job, reasons);
    });
  }

  /** @returns whether the run goes on. */
  #tell(
    { answer, run }: DraftStart,
    job: Job,
    sequences: readonly number[][],
    tokens: readonly SequenceToken[],
  ): boolean {
    for (const { sequenceIndex, token } of tokens) sequences[sequenceIndex]!.push(token.token);
    this.#feed({ kind: 'drafted', answer, run, tokens });
    return job.run === run;
  }

  #end({ answer, run }: DraftStart, job: Job, reasons: readonly DraftEndReason[]): void {
    if (job.run !== run) return;
    job.run = null;
    this.#feed({ kind: 'draft-ended', answer, run, reasons });
  }

  #draftOne(start: DraftStart, job: Job, sequence: readonly number[], sequenceIndex: number) {
    const { wantConfidence, scheme, attempt, alternativesMax, sequences } = start;
    const from = Math.min(sharedLength(job.fed, sequence), sequence.length - 1);
    this.#engine.truncate(job.slot, from);
    const request = {
      slot: slotId(job.slot),
      from,
      tokens: Int32Array.from(sequence.slice(from)),
      countMax: 1,
      stop: { confidenceMin: sequences[sequenceIndex]!.confidenceMin },
      scheme,
      attempt,
      wantConfidence,
      alternativesMax,
    };
    const control = { stopped: () => false, onToken: () => undefined };
    const end = this.#engine.draft(request, control);
    job.fed = { tokens: sequence, length: end.length };
    return end;
  }

  #guess(start: DraftStart, job: Job, text: number[]): void {
    const guess = job.lookUp!.guess(text, start.countMax);
    for (const token of guess) {
      const drafted = pointDraft(text.length, token, start.scheme);
      if (!this.#tell(start, job, [text], [{ sequenceIndex: 0, token: drafted }])) return;
      if (!this.#endOfText.has(token)) continue;
      this.#end(start, job, ['end-of-text']);
      return;
    }
    this.#end(start, job, [guess.length > 0 ? 'count' : 'confidence']);
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

/** A cache behind a pass that has fed all of the sequence. */
const heldBy = (tokens: readonly number[]): Held => ({ tokens, length: tokens.length });

function sharedLength({ tokens, length }: Held, sequence: readonly number[]): number {
  const end = Math.min(length, sequence.length);
  if (tokens === sequence) return end;
  let shared = 0;
  while (shared < end && tokens[shared] === sequence[shared]) shared++;
  return shared;
}
