// Effects of one event, gathered in order. The only place that sends: connection states move here, and nothing goes out
// on a connection that has failed.

import type { WireCode } from '../../protocol/code.js';
import { connectionEventOf } from '../../protocol/connection-state.js';
import { failureOf } from '../../protocol/failure.js';
import type { Cover, ServerFrame, VocabularyBlock } from '../../protocol/frame.js';
import { limits } from '../../protocol/limits.js';
import { type Connection, type Connections, retryAfter } from './connections.js';
import type { Effect } from './event.js';
import type { Listener } from './session.js';

/** Frames that may wait for a beat: one each of as many sessions as a connection has. */
const heldMax = limits.sessions.value;

/** Why a connection ends. */
export interface ConnectionEnd {
  readonly code: WireCode;
  readonly message: string;
  /** Absent: what the code advises. */
  readonly retryAfterMs?: number;
}

export class Outbox {
  readonly #connections: Connections;
  readonly #retryAfterMs: number;
  #effects: Effect[] = [];

  constructor(connections: Connections, retryAfterMs: number) {
    this.#connections = connections;
    this.#retryAfterMs = retryAfterMs;
  }

  push(effect: Effect): void {
    this.#effects.push(effect);
  }

  /** Everything since the last call; owned by the caller. */
  take(): Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** Sends to a session's device, at the next beat where there is one; nothing where the connection has failed or is gone. */
  send({ connection: id }: Listener, frame: ServerFrame): void {
    const connection = this.#connections.get(id);
    if (!connection || connection.state === 'failed') return;
    if (connection.beat === null) this.sendOn(connection, frame);
    else {
      connection.held.push(frame);
      // Whoever makes us say so much gives its rhythm away rather than our memory.
      if (connection.held.length >= heldMax) this.release(connection);
    }
  }

  /** Sends what has waited for the beat. @returns how many frames. */
  release(connection: Connection): number {
    const held = connection.held.splice(0);
    for (const frame of held) this.sendOn(connection, frame);
    return held.length;
  }

  /** What the sessions of a connection ask for from here on. */
  cover({ connection: id }: Listener, cover: Cover, nowMs: number): void {
    const connection = this.#connections.get(id);
    if (connection) this.#connections.cover(connection, cover, nowMs);
  }

  /** Whether what is said to a session's device now would only wait. */
  isClogged({ connection: id }: Listener): boolean {
    const connection = this.#connections.get(id);
    return connection !== undefined && (connection.isClogged || connection.beat !== null);
  }

  sendOn(connection: Connection, frame: ServerFrame): void {
    this.#connections.sent(connection, connectionEventOf(frame));
    const { id, cover } = connection;
    this.push({ kind: 'send', connection: id, frame, padBytes: cover.padBytes });
  }

  /** Ends one session on the wire. @param retryAfterMs null: what the code advises. */
  failSession(
    listener: Listener,
    code: WireCode,
    message: string,
    retryAfterMs: number | null = null,
  ): void {
    const { session } = listener;
    const advice = Math.min(limits.waitMs.value, retryAfterMs ?? this.#adviceFor(code));
    this.send(listener, failureOf({ code, message, session }, advice));
  }

  /** Ends a connection: says why, then closes. */
  fail(
    connection: Connection,
    { code, message, retryAfterMs }: ConnectionEnd,
    block: VocabularyBlock | null,
  ): void {
    this.release(connection);
    const fault = { code, message, session: null };
    const advice = Math.min(limits.waitMs.value, retryAfterMs ?? this.#adviceFor(code));
    this.sendOn(connection, failureOf(fault, advice, block));
    this.push({ kind: 'close', connection: connection.id, code });
  }

  #adviceFor(code: WireCode): number {
    return retryAfter(code, this.#retryAfterMs);
  }
}
