// Drafts for sessions by looking their endings up in their own texts and in recent texts of their
// keys. Texts of different keys never meet.

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

export class SuffixDrafter {
  readonly #bytesMax: number;
  /** Sessions whose texts are indexed, the one used last at the end. */
  readonly #lookUps = new Map<Session, SuffixLookUp>();
  readonly #lookUpsMax: number;
  readonly #pools = new WeakMap<Tenant, SuffixPool>();

  /** @param bytesMax of the texts of a key. @param sessionsMax sessions whose texts are indexed. */
  constructor(bytesMax: number, sessionsMax: number) {
    this.#bytesMax = bytesMax;
    this.#lookUpsMax = sessionsMax;
  }

  /** Sessions whose texts are indexed. */
  get count(): number {
    return this.#lookUps.size;
  }

  /**
   * Drafts behind a session's drafts in line.
   *
   * @param line [n] drafts in line.
   * @param countMax >= 0.
   */
  draft(session: Session, line: Int32Array, countMax: number): ServerDrafts {
    const lookUp = this.#lookUpOf(session);
    const { log } = session;
    lookUp.append(log.slice(lookUp.length, Math.min(log.length, lookUp.length + indexedMax)));
    if (lookUp.length < log.length || countMax <= 0) return noServerDrafts;
    const limits = { countMax: Math.min(countMax, guessMax), chanceMin };
    const ending = line.length === 0 ? undefined : { from: log.length, tokens: line };
    const { tokens, chances } = lookUp.guess(limits, ending);
    if (tokens.length === 0) return noServerDrafts;
    return {
      ...{ tokens: Int32Array.from(tokens), chances },
      sources: tokens.map(() => 'suffix' as const),
      confidences: tokens.map(() => null),
    };
  }

  #lookUpOf(session: Session): SuffixLookUp {
    const { tenant, promptLength } = session.terms;
    const lookUp =
      this.#lookUps.get(session) ?? new SuffixLookUp({ promptLength, pool: this.#poolOf(tenant) });
    this.#lookUps.delete(session);
    this.#lookUps.set(session, lookUp);
    if (this.#lookUps.size > this.#lookUpsMax) this.forget(this.#lookUps.keys().next().value!);
    return lookUp;
  }

  #poolOf(tenant: Tenant): SuffixPool {
    const pool =
      this.#pools.get(tenant) ??
      new SuffixPool({ ...suffixPoolDefaults, bytesMax: this.#bytesMax });
    this.#pools.set(tenant, pool);
    return pool;
  }

  /** The session is over, or has done without drafts for long. Its text stays with its key. */
  forget(session: Session): void {
    this.#lookUps.get(session)?.close(true);
    this.#lookUps.delete(session);
  }
}
