// Drafts with a model: each answer has an engine slot in step with its text, and more while slots
// are free, so that chain and branches keep their caches and grow together. Answers share the
// engine in turns. Owns its slots, not the engine.

import { type SlotId, slotId } from '../../base/brand.js';
import { PilotfishError, toPilotfishError } from '../../base/error.js';
import type {
  DraftEnd,
  DraftEndReason,
  DraftRequest,
  Engine,
  EngineInfo,
  SlotConfig,
} from '../../engine/engine.js';
import { MainSequence } from '../core/drafting/main-sequence.js';
import type { DraftStart } from '../core/event.js';
import type { AnswerId } from '../core/token.js';
import { type DraftSlot, DraftSlots, draftSlotsMax } from './draft-slots.js';
import type { Drafter, DrafterFactory, DrafterListener } from './drafter.js';

/** Tokens of one turn: with several answers, each waits for the others' turns. */
const turnTokens = 8;

/** Most sequences of an answer that such an engine can draft in one pass. */
export const sequencesMaxOf = ({
  slotCount,
  passRowsMax,
}: Pick<EngineInfo, 'slotCount' | 'passRowsMax'>): number =>
  Math.min(draftSlotsMax, slotCount, passRowsMax);

interface Wanted {
  readonly start: DraftStart;
  /** [sequences] what each has come to. */
  readonly sequences: readonly number[][];
  /** [sequences] why each is over; null: it is not. */
  readonly reasons: (DraftEndReason | null)[];
  /** Tokens that were told of a lone sequence. */
  reportedCount: number;
}

interface Job {
  readonly draftSlots: DraftSlots;
  readonly mainSequence: MainSequence;
  wanted: Wanted | null;
  /** The engine works for it. @param stop ends that early where it can. */
  turn: { readonly stop: () => void } | null;
  isClosed: boolean;
}

export function engineDrafter(engine: Engine): DrafterFactory {
  return (listener) => new EngineDrafter(engine, listener);
}

class EngineDrafter implements Drafter {
  readonly #engine: Engine;
  readonly #listener: DrafterListener;
  readonly #jobs = new Map<AnswerId, Job>();
  readonly #freeSlots: SlotId[];
  readonly #open = new Set<Promise<unknown>>();

  constructor(engine: Engine, listener: DrafterListener) {
    this.#engine = engine;
    this.#listener = listener;
    this.#freeSlots = Array.from({ length: engine.info.slotCount }, (_, index) => slotId(index));
  }

  get contextLength(): number {
    return this.#engine.info.contextLength;
  }

  open(answer: AnswerId, config: SlotConfig): void {
    const slot = this.#freeSlots.pop() ?? this.#spareSlot();
    if (slot === undefined) {
      const { slotCount } = this.#engine.info;
      const message = `all ${slotCount} slots of the draft model are taken`;
      this.#fail(answer, new PilotfishError('engine-failed', message));
      return;
    }
    const draftSlots = new DraftSlots(slot, {
      engine: this.#engine,
      config,
      takeSlot: () => this.#freeSlots.pop(),
      watch: (call) => this.#watch(answer, call),
    });
    const job = {
      draftSlots,
      mainSequence: new MainSequence(),
      wanted: null,
      turn: null,
      isClosed: false,
    };
    this.#jobs.set(answer, job);
  }

