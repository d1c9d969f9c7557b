// Collects the effects of one event in order. Every frame is queued here: connection states move,
// and nothing is queued for a connection that has failed.

import type { WireCode } from '../../protocol/code.js';
import { connectionEventOf } from '../../protocol/connection-state.js';
import { failureFrame } from '../../protocol/failure.js';
import type { ServerFrame, TrafficShaping, VocabularyBlock } from '../../protocol/frame.js';
import { limits } from '../../protocol/limits.js';
import { type Connection, type Connections, retryAfter } from './connections.js';
import type { ServerEffect } from './event.js';
import type { SessionAddress } from './session-status.js';

/** Frames that may wait for a flush: one for each session that a connection may have. */
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
  #effects: ServerEffect[] = [];

  constructor(connections: Connections, retryAfterMs: number) {
    this.#connections = connections;
    this.#retryAfterMs = retryAfterMs;
  }

  push(effect: ServerEffect): void {
    this.#effects.push(effect);
  }

  /** Everything since the last call; owned by the caller. */
  take(): ServerEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /**
   * Sends to a session's device, at the next flush of a shaped connection. Sends nothing on a
   * connection that is gone or has failed.
   */
  send({ connection: id }: SessionAddress, frame: ServerFrame): void {
    const connection = this.#connections.get(id);
    if (!connection || connection.state === 'failed') return;
    if (connection.flushTimer === null) this.sendOn(connection, frame);
    else {
      connection.heldFrames.push(frame);
      // A device that causes so many frames gives its timing away, rather than taking our memory.
      if (connection.heldFrames.length >= heldMax) this.releaseHeld(connection);
    }
  }

  /** Sends the frames that have waited for the flush. @returns how many. */
  releaseHeld(connection: Connection): number {
    const held = connection.heldFrames.splice(0);
    for (const frame of held) this.sendOn(connection, frame);
    return held.length;
  }

  /** Applies the traffic shaping that a new session asks for. */
  shape({ connection: id }: SessionAddress, shaping: TrafficShaping, nowMs: number): void {
    const connection = this.#connections.get(id);
    if (connection) this.#connections.setShaping(connection, shaping, nowMs);
  }

  /** Whether a frame for a session's device would only wait now. */
  isClogged({ connection: id }: SessionAddress): boolean {
    const connection = this.#connections.get(id);
    return connection !== undefined && (connection.isClogged || connection.flushTimer !== null);
  }

  sendOn(connection: Connection, frame: ServerFrame): void {
    this.#connections.sent(connection, connectionEventOf(frame));
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
    const advice = Math.min(limits.waitMs.value, retryAfterMs ?? this.#adviceFor(code));
    this.send(address, failureFrame({ code, message, session }, advice));
  }

  /** Ends a connection: says why, then closes. */
  fail(
    connection: Connection,
    { code, message, retryAfterMs }: ConnectionEnd,
    block: VocabularyBlock | null,
  ): void {
    this.releaseHeld(connection);
    const fault = { code, message, session: null };
    const advice = Math.min(limits.waitMs.value, retryAfterMs ?? this.#adviceFor(code));
    this.sendOn(connection, failureFrame(fault, advice, block));
    this.push({ kind: 'close', connection: connection.id, code });
  }

  #adviceFor(code: WireCode): number {
    return retryAfter(code, this.#retryAfterMs);
  }
}
