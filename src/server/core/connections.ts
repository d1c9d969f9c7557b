// Keeps the connections of a server core with their states, and checks and answers greetings:
// versions, keys, vocabularies. Sends nothing.

import { assert } from '../../base/assert.js';
import { type WireFault, wireFault } from '../../protocol/code.js';
import {
  type ConnectionEvent,
  type ConnectionReception,
  type ConnectionState,
  connectionStateAfterSending,
  receiveOnConnection,
} from '../../protocol/connection-state.js';
import {
  type Hello,
  modeTraits,
  noShaping,
  strongerShaping,
  type TrafficShaping,
  type Welcome,
} from '../../protocol/frame.js';
import {
  negotiateVersion,
  versionMax,
  versionMin,
  versionOfPictures,
  versionOfShaping,
} from '../../protocol/version.js';
import type { ConnectionId } from './event.js';
import type { ServerCoreSettings } from './settings.js';
import type { Tenant } from './tenants/tenant.js';
import { coarse } from './told-times.js';

/** A connection, its state by the table of the protocol, and what its device has asked for. */
export class Connection {
  readonly id: ConnectionId;
  /** The owner of its key. */
  readonly tenant: Tenant;
  /** It belongs to a caller in this process: its frames cross no network. */
  readonly isLocal: boolean;
  /** Frames for sessions that were never opened here. */
  strayCount = 0;
  #state: ConnectionState;
  #lastFrameAtMs: number;
  #isClogged = false;
  #shaping = noShaping;

  constructor(id: ConnectionId, tenant: Tenant, isLocal: boolean, nowMs: number) {
    this.id = id;
    this.tenant = tenant;
    this.isLocal = isLocal;
    this.#state = isLocal ? 'ready' : 'fresh';
    this.#lastFrameAtMs = nowMs;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Its device reads more slowly than it is sent to, or is paced: verdicts are merged. */
  get isClogged(): boolean {
    return this.#isClogged;
  }

  /** The strongest that any session opened here has asked for. */
  get shaping(): TrafficShaping {
    return this.#shaping;
  }

  /** A message has come, legal or not. */
  heard(nowMs: number): void {
    this.#lastFrameAtMs = nowMs;
  }

  received(event: ConnectionEvent): ConnectionReception {
    const reception = receiveOnConnection(this.#state, event);
    if (reception.kind === 'move') this.#state = reception.state;
    return reception;
  }

  sent(event: ConnectionEvent): void {
    this.#state = connectionStateAfterSending(this.#state, event);
  }

  /** Its device has fallen behind with reading, or has caught up. */
  flow(isClogged: boolean): void {
    this.#isClogged = isClogged;
  }

  /** A session asks for traffic shaping. */
  shape(wanted: TrafficShaping): void {
    this.#shaping = strongerShaping(this.#shaping, wanted);
  }

  /** Whether nothing has come for longer than it may. */
  isSilent(silenceMs: number, nowMs: number): boolean {
    return !this.isLocal && this.#state !== 'failed' && nowMs - this.#lastFrameAtMs > silenceMs;
  }
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
  const { model, schemes, modes, limits, shaping, seesPictures } = settings;
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
    modes: modes.filter((mode) => modeTraits[mode].since <= version),
    contextLength: model.contextLength,
    limits,
    passUs: Math.min(0xffff_ffff, Math.round(coarse(passMs) * 1000)),
    seesPictures: version >= versionOfPictures && seesPictures,
    padBytes,
    aggregateMs,
  };
}

export class Connections {
  readonly #connections = new Map<ConnectionId, Connection>();
  #liveCount = 0;

  get count(): number {
    return this.#connections.size;
  }

  /** Connections of devices that have not failed. */
  get liveCount(): number {
    return this.#liveCount;
  }

  values(): IterableIterator<Connection> {
    return this.#connections.values();
  }

  get(id: ConnectionId): Connection | undefined {
    return this.#connections.get(id);
  }

  add(id: ConnectionId, tenant: Tenant, isLocal: boolean, nowMs: number): Connection {
    assert(!this.#connections.has(id), `connection ${id} twice`);
    const connection = new Connection(id, tenant, isLocal, nowMs);
    this.#connections.set(id, connection);
    this.#count(connection, 1);
    return connection;
  }

  /** A connection is about to fail: it takes no place of its key from then on. */
  fail(connection: Connection): void {
    if (connection.state !== 'failed') this.#count(connection, -1);
  }

  delete(id: ConnectionId): void {
    const connection = this.#connections.get(id);
    if (connection !== undefined) this.fail(connection);
    this.#connections.delete(id);
  }

  #count({ isLocal, tenant }: Connection, change: 1 | -1): void {
    if (isLocal) return;
    this.#liveCount += change;
    tenant.countConnection(change);
  }

  /** Connections that have been silent for longer than they may. @param silenceMs 0: never. */
  silent(silenceMs: number, nowMs: number): Connection[] {
    if (silenceMs === 0) return [];
    return [...this.#connections.values()].filter((one) => one.isSilent(silenceMs, nowMs));
  }
}
