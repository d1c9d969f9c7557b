// Keeps a key file for a trial in a folder of its own: keys are made, replaced and taken away while
// a server reads it.

import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keyFileText, makeKey, type StoredKey } from '../../src/access/index.js';
import { unlimited } from '../../src/base/key-grant.js';

export class TrialKeys {
  /** Removed with the keys. */
  readonly folder = mkdtempSync(join(tmpdir(), 'pilotfish-trial-'));
  readonly path = join(this.folder, 'keys.json');
  readonly #stored: StoredKey[] = [];
  readonly #tokens: string[] = [];

  constructor(count: number) {
    for (let index = 0; index < count; index++) this.#make(index);
    this.#write();
  }

  /** The newest key of this number. */
  tokenOf(index: number): string {
    return this.#tokens[index]!;
  }

  /** Puts a new key in the place of one, which is none any more once the server has looked. */
  replace(index: number): void {
    this.#make(index);
    this.#write();
  }

  #make(index: number): void {
    const facts = { name: `trial ${index}`, createdS: 0, expiresS: null, limits: unlimited };
    const { token, stored } = makeKey(facts);
    this.#tokens[index] = token;
    this.#stored[index] = stored;
  }

  /** In one step, as `pilotfish keys` does: a server never reads half a file. */
  #write(): void {
    const next = `${this.path}.next`;
    writeFileSync(next, keyFileText(this.#stored), { mode: 0o600 });
    renameSync(next, this.path);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}