  /** A slot of an answer that has others: an answer without any comes first. */
  #spareSlot(): SlotId | undefined {
    for (const { draftSlots } of this.#jobs.values()) {
      // A turn that is on it ends before the slot is opened anew.
      const slot = draftSlots.spare();
      if (slot !== undefined) return slot;
    }
    return undefined;
  }

  /** Follows an engine call to its end, even if the answer ends first. */
  #watch(answer: AnswerId, call: Promise<unknown>): void {
    const settled = call
      .catch((reason: unknown) => this.#fail(answer, toPilotfishError(reason, 'engine-failed')))
      .finally(() => this.#open.delete(settled));
    this.#open.add(settled);
  }

  #fail(answer: AnswerId, error: PilotfishError): void {
    const job = this.#jobs.get(answer);
    if (job !== undefined) job.wanted = null;
    // A drafter never calls its listener before its method has returned.
    const reported = Promise.resolve().then(() => this.#listener.failed(answer, error));
    this.#open.add(reported);
    void reported.finally(() => this.#open.delete(reported));
  }

  start(start: DraftStart): void {
    const job = this.#jobs.get(start.answer);
    // The answer found no slot, and the core has not yet heard of that failure.
    if (job === undefined) return;
    const sequences = job.mainSequence.begin(start.sequences);
    const reasons = sequences.map(({ length }) => (length > this.contextLength ? 'context' : null));
    job.wanted = { start, sequences, reasons, reportedCount: 0 };
    if (job.turn === null) this.#takeTurn(start.answer, job);
  }

  /** The engine's next work: a few tokens of one sequence, or one pass over several. */
  #takeTurn(answer: AnswerId, job: Job): void {
    const { wanted } = job;
    if (wanted === null || job.isClosed) return;
    const { sequences, reasons } = wanted;
    const open = reasons.flatMap((reason, sequenceIndex) =>
      reason === null ? [sequenceIndex] : [],
    );
    if (open.length === 0) {
      job.wanted = null;
      this.#listener.ended(answer, wanted.start.run, reasons as DraftEndReason[]);
      return;
    }
    const draftSlots = job.draftSlots.takeFor(
      open.map((sequenceIndex) => sequences[sequenceIndex]!),
    );
    if (sequences.length === 1) this.#draftOn(answer, job, wanted, draftSlots[0]!);
    else this.#draftEach(answer, job, wanted, open.slice(0, draftSlots.length), draftSlots);
  }

  #draftOn(answer: AnswerId, job: Job, wanted: Wanted, draftSlot: DraftSlot): void {
    const { start, sequences } = wanted;
    const [sequence] = sequences as [number[]];
    const left = start.countMax - wanted.reportedCount;
    const begun = sequence.slice();
    const loop = this.#engine.draft(
      requestOf(wanted, 0, draftSlot, Math.min(left, turnTokens)),
      (token) => {
        if (job.wanted !== wanted) return;
        sequence.push(token.token);
        wanted.reportedCount++;
        this.#listener.drafted(answer, start.run, [{ sequenceIndex: 0, token }]);
      },
    );
    job.turn = { stop: () => loop.stop() };
    this.#follow(answer, job, [draftSlot], loop.done, (end) => {
      draftSlot.tokens = heldBy(begun, end);
      const isOver = end.reason !== 'count' || wanted.reportedCount >= start.countMax;
      if (isOver) wanted.reasons[0] = end.reason;
    });
  }

  /** One pass over the sequences that got a slot; the others wait for theirs. */
  #draftEach(
    answer: AnswerId,
    job: Job,
    wanted: Wanted,
    indexes: readonly number[],
    draftSlots: readonly DraftSlot[],
  ): void {
    const { start, sequences, reasons } = wanted;
    const requests = indexes.map((sequenceIndex, index) =>
      requestOf(wanted, sequenceIndex, draftSlots[index]!, 1),
    );
    job.turn = { stop: () => undefined };
    this.#follow(answer, job, draftSlots, this.#engine.draftEach(requests), ({ ends }) => {
      indexes.forEach((sequenceIndex, index) => {
        draftSlots[index]!.tokens = heldBy(sequences[sequenceIndex]!, ends[index]!);
      });
      if (job.wanted !== wanted) return;
      const tokens = indexes.map((sequenceIndex, index) => {
        const { drafted, reason } = ends[index]!;
        sequences[sequenceIndex]!.push(drafted[0]!.token);
        reasons[sequenceIndex] = reason;
        return { sequenceIndex, token: drafted[0]! };
      });
      this.#listener.drafted(answer, start.run, tokens);
    });
  }

  /** Takes the next turn when this one has ended. */
  #follow<End>(
    answer: AnswerId,
    job: Job,
    draftSlots: readonly DraftSlot[],
    done: Promise<End>,
    onEnd: (end: End) => void,
  ): void {
    const call = done.then(
      (end) => {
        job.turn = null;
        onEnd(end);
        if (job.isClosed) this.#free(answer, job);
        else this.#takeTurn(answer, job);
      },
      (reason: unknown) => {
        job.turn = null;
        for (const draftSlot of draftSlots) draftSlot.tokens = [];
        throw reason;
      },
    );
    this.#watch(answer, call);
  }

  stop(answer: AnswerId, run: number): void {
    const job = this.#jobs.get(answer);
    if (job?.wanted?.start.run !== run) return;
    job.wanted = null;
    job.turn?.stop();
  }

  closeAnswer(answer: AnswerId): void {
    const job = this.#jobs.get(answer);
    if (job === undefined) return;
    job.isClosed = true;
    job.wanted = null;
    if (job.turn === null) this.#free(answer, job);
    else job.turn.stop();
  }

  #free(answer: AnswerId, { draftSlots }: Job): void {
    this.#jobs.delete(answer);
    this.#freeSlots.push(...draftSlots.slots);
  }

  async close(): Promise<void> {
    for (const answer of [...this.#jobs.keys()]) this.closeAnswer(answer);
    while (this.#open.size > 0) await Promise.all(this.#open);
  }
}

/** Builds the engine's request, from the tokens that the slot holds. */
function requestOf(
  { start, sequences }: Wanted,
  sequenceIndex: number,
  { slot, tokens }: DraftSlot,
  countMax: number,
): DraftRequest {
  const { scheme, attempt, wantConfidence, alternativesMax, sequences: drafts } = start;
  const from = tokens.length;
  return {
    ...{ slot, from, countMax, scheme, attempt, wantConfidence, alternativesMax },
    tokens: Int32Array.from(sequences[sequenceIndex]!.slice(from)),
    stop: { confidenceMin: drafts[sequenceIndex]!.confidenceMin },
  };
}

/** @param begun the sequence at the begin of the turn. */
const heldBy = (begun: readonly number[], { drafted, length }: DraftEnd): number[] =>
  [...begun, ...drafted.map(({ token }) => token)].slice(0, length);
