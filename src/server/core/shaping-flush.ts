// Flushes connections whose frames leave at fixed times (traffic shaping): sends what has waited,
// or a frame that says nothing, so that the times of messages tell an observer nothing.

import type { Connection, Connections } from './connections.js';
import type { Counters } from './core-stats.js';
import type { Outbox } from './outbox.js';
import type { SessionTable } from './session-table.js';
import type { SessionReplies } from './sessions/session-replies.js';

export interface ShapingFlushParts {
  readonly connections: Connections;
  readonly table: SessionTable;
  readonly replies: SessionReplies;
  readonly outbox: Outbox;
  readonly counters: Counters;
}

export class ShapingFlush {
  readonly #parts: ShapingFlushParts;

  constructor(parts: ShapingFlushParts) {
    this.#parts = parts;
  }

  /**
   * Flushes the connections whose time has come.
   *
   * @returns when the next one is due; Infinity: none is.
   */
  flushDue(nowMs: number): number {
    let nextMs = Infinity;
    for (const connection of this.#parts.connections.flushing) {
      const timer = connection.flushTimer!;
      if (timer.isDue(nowMs)) {
        this.#flush(connection, nowMs);
        timer.pass(nowMs);
      }
      if (this.#awaitsFlush(connection)) nextMs = Math.min(nextMs, timer.atMs);
    }
    return nextMs;
  }

  #flush(connection: Connection, nowMs: number): void {
    const { table, replies, outbox, counters } = this.#parts;
    const sessions = table.sessionsOf(connection.id);
    const { isClogged } = connection;
    if (!isClogged) for (const session of sessions) replies.sendDeferred(session, nowMs);
    if (outbox.releaseHeld(connection) > 0 || isClogged || connection.state === 'failed') return;
    if (!sessions.some(({ end }) => end === null)) return;
    counters.coverCount++;
    outbox.sendOn(connection, { kind: 'pong', nonce: 0 });
  }

  /** Whether a connection has something to send at its next flush. */
  #awaitsFlush({ id, heldFrames, state }: Connection): boolean {
    if (heldFrames.length > 0) return true;
    return state !== 'failed' && this.#parts.table.sessionsOf(id).some(({ end }) => end === null);
  }
}
