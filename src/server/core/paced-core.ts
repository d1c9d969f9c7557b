// Wraps the server core with aggregation: session frames of a shaped connection leave at fixed
// times only, so that the times of messages tell an observer nothing. To the core such a connection
// is one that reads slowly: its verdicts wait, and each flush takes what has come together.

import { type TimerEntry, TimerHeap } from '../../base/timer-heap.js';
import { FlushTimer } from '../../protocol/flush-timer.js';
import type { ServerFrame } from '../../protocol/frame.js';
import { limits } from '../../protocol/limits.js';
import type { ConnectionId, CoreEffect, ServerEffect, ServerInput } from './event.js';
import { ServerCore } from './server-core.js';
import type { ServerCoreSettings } from './settings.js';

type Send = Extract<ServerEffect, { kind: 'send' }>;
type Pace = Extract<CoreEffect, { kind: 'pace' }>;

/** A connection whose session frames leave at flushes. Queued while it has something to flush. */
interface PacedConnection extends TimerEntry {
  readonly id: ConnectionId;
  readonly held: Send[];
  timer: FlushTimer;
  atMs: number;
  /** Its socket has not taken what was sent before. */
  isClogged: boolean;
}

/** Frames that may wait for a flush: one for each session that a connection may have. */
const heldMax = limits.sessions.value;
/** Timers may fire so much early. */
const earlyMs = 1;

export class PacedCore {
  readonly core: ServerCore;
  readonly #paced = new Map<ConnectionId, PacedConnection>();
  readonly #queue = new TimerHeap<PacedConnection>();
  #effects: ServerEffect[] = [];
  #order = 0;
  #coreWakeMs = Infinity;
  #wakeMs = Infinity;

  constructor(settings: ServerCoreSettings) {
    this.core = new ServerCore(settings);
  }

  /** As `handleAll`, for one event. */
  handle(event: ServerInput, nowMs: number): ServerEffect[] {
    return this.handleAll([event], nowMs);
  }

  /**
   * As `ServerCore.handleAll`; then flushes the connections whose time has come.
   *
   * @returns what to do, in this order; owned by the caller.
   */
  handleAll(events: readonly ServerInput[], nowMs: number): ServerEffect[] {
    this.#run(
      events.filter((event) => this.#passes(event, nowMs)),
      nowMs,
    );
    for (;;) {
      const { first } = this.#queue;
      if (first === undefined || !first.timer.isDue(nowMs)) break;
      this.#flush(first, nowMs);
    }
    this.#setWake();
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** Notes what an event says of a paced connection. @returns whether the core gets it. */
  #passes(event: ServerInput, nowMs: number): boolean {
    if (event.kind === 'wake') {
      this.#wakeMs = Infinity;
      // The core looks at all its connections then: it is not woken for every flush.
      if (nowMs < this.#coreWakeMs - earlyMs) return false;
      this.#coreWakeMs = Infinity;
      return true;
    }
    if (event.kind === 'disconnected') this.#forget(event.connection);
    if (event.kind !== 'clogged' && event.kind !== 'cleared') return true;
    const paced = this.#paced.get(event.connection);
    if (paced !== undefined) paced.isClogged = event.kind === 'clogged';
    return paced === undefined;
  }

  #forget(id: ConnectionId): void {
    const paced = this.#paced.get(id);
    if (paced === undefined) return;
    this.#queue.remove(paced);
    this.#paced.delete(id);
  }

  #run(events: readonly ServerInput[], nowMs: number): void {
    if (events.length === 0) return;
    for (const effect of this.core.handleAll(events, nowMs)) this.#take(effect, nowMs);
  }

  #take(effect: CoreEffect, nowMs: number): void {
    switch (effect.kind) {
      case 'send':
        this.#send(effect);
        return;
      case 'pace':
        this.#pace(effect, nowMs);
        return;
      case 'wake':
        this.#coreWakeMs = effect.atMs;
        return;
      case 'close':
        this.#release(this.#paced.get(effect.connection));
        this.#effects.push(effect);
        return;
      default:
        this.#effects.push(effect);
    }
  }

  #send(effect: Send): void {
    const paced = this.#paced.get(effect.connection);
    if (paced === undefined || !isOfSession(effect.frame)) {
      // The end of a connection: what has waited goes before it.
      if (effect.frame.kind === 'failure') this.#release(paced);
      this.#effects.push(effect);
      return;
    }
    paced.held.push(effect);
    if (paced.index < 0) this.#enqueue(paced);
    // A device that causes so many frames gives its timing away, rather than taking our memory.
    if (paced.held.length >= heldMax) this.#release(paced);
  }

  /**
   * The first session that aggregates starts the timer; a shorter period restarts it. The answer to
   * its Open or Resume is flushed at once, and from then on the connection reads slowly.
   */
  #pace({ connection: id, periodMs, isClogged }: Pace, nowMs: number): void {
    const known = this.#paced.get(id);
    const timer = new FlushTimer(periodMs, nowMs);
    if (known !== undefined) {
      known.timer = timer;
      this.#enqueue(known);
      return;
    }
    const order = this.#order++;
    this.#paced.set(id, { id, order, timer, held: [], atMs: 0, index: -1, isClogged });
  }

  #enqueue(paced: PacedConnection): void {
    this.#queue.remove(paced);
    paced.atMs = paced.timer.atMs;
    this.#queue.add(paced);
  }

  #flush(paced: PacedConnection, nowMs: number): void {
    const { id: connection, isClogged } = paced;
    if (!isClogged) {
      const events = [
        { kind: 'cleared', connection } as const,
        { kind: 'clogged', connection } as const,
      ];
      this.#run(events, nowMs);
    }
    if (this.#release(paced) === 0 && !isClogged) {
      const filler = this.core.fillerOf(connection);
      if (filler !== null) this.#effects.push(filler);
    }
    paced.timer.pass(nowMs);
    if (this.core.isWriting(connection)) this.#enqueue(paced);
    else this.#queue.remove(paced);
  }

  /** @returns how many frames had waited. */
  #release(paced: PacedConnection | undefined): number {
    const held = paced?.held.splice(0) ?? [];
    this.#effects.push(...held);
    return held.length;
  }

  #setWake(): void {
    const atMs = Math.min(this.#coreWakeMs, this.#queue.first?.atMs ?? Infinity);
    if (atMs >= this.#wakeMs) return;
    this.#wakeMs = atMs;
    this.#effects.push({ kind: 'wake', atMs });
  }
}

/** Whether a frame belongs to a session, which a connection's own frames do not. */
const isOfSession = (frame: ServerFrame): boolean => 'session' in frame && frame.session !== null;
