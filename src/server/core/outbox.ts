// Effects of one event, gathered in order. The only place that sends: connection states move here, and nothing goes out
// on a connection that has failed.

import type { WireCode } from '../../protocol/code.js';
import { connectionEventOf } from '../../protocol/connection-state.js';
import { failureOf } from '../../protocol/failure.js';
import type { ServerFrame, VocabularyBlock } from '../../protocol/frame.js';
import { type Connection, type Connections, retryAfter } from './connections.js';
import type { Effect } from './event.js';
import type { Listener } from './session.js';

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

  /** Ends one session on the wire. */
  failSession(listener: Listener, code: WireCode, message: string): void {
    const { session } = listener;
    this.send(listener, failureOf({ code, message, session }, this.#adviceFor(code)));
  }

  /** Ends a connection: says why, then closes. */
  fail(
    connection: Connection,
    code: WireCode,
    message: string,
    block: VocabularyBlock | null,
  ): void {
    const fault = { code, message, session: null };
    this.sendOn(connection, failureOf(fault, this.#adviceFor(code), block));
    this.push({ kind: 'close', connection: connection.id, code });
  }

  #adviceFor(code: WireCode): number {
    return retryAfter(code, this.#retryAfterMs);
  }
}
