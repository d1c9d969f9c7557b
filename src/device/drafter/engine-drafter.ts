// Drafts with a model: each answer has a lane (an engine slot) in step with its text, and more lanes while slots are
// free, so that chain and branches keep their caches; answers share the engine in turns. Owns its slots, not the engine.

import { assert } from '../../base/assert.js';
import { type SlotId, slotId } from '../../base/brand.js';
import { PilotfishError, toPilotfishError } from '../../base/error.js';
import type { DraftEnd, DraftRun, Engine, SlotConfig } from '../../engine/engine.js';
import type { AnswerId, DraftStart } from '../core/event.js';
import type { Drafter, DrafterFactory, DrafterListener } from './drafter.js';

/** Tokens of one turn: with several answers none waits longer for the engine than the others' turns. */
const turnTokens = 8;

/** Most slots of one answer: for the chain and the branches that are grown by turns. */
export const lanesMax = 4;

interface Lane {
  readonly slot: SlotId;
  /** What the slot holds once no turn is on. */
  tokens: number[];
}

interface Job {
  readonly config: SlotConfig;
  /** [n >= 1], the one used last first. */
  readonly lanes: Lane[];
  /** What the core and this drafter agree the text is. */
  readonly text: number[];
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
    const slot = this.#freeSlots.pop() ?? this.#spareLane();
    if (slot === undefined) {
      const { slotCount } = this.#engine.info;
      const message = `all ${slotCount} slots of the draft model are taken`;
      this.#fail(answer, new PilotfishError('engine-failed', message));
      return;
    }
    const job: Job = {
      config,
      lanes: [{ slot, tokens: [] }],
      text: [],
      wanted: null,
      toldCount: 0,
      turn: null,
      isClosed: false,
    };
    this.#jobs.set(answer, job);
    this.#watch(answer, this.#engine.open(slot, config));
  }

  /** A slot of an answer that has others: an answer without any comes first. */
  #spareLane(): SlotId | undefined {
    for (const { lanes } of this.#jobs.values()) {
      if (lanes.length > 1) return lanes.pop()!.slot;
    }
    return undefined;
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
    job.wanted = request;
    job.toldCount = 0;
    if (job.turn === null) this.#takeTurn(request.answer, job);
  }

  /** One loop of the engine, from what a lane holds to a few tokens on. */
  #takeTurn(answer: AnswerId, job: Job): void {
    const { wanted, text } = job;
    if (wanted === null || job.isClosed) return;
    if (text.length > this.contextLength) {
      this.#end(answer, job, 'context');
      return;
    }
    const lane = this.#laneFor(answer, job);
    const from = lane.tokens.length;
    const { run, scheme, attempt, confidenceMin, wantConfidence, alternativesMax } = wanted;
    const loop = this.#engine.draft(
      {
        slot: lane.slot,
        from,
        tokens: Int32Array.from(text.slice(from)),
        countMax: Math.min(wanted.countMax - job.toldCount, turnTokens),
        stop: { confidenceMin },
        scheme,
        attempt,
        wantConfidence,
        alternativesMax,
      },
      (token) => {
        if (job.wanted?.run !== run) return;
        job.text.push(token.token);
        job.toldCount++;
        this.#listener.drafted(answer, run, token);
      },
    );
    job.turn = { run, loop };
    const begun = text.slice();
    this.#watch(
      answer,
      loop.done.then(
        (end) => {
          lane.tokens = [...begun, ...end.drafted.map(({ token }) => token)].slice(0, end.length);
          this.#onTurn(answer, job, run, end);
        },
        (reason: unknown) => {
          job.turn = null;
          lane.tokens = [];
          throw reason;
        },
      ),
    );
  }

  /**
   * The lane that holds most of the text, cut to what it shares with it, and by a token more where nothing would be left
   * to feed: the row behind the last token is what drafting goes on from. What it holds beyond stays in the lane, and a
   * copy of the prefix serves, where another lane can be had.
   */
  #laneFor(answer: AnswerId, job: Job): Lane {
    const { lanes, text } = job;
    const shared = lanes.map(({ tokens }) => sharedLength(tokens, text));
    const most = shared.indexOf(Math.max(...shared));
    const length = Math.min(shared[most]!, text.length - 1);
    const fullest = lanes[most]!;
    const losesMore = fullest.tokens.length > shared[most]!;
    const lane = (losesMore ? this.#otherLane(answer, job, fullest) : null) ?? fullest;
    if (lane === fullest) this.#watch(answer, this.#engine.truncate(lane.slot, length));
    else this.#watch(answer, this.#engine.copyPrefix(fullest.slot, lane.slot, length));
    lane.tokens = text.slice(0, length);
    lanes.splice(lanes.indexOf(lane), 1);
    lanes.unshift(lane);
    return lane;
  }

  /** A new lane while slots are free, else the one not used for longest; null where there is no other. */
  #otherLane(answer: AnswerId, { lanes, config }: Job, but: Lane): Lane | null {
    const slot = lanes.length < lanesMax ? this.#freeSlots.pop() : undefined;
    if (slot === undefined) return lanes.findLast((lane) => lane !== but) ?? null;
    const lane = { slot, tokens: [] };
    this.#watch(answer, this.#engine.open(slot, config));
    lanes.push(lane);
    return lane;
  }

  #onTurn(answer: AnswerId, job: Job, run: number, { reason }: DraftEnd): void {
    job.turn = null;
    if (job.isClosed) {
      this.#free(answer, job);
    } else if (job.wanted?.run !== run) {
      this.#takeTurn(answer, job);
    } else if (reason === 'count' && job.toldCount < job.wanted.countMax) {
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
    for (const { slot } of job.lanes) this.#freeSlots.push(slot);
  }

  async close(): Promise<void> {
    for (const answer of [...this.#jobs.keys()]) this.closeAnswer(answer);
    while (this.#open.size > 0) await Promise.all(this.#open);
  }
}

function sharedLength(a: readonly number[], b: readonly number[]): number {
  const end = Math.min(a.length, b.length);
  let length = 0;
  while (length < end && a[length] === b[length]) length++;
  return length;
}
