// Keeps the connections of a server core with their states, and checks and answers greetings:
// versions, keys, vocabularies. Sends nothing.

import { assert } from '../../base/assert.js';
import { type WireCode, type WireFault, wireFault } from '../../protocol/code.js';
import {
  type ConnectionEvent,
  type ConnectionState,
  connectionStateAfterSending,
} from '../../protocol/connection-state.js';
import { type Hello, noShaping, type TrafficShaping, type Welcome } from '../../protocol/frame.js';
import {
  negotiateVersion,
  versionMax,
  versionMin,
  versionOfShaping,
} from '../../protocol/version.js';
import type { ConnectionId } from './event.js';
import type { ServerCoreSettings } from './settings.js';
import type { Tenant } from './tenants/tenant.js';

export interface Connection {
  readonly id: ConnectionId;
  /** Of its key. */
  readonly tenant: Tenant;
  state: ConnectionState;
  lastFrameAtMs: number;
  /** Its device reads more slowly than it is sent to, or is paced: verdicts are merged. */
  isClogged: boolean;
  /** It belongs to a caller in this process: its frames cross no network. */
  readonly isLocal: boolean;
  /** The strongest that any session opened here has asked for. */
  shaping: TrafficShaping;
}

/** The fault of a greeting, or null. */
export function helloFault(hello: Hello, settings: ServerCoreSettings): WireFault | null {
  const { model, acceptsKey } = settings;
  // First: a peer without a key learns nothing, not even which versions there are.
  if (!acceptsKey(hello.key)) return wireFault('key-refused', 'the key is not known here', null);
  if (negotiateVersion(hello) === null) {
    const theirs = `${hello.versionMin} to ${hello.versionMax}`;
    return wireFault(
      'version-unsupported',
      `versions ${theirs}, not ${versionMin} to ${versionMax}`,
      null,
    );
  }
  if (hello.fingerprint === '' || hello.fingerprint === model.fingerprint) return null;
  return wireFault(
    'vocabulary-mismatch',
    `vocabulary of ${hello.vocabSize} tokens, the target's has ${model.vocabSize} others`,
    null,
  );
}

/**
 * The answer to a greeting in which `helloFault` found nothing. Older versions know no traffic
 * shaping and are told of none.
 *
 * @param passMs what a pass is expected to take, >= 0.
 */
export function welcomeOf(hello: Hello, settings: ServerCoreSettings, passMs: number): Welcome {
  const { model, schemes, modes, limits, shaping } = settings;
  const version = negotiateVersion(hello);
  assert(version !== null, 'welcome without a version');
  const { padBytes, aggregateMs } = version >= versionOfShaping ? shaping : noShaping;
  return {
    kind: 'welcome',
    version,
    modelName: model.modelName,
    fingerprint: model.fingerprint,
    vocabSize: model.vocabSize,
    schemes,
    modes,
    contextLength: model.contextLength,
    limits,
    passUs: Math.min(0xffff_ffff, Math.round(passMs * 1000)),
    padBytes,
    aggregateMs,
  };
}

export class Connections {
  readonly #connections = new Map<ConnectionId, Connection>();

  get count(): number {
    return this.#connections.size;
  }

  values(): IterableIterator<Connection> {
    return this.#connections.values();
  }

  get(id: ConnectionId): Connection | undefined {
    return this.#connections.get(id);
  }

  add(id: ConnectionId, tenant: Tenant, isLocal: boolean, nowMs: number): Connection {
    assert(!this.#connections.has(id), `connection ${id} twice`);
    const connection: Connection = {
      ...{ id, tenant },
      state: isLocal ? 'ready' : 'fresh',
      lastFrameAtMs: nowMs,
      isClogged: false,
      isLocal,
      shaping: noShaping,
    };
    this.#connections.set(id, connection);
    tenant.connectionCount++;
    return connection;
  }

  delete(id: ConnectionId): void {
    const connection = this.#connections.get(id);
    if (connection) connection.tenant.connectionCount--;
    this.#connections.delete(id);
  }

  /** Moves the state of a connection for a frame sent on it. */
  sent(connection: Connection, event: ConnectionEvent): void {
    connection.state = connectionStateAfterSending(connection.state, event);
  }

  /** Connections that have been silent for longer than they may. @param silenceMs 0: never. */
  silent(silenceMs: number, nowMs: number): Connection[] {
    if (silenceMs === 0) return [];
    return [...this.#connections.values()].filter(
      ({ lastFrameAtMs, state, isLocal }) =>
        !isLocal && state !== 'failed' && nowMs - lastFrameAtMs > silenceMs,
    );
  }
}

/** Milliseconds after which to try again; 0: trying again makes no sense. */
export function retryAfter(code: WireCode, retryAfterMs: number): number {
  return code === 'server-busy' || code === 'server-full' || code === 'draining' ? retryAfterMs : 0;
}
