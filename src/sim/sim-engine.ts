// Runs a server's engine under virtual time: operations run in order, one at a time, for as long as
// the cost model says; faults make some of them fail. The results are the scripted model's own.

import { PilotfishError } from '../base/error.js';
import type { ExitHint, OnHints } from '../engine/engine.js';
import type { EngineCore } from '../engine/engine-core.js';
import { type PassCost, passMsOf } from '../math/pass-time.js';
import type { EngineOperation, ServerInput } from '../server/core/event.js';
import { passShapeOf } from '../server/core/passes/pass-builder.js';
import type { Random } from './random.js';
import type { Timeline, Timer } from './timeline.js';

export interface EngineModel {
  readonly pass: PassCost;
  /** Share that a pass may take longer. */
  readonly passNoise: number;
  readonly swapTokenMs: number;
  /**
   * An early exit: after which share of a pass it tells hints, in [0, 1], and how often it is
   * right. Null: none.
   */
  readonly exit: { readonly place: number; readonly agreement: number } | null;
}

/** An operation that has been answered. */
export interface Answered {
  readonly operation: EngineOperation;
  readonly event: ServerInput;
  /** Failed because of a fault. */
  readonly isInjected: boolean;
  /** Guesses of a pass's exit. */
  readonly hints: readonly ExitHint[];
}

/** Milliseconds of an operation that computes nothing. */
const bookkeepingMs = 0.02;

export class SimEngine {
  readonly core: EngineCore;
  /** Operations asked for and not answered. */
  waitingCount = 0;
  readonly #timeline: Timeline;
  readonly #model: EngineModel;
  readonly #random: Random;
  readonly #skips: (operation: EngineOperation) => boolean;
  readonly #answer: (answered: Answered) => void;
  readonly #hear: (event: ServerInput) => void;
  readonly #queue: EngineOperation[] = [];
  #timer: Timer | null = null;
  #failing: { left: number; passesOnly: boolean } = { left: 0, passesOnly: false };
  #spoiling = 0;
  readonly #spoilt = new WeakSet<Uint8Array>();
  readonly #lost = new Set<number>();
  #slowness = 1;
  #floorMs = 0;

  constructor(
    timeline: Timeline,
    core: EngineCore,
    model: EngineModel,
    random: Random,
    skips: (operation: EngineOperation) => boolean,
    answer: (answered: Answered) => void,
    hear: (event: ServerInput) => void,
  ) {
    this.#timeline = timeline;
    this.core = core;
    this.#model = model;
    this.#random = random;
    this.#skips = skips;
    this.#answer = answer;
    this.#hear = hear;
  }

  run(operation: EngineOperation): void {
    this.#queue.push(operation);
    this.waitingCount++;
    this.#next();
  }

  /** The next operations fail and change nothing. */
  failNext(count: number, passesOnly: boolean): void {
    this.#failing = { left: count, passesOnly };
  }

  /** The next images that are saved are damaged, which shows only when they are to be restored. */
  spoilImages(count: number): void {
    this.#spoiling = count;
  }

  /** Forgets what a slot holds: everything on it fails until it is filled from the start. */
  loseSlot(slot: number): void {
    this.#lost.add(slot);
  }

  /** Passes take so many times longer from now on, and at least `floorMs`. */
  slow(factor: number, floorMs = 0): void {
    this.#slowness = factor;
    this.#floorMs = floorMs;
  }

  /** Stops answering: its process is gone. */
  stop(): void {
    this.#timeline.cancel(this.#timer);
    this.#queue.length = 0;
  }

  #next(): void {
    if (this.#timer !== null) return;
    const operation = this.#queue.shift();
    if (operation === undefined) return;
    const endMs = this.#timeline.nowMs + this.#costMs(operation);
    if (operation.kind === 'pass' && operation.wantsHints) this.#tellHints(operation, endMs);
    else this.#end(endMs, () => this.#carryOut(operation));
  }

