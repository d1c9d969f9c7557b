// Remembers between answers how drafts have done: short answers would end before they had learnt
// it. What belongs to a device and its link is kept for its connection, and how the server's drafts
// stand for the key. Nothing is shared between keys.

import type { ConnectionId } from '../event.js';
import type { SourceAcceptance } from '../passes/speculation/index.js';
import type { Session } from '../session.js';
import type { Tenant } from '../tenants/tenant.js';
import { SessionDrafting } from './session-drafting.js';

export class DraftingMemory {
  readonly #byConnection = new Map<ConnectionId, SessionDrafting>();
  readonly #models = new WeakMap<Tenant, SourceAcceptance>();

  /** @param stepMs predicted, of a pass of a step. */
  begin({ address, terms: { windowMax, tenant } }: Session, stepMs: number): SessionDrafting {
    const past = address && this.#byConnection.get(address.connection);
    return new SessionDrafting(windowMax, stepMs, past ?? null, this.#models.get(tenant) ?? null);
  }

  /** What an answer has shown, while it goes on or once it is over. */
  keep({ address, terms: { tenant } }: Session, known: SessionDrafting): void {
    if (address !== null) this.#byConnection.set(address.connection, known);
    this.#models.set(tenant, known.model);
  }

  /** A connection is over. */
  forget(connection: ConnectionId): void {
    this.#byConnection.delete(connection);
  }

  /** Connections of which something is known, for leak checks. */
  get count(): number {
    return this.#byConnection.size;
  }
}
