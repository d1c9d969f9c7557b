// Keeps keys in memory for tests: made, granted and revoked like those of a file.

import type { KeyGrant, Right } from '../base/key-grant.js';
import { unlimited } from '../base/key-grant.js';
import { Access } from './access.js';
import { idOfToken, isTokenOf, makeKey, type StoredKey } from './device-key.js';
import type { KeyRing, OnRevoked } from './key-ring.js';

export class TestRing implements KeyRing {
  readonly #keys = new Map<string, StoredKey>();
  readonly #listeners = new Set<OnRevoked>();

  get listenerCount(): number {
    return this.#listeners.size;
  }

  /** @returns its token and its grant. */
  add(
    name: string,
    may: readonly Right[] = [],
  ): { readonly token: string; readonly grant: KeyGrant } {
    const facts = { name, createdS: 0, expiresS: null, limits: unlimited, may };
    const { token, stored } = makeKey(facts);
    this.#keys.set(stored.id, stored);
    return { token, grant: { id: stored.id, limits: unlimited, may } };
  }

  revoke(id: string): void {
    this.#keys.delete(id);
    for (const listener of this.#listeners) listener(new Set([id]));
  }

  grantOf(token: string): KeyGrant | null {
    const stored = this.#keys.get(idOfToken(token) ?? '');
    if (!isTokenOf(stored, token)) return null;
    const { id, limits, may = [] } = stored!;
    return { id, limits, may };
  }

  onRevoked(listener: OnRevoked): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** Rules with one key. */
export function keyed(origins: readonly string[] = []) {
  const keys = new TestRing();
  const key = keys.add('test', ['stats']);
  return { ...key, keys, access: new Access({ keys, origins }) };
}
