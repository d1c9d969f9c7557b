// Drafts with a model: keeps one engine slot per answer in step with the text, rolls it back to what still agrees, and
// shares the engine between answers in turns. Owns the slots it uses, not the engine.

import { assert } from '../../base/assert.js';
import { type SlotId, slotId } from '../../base/brand.js';
import { PilotfishError, toPilotfishError } from '../../base/error.js';
import type { DraftEnd, DraftRun, Engine, SlotConfig } from '../../engine/engine.js';
import type { AnswerId, DraftStart } from '../core/event.js';
import type { Drafter, DrafterFactory, DrafterListener } from './drafter.js';

/** Tokens of one turn: with several answers none waits longer for the engine than the others' turns. */
const turnTokens = 8;

interface Job {
  readonly slot: SlotId;
  /** What the core and this drafter agree the text is. */
  readonly text: number[];
  /** Tokens of `text` that the slot holds, once `turn` is over. */
  cached: number;
  /** The run that the core wants; null: none. */
  wanted: DraftStart | null;
  /** Tokens of that run that were told. */
  toldCount: number;
  /** The engine's loop in progress, and the run it works for. */
  turn: { readonly run: number; readonly loop: DraftRun } | null;
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
    const slot = this.#freeSlots.pop();
    if (slot === undefined) {
      const { slotCount } = this.#engine.info;
      const message = `all ${slotCount} slots of the draft model are taken`;
      this.#fail(answer, new PilotfishError('engine-failed', message));
      return;
    }
    const job: Job = {
      slot,
      text: [],
      cached: 0,
      wanted: null,
      toldCount: 0,
      turn: null,
      isClosed: false,
    };
    this.#jobs.set(answer, job);
    this.#watch(answer, this.#engine.open(slot, config));
  }

  /** Follows an engine call to its end, whatever happens to the answer meanwhile. */
  #watch(answer: AnswerId, call: Promise<unknown>): void {
    const settled = call
      .catch((reason: unknown) => this.#fail(answer, toPilotfishError(reason, 'engine-failed')))
      .finally(() => this.#open.delete(settled));
    this.#open.add(settled);
  }

  #fail(answer: AnswerId, error: PilotfishError): void {
    const job = this.#jobs.get(answer);
    if (job !== undefined) job.wanted = null;
    // Told later, as everything is.
    const told = Promise.resolve().then(() => this.#listener.failed(answer, error));
    this.#open.add(told);
    void told.finally(() => this.#open.delete(told));
  }

  start(request: DraftStart): void {
    const job = this.#jobs.get(request.answer);
    // An answer that found no slot was told so and asks once more before it hears of it.
    if (job === undefined) return;
    assert(request.from <= job.text.length, `from ${request.from} of ${job.text.length}`);
    job.text.length = request.from;
    for (const token of request.tokens) job.text.push(token);
    job.cached = Math.min(job.cached, request.from);
    job.wanted = request;
    job.toldCount = 0;
    if (job.turn === null) this.#takeTurn(request.answer, job);
  }

  /** One loop of the engine, from what the slot holds to a few tokens on. */
  #takeTurn(answer: AnswerId, job: Job): void {
    const { wanted, slot } = job;
    if (wanted === null || job.isClosed) return;
    const left = wanted.countMax - job.toldCount;
    if (job.text.length > this.contextLength) {
      this.#end(answer, job, 'context');
      return;
    }
    // The last token is fed again where the slot has it: its row is what drafting goes on from.
    const from = Math.min(job.cached, job.text.length - 1);
    this.#watch(answer, this.#engine.truncate(slot, from));
    const { run, scheme, attempt, confidenceMin, wantConfidence } = wanted;
    const loop = this.#engine.draft(
      {
        slot,
        from,
        tokens: Int32Array.from(job.text.slice(from)),
        countMax: Math.min(left, turnTokens),
        stop: { confidenceMin },
        scheme,
        attempt,
        wantConfidence,
      },
      (token) => {
        if (job.wanted?.run !== run) return;
        job.text.push(token.token);
        job.toldCount++;
        this.#listener.drafted(answer, run, token);
      },
    );
    job.turn = { run, loop };
    // What the slot holds is known when the loop is over; until then the shorter of both counts.
    job.cached = job.text.length;
    this.#watch(
      answer,
      loop.done.then(
        (end) => this.#onTurn(answer, job, run, end),
        (reason: unknown) => {
          job.turn = null;
          job.cached = 0;
          throw reason;
        },
      ),
    );
  }

  #onTurn(answer: AnswerId, job: Job, run: number, { reason, length }: DraftEnd): void {
    job.turn = null;
    const isWanted = job.wanted?.run === run;
    job.cached = Math.min(isWanted ? job.text.length : job.cached, length);
    if (job.isClosed) {
      this.#free(answer, job);
    } else if (!isWanted) {
      this.#takeTurn(answer, job);
    } else if (reason === 'count' && job.toldCount < job.wanted!.countMax) {
      this.#takeTurn(answer, job);
    } else {
      this.#end(answer, job, reason);
    }
  }

  #end(answer: AnswerId, job: Job, reason: DraftEnd['reason']): void {
    const { run } = job.wanted!;
    job.wanted = null;
    this.#listener.ended(answer, run, reason);
  }

  stop(answer: AnswerId, run: number): void {
    const job = this.#jobs.get(answer);
    if (job?.wanted?.run !== run) return;
    // Told tokens stay good; what the loop does beyond them is rolled back by the next start.
    if (job.turn?.run === run) job.cached = job.text.length;
    job.wanted = null;
    job.turn?.loop.stop();
  }

  closeAnswer(answer: AnswerId): void {
    const job = this.#jobs.get(answer);
    if (job === undefined) return;
    job.isClosed = true;
    job.wanted = null;
    if (job.turn === null) this.#free(answer, job);
    else job.turn.loop.stop();
  }

  #free(answer: AnswerId, job: Job): void {
    this.#jobs.delete(answer);
    this.#freeSlots.push(job.slot);
  }

  async close(): Promise<void> {
    for (const answer of [...this.#jobs.keys()]) this.closeAnswer(answer);
    while (this.#open.size > 0) await Promise.all(this.#open);
  }
}
