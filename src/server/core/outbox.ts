// Effects of one event, gathered in order. The only place that sends: connection states move here, and nothing goes out
// on a connection that has failed.

import type { WireCode } from '../../protocol/code.js';
import { connectionEventOf } from '../../protocol/connection-state.js';
import { failureOf } from '../../protocol/failure.js';
import type { ServerFrame, VocabularyBlock } from '../../protocol/frame.js';
import { limits } from '../../protocol/limits.js';
import { type Connection, type Connections, retryAfter } from './connections.js';
import type { Effect } from './event.js';
import type { Listener } from './session.js';

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

  /** Sends to a session's device; nothing where the connection has failed or is gone. */
  send({ connection: id }: Listener, frame: ServerFrame): void {
    const connection = this.#connections.get(id);
    if (connection && connection.state !== 'failed') this.sendOn(connection, frame);
  }

  /** Whether what is sent to a session's device now would only wait. */
  isClogged({ connection }: Listener): boolean {
    return this.#connections.get(connection)?.isClogged === true;
  }

  sendOn(connection: Connection, frame: ServerFrame): void {
    this.#connections.sent(connection, connectionEventOf(frame));
    this.push({ kind: 'send', connection: connection.id, frame });
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
    const fault = { code, message, session: null };
    const advice = Math.min(limits.waitMs.value, retryAfterMs ?? this.#adviceFor(code));
    this.sendOn(connection, failureOf(fault, advice, block));
    this.push({ kind: 'close', connection: connection.id, code });
  }

  #adviceFor(code: WireCode): number {
    return retryAfter(code, this.#retryAfterMs);
  }
}
