// Drafts for sessions by looking their endings up in their own texts and in recent texts of their
// keys. Texts of different keys never meet.

import { assert } from '../../../base/assert.js';
import { SuffixLookUp } from '../../../engine/suffix/suffix-look-up.js';
import { SuffixPool, suffixPoolDefaults } from '../../../engine/suffix/suffix-pool.js';
import type { Session } from '../session.js';
import type { Tenant } from '../tenants/tenant.js';
import { noServerDrafts, type ServerDrafts } from './draft-line.js';

/** Tokens of a text that are indexed in one turn: a long prompt must not hold up all others. */
const indexedMax = 512;
/** Guesses that end a look-up: the planner asks more of them than this. */
const chanceMin = 0.05;
const guessMax = 32;
/** All keys together may use so many times the memory of one; and so many keys have texts. */
const keyShares = 16;
const keysMax = 256;

export class SuffixDrafter {
  readonly #bytesMax: number;
  /** Sessions whose texts are indexed, the one used last at the end. */
  readonly #lookUps = new Map<Session, SuffixLookUp>();
  readonly #lookUpsMax: number;
  /** Texts of each key, those used last at the end. */
  readonly #pools = new Map<Tenant, SuffixPool>();
  #bytes = 0;

  /** @param bytesMax of the texts of a key. @param sessionsMax sessions whose texts are indexed. */
  constructor(bytesMax: number, sessionsMax: number) {
    this.#bytesMax = bytesMax;
    this.#lookUpsMax = sessionsMax;
  }

  /** Sessions whose texts are indexed. */
  get count(): number {
    return this.#lookUps.size;
  }

  /** Memory of the texts of all keys, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Drafts behind a session's drafts in line.
   *
   * @param line [n] drafts in line.
   * @param countMax >= 0.
   */
  draft(session: Session, line: Int32Array, countMax: number): ServerDrafts {
    const pool = this.#poolOf(session.terms.tenant);
    const before = pool.bytes;
    const drafts = this.#draft(session, this.#lookUpOf(session, pool), line, countMax);
    this.#bytes += pool.bytes - before;
    this.#keepWithin(pool);
    return drafts;
  }

  #draft(
    { words }: Session,
    lookUp: SuffixLookUp,
    line: Int32Array,
    countMax: number,
  ): ServerDrafts {
    const { length } = words;
    lookUp.append(words.slice(lookUp.length, Math.min(length, lookUp.length + indexedMax)));
    if (lookUp.length < length || countMax <= 0) return noServerDrafts;
    const limits = { countMax: Math.min(countMax, guessMax), chanceMin };
    const ending = line.length === 0 ? undefined : { from: length, tokens: line };
    const { tokens, chances } = lookUp.guess(limits, ending);
    if (tokens.length === 0) return noServerDrafts;
    return {
      tokens: Int32Array.from(tokens),
      chances,
      sources: tokens.map(() => 'suffix' as const),
      confidences: tokens.map(() => null),
    };
  }

  #lookUpOf(session: Session, pool: SuffixPool): SuffixLookUp {
    const promptLength = session.terms.promptLength - session.words.absentCount;
    const lookUp = this.#lookUps.get(session) ?? new SuffixLookUp({ promptLength, pool });
    this.#lookUps.delete(session);
    this.#lookUps.set(session, lookUp);
    if (this.#lookUps.size > this.#lookUpsMax) this.forget(this.#lookUps.keys().next().value!);
    return lookUp;
  }

  #poolOf(tenant: Tenant): SuffixPool {
    const pool =
      this.#pools.get(tenant) ??
      new SuffixPool({ ...suffixPoolDefaults, bytesMax: this.#bytesMax });
    this.#pools.delete(tenant);
    this.#pools.set(tenant, pool);
    return pool;
  }

  /** Forgets the texts of keys that were used least recently, while all are too many. */
  #keepWithin(used: SuffixPool): void {
    const bytesMax = keyShares * this.#bytesMax;
    while (this.#bytes > bytesMax || this.#pools.size > keysMax) {
      const [tenant, pool] = this.#pools.entries().next().value!;
      assert(pool !== used, 'the texts of one key are more than those of all may be');
      this.forgetTexts(tenant);
    }
  }

  /** Forgets the texts of a key. */
  forgetTexts(tenant: Tenant): void {
    this.#bytes -= this.#pools.get(tenant)?.bytes ?? 0;
    this.#pools.delete(tenant);
    for (const session of [...this.#lookUps.keys()]) {
      if (session.terms.tenant === tenant) this.forget(session);
    }
  }

  /** The session is over, or has done without drafts for long. Its text stays with its key. */
  forget(session: Session): void {
    this.#lookUps.get(session)?.close(true);
    this.#lookUps.delete(session);
  }
}
