// Holds the keys of a file while a server runs: finds the key of a token, and tells which keys were
// revoked. Reads the file again when it changes; a file that has become unusable changes nothing
// and is reported.

import type { KeyGrant } from '../base/key-grant.js';
import { idOfToken, isTokenOf, type StoredKey } from './device-key.js';
import { watchFiles } from './file-watch.js';
import { readKeyFile } from './key-file.js';

/** Hears of ids whose keys were revoked or have expired. */
export type OnRevoked = (ids: ReadonlySet<string>) => void;

/** The keys of a server: those of a file (FileKeyRing), or of a store of your own. */
export interface KeyRing {
  /**
   * The grant of a token; null: it belongs to no valid key. Takes as long for a wrong token as for
   * a right one.
   */
  grantOf(token: string): KeyGrant | null;
  /** @returns what ends the listening. */
  onRevoked(listener: OnRevoked): () => void;
}

/** How the file of a FileKeyRing is watched. */
export interface FileKeyRingOptions {
  /** Hears what an operator should know, one line each. */
  readonly note: (line: string) => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** Between two looks at the file and the clock. */
  readonly everyMs?: number;
}

/**
 * The keys of a file that `pilotfish keys` writes. It is read again when it changes; a file that
 * has become unusable changes nothing, and `note` hears of it.
 *
 * @example
 * ```ts
 * import { writeFileSync } from 'node:fs';
 * import { Access, FileKeyRing } from 'pilotfish/server';
 *
 * writeFileSync('keys.json', '{ "version": 1, "keys": [] }', { mode: 0o600 });
 * const keys = new FileKeyRing('keys.json', { note: console.error });
 * const access = new Access({ keys, origins: ['https://example.org'] });
 * keys.grantOf('not a key'); // = null
 * keys.close();
 * ```
 */
export class FileKeyRing implements KeyRing {
  readonly #path: string;
  readonly #note: (line: string) => void;
  readonly #now: () => number;
  readonly #listeners = new Set<OnRevoked>();
  readonly #endWatch: () => void;
  #keys: ReadonlyMap<string, StoredKey>;
  /** Ids that were valid at the last look. */
  #validIds: ReadonlySet<string>;

  /** @throws PilotfishError `usage` as readKeyFile. */
  constructor(path: string, { note, now = Date.now, everyMs }: FileKeyRingOptions) {
    this.#path = path;
    this.#note = note;
    this.#now = now;
    this.#keys = byId(readKeyFile(path));
    this.#validIds = this.#valid();
    this.#endWatch = watchFiles([path], () => this.reload(), {
      onLook: () => this.#notifyRevoked(),
      ...(everyMs !== undefined && { everyMs }),
    });
  }

  /** Keys that are valid now. */
  get count(): number {
    return this.#valid().size;
  }

  grantOf(token: string): KeyGrant | null {
    const id = idOfToken(token);
    const stored = id === null ? undefined : this.#keys.get(id);
    if (!isTokenOf(stored, token) || !this.#isValid(stored!)) return null;
    const { limits, may = [] } = stored!;
    return { id: stored!.id, limits, may };
  }

  onRevoked(listener: OnRevoked): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reads the file now. A file that cannot be used leaves the keys as they are. */
  reload(): void {
    try {
      this.#keys = byId(readKeyFile(this.#path));
    } catch (reason) {
      this.#note(`${(reason as Error).message}; the keys stay as they were`);
      return;
    }
    this.#notifyRevoked();
    this.#note(`read ${this.#path} again; keys that are valid now: ${this.count}`);
  }

  /** Watches the file no more. */
  close(): void {
    this.#endWatch();
    this.#listeners.clear();
  }

  #isValid({ expiresS }: StoredKey): boolean {
    return expiresS === null || this.#now() < expiresS * 1000;
  }

  #valid(): Set<string> {
    const valid = [...this.#keys.values()].filter((key) => this.#isValid(key));
    return new Set(valid.map(({ id }) => id));
  }

  #notifyRevoked(): void {
    const valid = this.#valid();
    const revoked = new Set([...this.#validIds].filter((id) => !valid.has(id)));
    this.#validIds = valid;
    if (revoked.size === 0) return;
    for (const listener of [...this.#listeners]) listener(revoked);
  }
}

const byId = (keys: readonly StoredKey[]): ReadonlyMap<string, StoredKey> =>
  new Map(keys.map((key) => [key.id, key]));
