// Keeps all sessions of the server: by key, by resume key, and by the id that a connection knows
// them under. Ended and detached ones stay until they are closed or expire. The settings bound
// their number.

import { assert } from '../../base/assert.js';
import type { ConnectionId } from './event.js';
import type { Session } from './session.js';
import type { SessionAddress } from './session-status.js';
import type { Tenant } from './tenants/tenant.js';

interface ConnectionSessions {
  /** The owner of the connection's key. */
  readonly tenant: Tenant;
  /** Highest id that the connection has used, or -1. */
  lastId: number;
  /** Used ids whose Open has not come yet. */
  readonly reserved: Set<number>;
  readonly sessions: Map<number, Session>;
  /** Failed ids that the device has not closed: late frames may come. Counted as sessions. */
  readonly failed: Set<number>;
}

export class SessionTable {
  readonly #byKey = new Map<number, Session>();
  readonly #byResumeKey = new Map<string, Session>();
  readonly #connections = new Map<ConnectionId, ConnectionSessions>();

  get size(): number {
    return this.#byKey.size;
  }

  values(): IterableIterator<Session> {
    return this.#byKey.values();
  }

  byResumeKey(resumeKey: string): Session | undefined {
    return this.#byResumeKey.get(resumeKey);
  }

  addConnection(connection: ConnectionId, tenant: Tenant): void {
    assert(!this.#connections.has(connection), `connection ${connection} twice`);
    this.#connections.set(connection, {
      tenant,
      lastId: -1,
      reserved: new Set(),
      sessions: new Map(),
      failed: new Set(),
    });
  }

  /** The owner of a connection's key. */
  tenantOf(connection: ConnectionId): Tenant {
    return this.#connectionOf(connection).tenant;
  }

  /** Forgets the ids of a connection. @returns the sessions it had. */
  removeConnection(connection: ConnectionId): Session[] {
    const sessions = [...(this.#connections.get(connection)?.sessions.values() ?? [])];
    this.#connections.delete(connection);
    return sessions;
  }

  sessionsOf(connection: ConnectionId): readonly Session[] {
    return [...this.#connectionOf(connection).sessions.values()];
  }

  /** Whether a connection may use an id for a new session. */
  isFresh({ connection, session }: SessionAddress): boolean {
    const { lastId, reserved } = this.#connectionOf(connection);
    return session > lastId || reserved.has(session);
  }

  /** Keeps a fresh id for an Open that comes later; any other stays as it is. */
  reserve(address: SessionAddress): void {
    if (!this.isFresh(address)) return;
    const sessions = this.#connectionOf(address.connection);
    sessions.lastId = Math.max(sessions.lastId, address.session);
    sessions.reserved.add(address.session);
  }

  /** Ids of a connection that are not closed. */
  countOf(connection: ConnectionId): number {
    const { sessions, failed } = this.#connectionOf(connection);
    return sessions.size + failed.size;
  }

  /** Marks an id as used. It never becomes fresh again. */
  use({ connection, session }: SessionAddress): void {
    const sessions = this.#connectionOf(connection);
    sessions.lastId = Math.max(sessions.lastId, session);
    sessions.reserved.delete(session);
  }

  /** The session of an id, 'failed' or 'closed' where it is over, 'unused' where it never was. */
  find({ connection, session }: SessionAddress): Session | 'failed' | 'closed' | 'unused' {
    const sessions = this.#connectionOf(connection);
    const found = sessions.sessions.get(session);
    if (found) return found;
    if (sessions.failed.has(session)) return 'failed';
    const wasUsed = session <= sessions.lastId && !sessions.reserved.has(session);
    return wasUsed ? 'closed' : 'unused';
  }

  add(session: Session): void {
    this.#byKey.set(session.key, session);
    this.#byResumeKey.set(session.resumeKey, session);
    session.terms.tenant.countSession(1);
    this.attach(session, session.address!);
  }

  /** Lists a session under an id of a connection. */
  attach(session: Session, { connection, session: id }: SessionAddress): void {
    this.#connectionOf(connection).sessions.set(id, session);
  }

  /**
   * Takes the session of an id off its connection.
   *
   * @param isFailed whether the id counts as failed until it is closed.
   */
  detach({ connection, session: id }: SessionAddress, isFailed: boolean): void {
    const sessions = this.#connections.get(connection);
    sessions?.sessions.delete(id);
    if (isFailed) sessions?.failed.add(id);
  }

  /** Marks an id that never became a session as failed. */
  fail({ connection, session }: SessionAddress): void {
    this.#connectionOf(connection).failed.add(session);
  }

  /** The device has closed a failed id. */
  clear({ connection, session }: SessionAddress): void {
    this.#connectionOf(connection).failed.delete(session);
  }

  /** Forgets a session altogether. @returns whether it was known. */
  remove(session: Session): boolean {
    const isKnown = this.#byKey.delete(session.key);
    if (isKnown) session.terms.tenant.countSession(-1);
    this.#byResumeKey.delete(session.resumeKey);
    return isKnown;
  }

  /** @throws InvariantError where the indexes disagree. */
  checkIntegrity(): void {
    assert(
      this.#byKey.size === this.#byResumeKey.size,
      'resume keys and sessions differ in number',
    );
    let attached = 0;
    for (const [connection, { sessions, failed }] of this.#connections) {
      for (const [id, session] of sessions) {
        assert(this.#byKey.get(session.key) === session, `session ${session.key} is not listed`);
        assert(
          session.address?.connection === connection && session.address.session === id,
          `session ${session.key} has another listener`,
        );
        assert(!failed.has(id), `session ${id} both lives and has failed`);
        attached++;
      }
    }
    const listening = [...this.#byKey.values()].filter(({ address }) => address !== null);
    assert(listening.length === attached, `${listening.length} listeners, ${attached} attached`);
  }

  /** Entries of all indexes, for leak checks. */
  get retainedCount(): number {
    return this.#byKey.size + this.#byResumeKey.size + this.#connections.size;
  }

  #connectionOf(connection: ConnectionId): ConnectionSessions {
    const sessions = this.#connections.get(connection);
    assert(sessions !== undefined, `connection ${connection} has no desk`);
    return sessions;
  }
}
