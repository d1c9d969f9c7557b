// Decides at 50 Hz what the motors do and when the model is asked, as LeRobot's asynchronous
// inference does: actions wait in a queue, the next one is asked for before the queue is empty, and
// the motors never wait for tokens. Sans-I/O: no clock, no picture, no model.

import type { Action } from './action.js';

/** Of the motors: ten degrees to the left or right, or 50 mm ahead. */
export type Step = 'left' | 'right' | 'ahead';

export interface LoopSettings {
  /** Ticks that a step takes; a tick is 20 ms. */
  readonly stepTicks: number;
  /** The model is asked once so few steps are left. */
  readonly askBelow: number;
  /** From the picture on: from then until its answer comes, the last safe action goes on. */
  readonly deadlineMs: number;
  /** A picture older than this is given up, with its request or answer. */
  readonly maxAgeMs: number;
  /** So is one from which the robot has turned or driven so many steps. */
  readonly maxSteps: number;
  /** Steps of the last safe action without a new answer; then the robot stands still. */
  readonly coastSteps: number;
  /** Pictures in a row in which the model wants to stop, before the errand is over. */
  readonly stopsNeeded: number;
  /** Steps turned the same way after which the robot drives straight on: it is circling. */
  readonly circleSteps: number;
  /** Steps of that drive, as far as the way is free. */
  readonly straightSteps: number;
  /** Steps turned away from what is in the way, and driven then. */
  readonly escapeSteps: number;
  /** Pause after a request that failed. */
  readonly retryMs: number;
}

export const tickMs = 20;

/** What the robot knows without a model. */
export interface Senses {
  /** Whether the way of the next steps ahead is free. */
  readonly isClear: boolean;
  /** Whether the step that it has just taken ahead has led nowhere. */
  readonly isStuck: boolean;
}

/** A step in 100 ms: half a metre or 100 degrees a second. */
export const loopDefaults: LoopSettings = {
  stepTicks: 5,
  askBelow: 4,
  deadlineMs: 500,
  maxAgeMs: 1_500,
  maxSteps: 10,
  coastSteps: 4,
  stopsNeeded: 2,
  circleSteps: 40,
  straightSteps: 30,
  escapeSteps: 7,
  retryMs: 100,
};

export type LoopEffect =
  | { readonly kind: 'step'; readonly step: Step }
  /** Ask about the picture of now. Earlier requests have ended or were cancelled. */
  | { readonly kind: 'ask'; readonly request: number }
  | { readonly kind: 'cancel'; readonly request: number };

/** Counts of an errand. */
export interface LoopCounts {
  readonly asked: number;
  readonly acted: number;
  /** Requests without an answer at their deadline. */
  readonly missed: number;
  /** Requests given up because their picture had become too old. */
  readonly cancelled: number;
  /** Answers that were errors or no actions. */
  readonly failed: number;
  /** Steps of the last safe action. */
  readonly coasted: number;
  /** Times that it was stuck. */
  readonly escaped: number;
  /** Ticks without a step to do. */
  readonly still: number;
  /** [acted] milliseconds from picture to action. */
  readonly latencyMs: readonly number[];
}

/** Steps that it turns before it leaves a circle: none at first, then so many more each time. */
const exitTurn = 7;
const exitTurnsMax = 18;

interface Request {
  readonly id: number;
  readonly askedAtMs: number;
  /** Wheels at its picture. */
  readonly turned: number;
  readonly driven: number;
  isMissed: boolean;
}

