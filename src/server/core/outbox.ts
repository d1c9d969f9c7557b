// Collects the effects of the events that are handled together, in order. Every frame is queued
// here: connection states move, and nothing is queued for a connection that has failed.

import { assert } from '../../base/assert.js';
import type { WireCode, WireFault } from '../../protocol/code.js';
import { connectionEventOf } from '../../protocol/connection-state.js';
import { failureFrame } from '../../protocol/failure.js';
import type { ServerFrame, TrafficShaping, VocabularyBlock } from '../../protocol/frame.js';
import { limits } from '../../protocol/limits.js';
import type { Connection, Connections } from './connections.js';
import type { CoreEffect } from './event.js';
import type { SessionAddress } from './session-status.js';

/** Advice to a device whose connection has failed. */
export interface FailureAdvice {
  /** Absent: what the code advises. */
  readonly retryAfterMs?: number;
  /** The server's side of the first block in which the vocabularies differ. */
  readonly block?: VocabularyBlock | null;
}

export class Outbox {
  readonly #connections: Connections;
  readonly #retryAfterMs: number;
  #effects: CoreEffect[] = [];
  /** Where the Pong of a connection and the failures of its sessions are among the effects. */
  readonly #places = new Map<string, number>();

  constructor(connections: Connections, retryAfterMs: number) {
    this.#connections = connections;
    this.#retryAfterMs = retryAfterMs;
  }

  push(effect: CoreEffect): void {
    this.#effects.push(effect);
  }

  /** Everything since the last call; owned by the caller. */
  take(): CoreEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    this.#places.clear();
    return effects;
  }

  /** Answers a Ping; where several have come together, the newest alone. */
  pong(connection: Connection, nonce: number): void {
    this.#sendOnce(connection, 'pong', { kind: 'pong', nonce });
  }

  /** Takes the place of what was queued under this name and has not left. */
  #sendOnce(connection: Connection, name: string, frame: ServerFrame): void {
    const place = `${connection.id} ${name}`;
    const at = this.#places.get(place);
    if (at === undefined) {
      this.#places.set(place, this.#effects.length);
      this.sendOn(connection, frame);
      return;
    }
    const effect = this.#effects[at]!;
    assert(effect.kind === 'send', 'a frame keeps its place');
    this.#effects[at] = { ...effect, frame };
  }

  /** Sends to a session's device; nothing on a connection that is gone or has failed. */
  send({ connection: id }: SessionAddress, frame: ServerFrame): void {
    const connection = this.#connections.get(id);
    if (connection && connection.state !== 'failed') this.sendOn(connection, frame);
  }

  /** Applies the traffic shaping that a new session asks for. */
  shape({ connection: id }: SessionAddress, shaping: TrafficShaping): void {
    const connection = this.#connections.get(id);
    if (!connection || connection.isLocal) return;
    const before = connection.shaping.aggregateMs;
    connection.shape(shaping);
    const {
      isClogged,
      shaping: { aggregateMs: periodMs },
    } = connection;
    if (periodMs !== before) this.push({ kind: 'pace', connection: id, periodMs, isClogged });
  }

  /** Whether a frame for a session's device would only wait now. */
  isClogged({ connection: id }: SessionAddress): boolean {
    return this.#connections.get(id)?.isClogged === true;
  }

  sendOn(connection: Connection, frame: ServerFrame): void {
    connection.sent(connectionEventOf(frame));
    const { id, shaping } = connection;
    this.push({ kind: 'send', connection: id, frame, padBytes: shaping.padBytes });
  }

  /** Ends one session on the wire. @param retryAfterMs null: what the code advises. */
  failSession(
    address: SessionAddress,
    code: WireCode,
    message: string,
    retryAfterMs: number | null = null,
  ): void {
    const { session } = address;
    const connection = this.#connections.get(address.connection);
    if (connection === undefined || connection.state === 'failed') return;
    const advice = Math.min(limits.waitMs.value, retryAfterMs ?? this.#adviceFor(code));
    const frame = failureFrame({ code, message, session }, advice);
    this.#sendOnce(connection, `${session} ${code}`, frame);
  }

  /** Ends a connection: says why, then closes. */
  fail(connection: Connection, fault: WireFault, { retryAfterMs, block }: FailureAdvice): void {
    const { code } = fault;
    const advice = Math.min(limits.waitMs.value, retryAfterMs ?? this.#adviceFor(code));
    this.sendOn(connection, failureFrame({ ...fault, session: null }, advice, block));
    this.push({ kind: 'close', connection: connection.id, code });
  }

  /** Milliseconds after which to try again; 0: trying again makes no sense. */
  #adviceFor(code: WireCode): number {
    const isPassing = code === 'server-busy' || code === 'server-full' || code === 'draining';
    return isPassing ? this.#retryAfterMs : 0;
  }
}