  #end(endMs: number, carryOut: () => Answered): void {
    this.#timer = this.#timeline.at(endMs, () => {
      this.#timer = null;
      this.waitingCount--;
      this.#answer(carryOut());
      this.#next();
    });
  }

  /**
   * No other operation touches the slots meanwhile, so the pass is computed at its exit and
   * answered at its end.
   */
  #tellHints(operation: EngineOperation & { kind: 'pass' }, endMs: number): void {
    const { nowMs } = this.#timeline;
    const exitMs = nowMs + (endMs - nowMs) * (this.#model.exit?.place ?? 1);
    this.#timer = this.#timeline.at(exitMs, () => {
      const answered = this.#carryOut(operation);
      if (answered.hints.length > 0) {
        this.#hear({ kind: 'hinted', id: operation.id, hints: answered.hints });
      }
      this.#end(endMs, () => answered);
    });
  }

  #costMs(operation: EngineOperation): number {
    switch (operation.kind) {
      case 'pass': {
        const ms = passMsOf(this.#model.pass, passShapeOf(operation.segments));
        const noise = 1 + this.#random.next() * this.#model.passNoise;
        return Math.max(this.#floorMs, ms * this.#slowness * noise);
      }
      case 'save':
      case 'restore':
        return bookkeepingMs + this.#model.swapTokenMs * this.#heldBy(operation);
      default:
        return bookkeepingMs;
    }
  }

  #heldBy(operation: EngineOperation & { kind: 'save' | 'restore' }): number {
    // A saved state has a word for each token, and little else.
    return operation.kind === 'restore' ? operation.state.length / 8 : 64;
  }

  #carryOut(operation: EngineOperation): Answered {
    const { id } = operation;
    if (this.#isToFail(operation) || this.#isLost(operation)) {
      const message = `${operation.kind} failed as the fault wants it`;
      const event = { kind: 'failed', id, code: 'engine-failed', message } as const;
      return { operation, event, isInjected: true, hints: [] };
    }
    const hints: ExitHint[] = [];
    const event = this.#skips(operation)
      ? ({ kind: 'done', id, bytes: null } as const)
      : answerOf(this.core, operation, (some) => hints.push(...some));
    if (event.kind === 'done' && event.bytes !== null && this.#spoiling > 0) {
      this.#spoiling--;
      this.#spoilt.add(event.bytes);
    }
    return { operation, event, isInjected: false, hints };
  }

  #isToFail({ kind }: EngineOperation): boolean {
    if (this.#failing.left === 0 || (kind !== 'pass' && this.#failing.passesOnly)) return false;
    this.#failing.left--;
    return true;
  }

  /** Whether a slot or an image that the operation needs is lost. */
  #isLost(operation: EngineOperation): boolean {
    switch (operation.kind) {
      case 'pass':
        return operation.segments.some(({ slot }) => this.#lost.has(slot));
      case 'copy-prefix':
        return this.#lost.has(operation.from) || this.#lost.has(operation.to);
      case 'open':
        if (operation.keptLength === 0) this.#lost.delete(operation.slot);
        break;
      case 'restore':
        if (this.#spoilt.has(operation.state)) return true;
        this.#lost.delete(operation.slot);
        break;
      default:
        break;
    }
    return this.#lost.has(operation.slot);
  }
}

/** Carries an operation out at once; a refusal by the engine is an answer too. */
export function answerOf(
  core: EngineCore,
  operation: EngineOperation,
  onHints?: OnHints,
): ServerInput {
  const { id } = operation;
  try {
    return operation.kind === 'pass'
      ? { kind: 'passed', id, result: core.pass(operation.segments, onHints) }
      : { kind: 'done', id, bytes: change(core, operation) };
  } catch (reason) {
    if (!(reason instanceof PilotfishError)) throw reason;
    const { code, message } = reason;
    return { kind: 'failed', id, code, message };
  }
}

/** @returns the bytes of a save, else null. */
function change(
  core: EngineCore,
  operation: Exclude<EngineOperation, { kind: 'pass' }>,
): Uint8Array | null {
  switch (operation.kind) {
    case 'open':
      core.open(operation.slot, operation.config, operation.keptLength);
      return null;
    case 'truncate':
      core.truncate(operation.slot, operation.length);
      return null;
    case 'copy-prefix':
      core.copyPrefix(operation.from, operation.to, operation.length);
      return null;
    case 'save':
      return core.save(operation.slot);
    case 'restore':
      core.restore(operation.slot, operation.state, operation.config, operation.length);
      return null;
  }
}