export class ControlLoop {
  readonly #settings: LoopSettings;
  #queue: Step[] = [];
  /** Repeated while no answer comes. */
  #safe: Step | null = null;
  #coastLeft = 0;
  #ticks = 0;
  #request: Request | null = null;
  #nextId = 0;
  #mayAskFromMs = 0;
  /** Wheel odometry, in steps: left is positive. */
  #turned = 0;
  #driven = 0;
  #stops = 0;
  /** Steps that actions have turned the same way; left is positive. */
  #circled = 0;
  #circleCount = 0;
  /** Drives on straight, out of a circle. */
  #isStraight = false;
  #escapeSide: Step = 'right';
  /** Until its queue is done: answers to earlier pictures would lead back. */
  #isEscaping = false;
  #counts = {
    ...{ asked: 0, acted: 0, missed: 0, cancelled: 0, failed: 0 },
    ...{ coasted: 0, escaped: 0, still: 0 },
  };
  readonly #latencyMs: number[] = [];

  constructor(settings: LoopSettings = loopDefaults) {
    this.#settings = settings;
  }

  /** Whether the model has wanted to stop often enough. */
  get isOver(): boolean {
    return this.#stops >= this.#settings.stopsNeeded;
  }

  /** Whether an answer is late, so that the robot goes on by itself. */
  get isLate(): boolean {
    return this.#request?.isMissed ?? false;
  }

  get counts(): LoopCounts {
    return { ...this.#counts, latencyMs: this.#latencyMs };
  }

  /**
   * One tick of 20 ms.
   *
   * @param senses of the robot itself.
   */
  tick(nowMs: number, senses: Senses): LoopEffect[] {
    if (this.isOver) return [];
    if (senses.isStuck) this.#escape();
    const effects = this.#move(senses.isClear);
    this.#watchRequest(nowMs, effects);
    this.#ask(nowMs, effects);
    return effects;
  }

  #move(isClear: boolean): LoopEffect[] {
    const { isLate } = this;
    // Without news, and on a way that no picture has shown, only as far as the way is free.
    if ((this.#isStraight || isLate) && !isClear && this.#queue[0] === 'ahead') this.#queue = [];
    if (this.#queue.length === 0) {
      this.#isStraight = false;
      this.#isEscaping = false;
      if (isLate) this.#coast(isClear);
    }
    const [step] = this.#queue;
    if (step === undefined) {
      this.#ticks = 0;
      this.#counts.still++;
      return [];
    }
    if (++this.#ticks < this.#settings.stepTicks) return [];
    this.#ticks = 0;
    this.#queue.shift();
    if (step === 'ahead') this.#driven++;
    else this.#turned += step === 'left' ? 1 : -1;
    return [{ kind: 'step', step }];
  }

  /** A miss: the last safe action goes on for a little, as far as the way is free. */
  #coast(isClear: boolean): void {
    if (this.#safe === null || this.#coastLeft === 0) return;
    if (this.#safe === 'ahead' && !isClear) return;
    this.#coastLeft--;
    this.#counts.coasted++;
    this.#queue.push(this.#safe);
  }

  #watchRequest(nowMs: number, effects: LoopEffect[]): void {
    const request = this.#request;
    if (request === null) return;
    if (!request.isMissed && nowMs - request.askedAtMs >= this.#settings.deadlineMs) {
      request.isMissed = true;
      this.#counts.missed++;
    }
    if (!this.#isStale(request, nowMs)) return;
    this.#counts.cancelled++;
    this.#request = null;
    effects.push({ kind: 'cancel', request: request.id });
  }

  /** Whether the robot has gone on too far or too long since the picture. */
  #isStale({ askedAtMs, turned, driven }: Request, nowMs: number): boolean {
    const steps = Math.abs(this.#turned - turned) + this.#driven - driven;
    const isOld = nowMs - askedAtMs > this.#settings.maxAgeMs || steps > this.#settings.maxSteps;
    return isOld || this.#isEscaping;
  }

  #ask(nowMs: number, effects: LoopEffect[]): void {
    if (this.#request !== null || nowMs < this.#mayAskFromMs) return;
    if (this.#isEscaping || this.#queue.length > this.#settings.askBelow) return;
    const [turned, driven] = [this.#turned, this.#driven];
    this.#request = { id: this.#nextId++, askedAtMs: nowMs, turned, driven, isMissed: false };
    this.#counts.asked++;
    effects.push({ kind: 'ask', request: this.#request.id });
  }

  /**
   * The model has answered. An answer to a request that was given up changes nothing.
   *
   * @param action null: an error, or no action.
   */
  answered(id: number, action: Action | null, nowMs: number): void {
    const request = this.#request;
    if (request?.id !== id) return;
    this.#request = null;
    if (action === null) {
      this.#counts.failed++;
      this.#mayAskFromMs = nowMs + this.#settings.retryMs;
      return;
    }
    if (this.#isStale(request, nowMs)) {
      this.#counts.cancelled++;
      return;
    }
    this.#counts.acted++;
    this.#latencyMs.push(nowMs - request.askedAtMs);
    this.#coastLeft = this.#settings.coastSteps;
    this.#act(action, request);
  }

  /** The queue becomes what is left of an action that is meant for where the picture was taken. */
  #act({ turn, forward, stop }: Action, request: Request): void {
    this.#ticks = 0;
    if (stop) {
      this.#stops++;
      this.#safe = null;
      // Another picture: the same one would get the same answer.
      this.#queue = [this.#stops % 2 === 1 ? 'left' : 'right'];
      return;
    }
    this.#stops = 0;
    const turns = turn / 10 - (this.#turned - request.turned);
    const drives = Math.max(0, forward / 50 - (this.#driven - request.driven));
    this.#queue = [
      ...steps(turns > 0 ? 'left' : 'right', Math.abs(turns)),
      ...steps('ahead', drives),
    ];
    this.#safe = forward > 0 ? 'ahead' : (this.#queue[0] ?? null);
    this.#leaveCircle(turn / 10);
  }

  /** A thing beside the robot is in no picture: it gets away from it, left and right in turns. */
  #escape(): void {
    const { escapeSteps } = this.#settings;
    this.#escapeSide = this.#escapeSide === 'left' ? 'right' : 'left';
    this.#isStraight = false;
    this.#queue = [...steps(this.#escapeSide, escapeSteps), ...steps('ahead', escapeSteps)];
    this.#counts.escaped++;
    this.#isEscaping = true;
  }

  /** A model without a memory may look for its goal in a circle for ever. */
  #leaveCircle(turned: number): void {
    this.#circled = this.#circled * turned < 0 ? turned : this.#circled + turned;
    if (Math.abs(this.#circled) < this.#settings.circleSteps) return;
    this.#circled = 0;
    this.#isStraight = true;
    // Every time elsewhere, or the same wall would lead back into the same circle.
    const turns = (exitTurn * this.#circleCount++) % exitTurnsMax;
    this.#queue = [...steps('left', turns), ...steps('ahead', this.#settings.straightSteps)];
  }
}

const steps = (step: Step, count: number): Step[] => new Array<Step>(Math.round(count)).fill(step);
