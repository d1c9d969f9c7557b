// All sessions of the server: by key, by resume key, and by the id a connection knows them under. Ended and detached
// ones stay until they are closed or expire. Counts are bounded by the settings.

import { assert } from '../../base/assert.js';
import type { ConnectionId } from './event.js';
import type { Account } from './keys/account.js';
import type { Listener, Session } from './session.js';

interface Desk {
  /** Of the connection's key. */
  readonly account: Account;
  /** Highest id that the connection has used, or -1. */
  lastId: number;
  readonly sessions: Map<number, Session>;
  /** Failed ids that the device has not closed: frames under way to them are late. Counted like sessions. */
  readonly failed: Set<number>;
}

export class SessionTable {
  readonly #byKey = new Map<number, Session>();
  readonly #byResumeKey = new Map<string, Session>();
  readonly #desks = new Map<ConnectionId, Desk>();

  get size(): number {
    return this.#byKey.size;
  }

  values(): IterableIterator<Session> {
    return this.#byKey.values();
  }

  get(key: number): Session | undefined {
    return this.#byKey.get(key);
  }

  byResumeKey(resumeKey: string): Session | undefined {
    return this.#byResumeKey.get(resumeKey);
  }

  openDesk(connection: ConnectionId, account: Account): void {
    assert(!this.#desks.has(connection), `connection ${connection} twice`);
    this.#desks.set(connection, { account, lastId: -1, sessions: new Map(), failed: new Set() });
  }

  /** Of the key of a connection. */
  accountOf(connection: ConnectionId): Account {
    return this.#deskOf(connection).account;
  }

  /** Forgets the ids of a connection. @returns the sessions it had. */
  closeDesk(connection: ConnectionId): Session[] {
    const sessions = [...(this.#desks.get(connection)?.sessions.values() ?? [])];
    this.#desks.delete(connection);
    return sessions;
  }

  sessionsOf(connection: ConnectionId): readonly Session[] {
    return [...this.#deskOf(connection).sessions.values()];
  }

  /** Whether a connection may use an id for a new session. */
  isFresh({ connection, session }: Listener): boolean {
    return session > this.#deskOf(connection).lastId;
  }

  /** Ids of a connection that are not closed. */
  countOf(connection: ConnectionId): number {
    const { sessions, failed } = this.#deskOf(connection);
    return sessions.size + failed.size;
  }

  /** Marks an id as used, whatever becomes of it. */
  use({ connection, session }: Listener): void {
    const desk = this.#deskOf(connection);
    desk.lastId = Math.max(desk.lastId, session);
  }

  /** The session of an id, 'failed' or 'closed' where it is over, 'unused' where it never was. */
  find({ connection, session }: Listener): Session | 'failed' | 'closed' | 'unused' {
    const desk = this.#deskOf(connection);
    const found = desk.sessions.get(session);
    if (found) return found;
    if (desk.failed.has(session)) return 'failed';
    return session <= desk.lastId ? 'closed' : 'unused';
  }

  add(session: Session): void {
    this.#byKey.set(session.key, session);
    this.#byResumeKey.set(session.resumeKey, session);
    session.terms.account.sessionCount++;
    this.attach(session);
  }

  /** Puts a session at its listener's desk. */
  attach(session: Session): void {
    const { connection, session: id } = session.listener!;
    this.#deskOf(connection).sessions.set(id, session);
  }

  /** Takes a session from its listener's desk; the id counts as failed there until it is closed. */
  detach(session: Session, isFailed: boolean): void {
    if (!session.listener) return;
    const { connection, session: id } = session.listener;
    const desk = this.#desks.get(connection);
    desk?.sessions.delete(id);
    if (isFailed) desk?.failed.add(id);
    session.listener = null;
  }

  /** Marks an id that never became a session as failed. */
  fail({ connection, session }: Listener): void {
    this.#deskOf(connection).failed.add(session);
  }

  /** The device has closed a failed id. */
  clear({ connection, session }: Listener): void {
    this.#deskOf(connection).failed.delete(session);
  }

  /** Forgets a session altogether. */
  remove(session: Session): void {
    if (this.#byKey.delete(session.key)) session.terms.account.sessionCount--;
    this.#byResumeKey.delete(session.resumeKey);
  }

  /** @throws InvariantError where the indexes disagree. */
  checkIntegrity(): void {
    assert(
      this.#byKey.size === this.#byResumeKey.size,
      'resume keys and sessions differ in number',
    );
    let attached = 0;
    for (const [connection, { sessions, failed }] of this.#desks) {
      for (const [id, session] of sessions) {
        assert(this.#byKey.get(session.key) === session, `session ${session.key} is not listed`);
        assert(
          session.listener?.connection === connection && session.listener.session === id,
          `session ${session.key} has another listener`,
        );
        assert(!failed.has(id), `session ${id} both lives and has failed`);
        attached++;
      }
    }
    const listening = [...this.#byKey.values()].filter(({ listener }) => listener !== null);
    assert(listening.length === attached, `${listening.length} listeners, ${attached} attached`);
  }

  /** Entries of all indexes, for leak checks. */
  get retainedCount(): number {
    return this.#byKey.size + this.#byResumeKey.size + this.#desks.size;
  }

  #deskOf(connection: ConnectionId): Desk {
    const desk = this.#desks.get(connection);
    assert(desk !== undefined, `connection ${connection} has no desk`);
    return desk;
  }
}
