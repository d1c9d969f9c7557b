// Keeps the account of a tenant, which is the holder of a key: its limits, its use, and how its
// drafts have done. All connections and sessions that show the key share it; where no key is asked
// for, all share one.

import type { KeyGrant, KeyLimits } from '../../../base/key-grant.js';
import type { WireCode } from '../../../protocol/code.js';
import { DraftTrust } from './draft-trust.js';
import { burstMsMax, type TenantCredit } from './fair-share.js';
import { RateLimit } from './rate-limit.js';

/** Why a key is refused now. */
export interface QuotaRefusal {
  readonly code: WireCode;
  readonly message: string;
  readonly retryAfterMs: number;
}

export class Tenant {
  readonly ordinal: number;
  /** Tenants with the same one find each other's prompts in caches. */
  readonly cacheScope: number;
  /** Id of the key; null: none is asked for. */
  readonly id: string | null;
  readonly credit: TenantCredit;
  /** Trust in all its sessions, where new ones begin. */
  readonly trust = new DraftTrust();
  /** Sessions are those that the server keeps, over or not, with a device or without. */
  readonly #counts = {
    connectionCount: 0,
    sessionCount: 0,
    judgedCount: 0,
    committedCount: 0,
    refusalCount: 0,
  };
  /** Since when it has neither session nor connection; null: it has. */
  #idleSinceMs: number | null = null;
  #limits: KeyLimits;
  readonly #tokens: RateLimit;
  readonly #bytes: RateLimit;

  constructor(
    ordinal: number,
    id: string | null,
    limits: KeyLimits,
    nowMs: number,
    cacheScope = ordinal,
  ) {
    this.ordinal = ordinal;
    this.cacheScope = cacheScope;
    this.id = id;
    this.credit = { ordinal, creditMs: burstMsMax };
    this.#limits = limits;
    this.#tokens = new RateLimit(limits.tokensPerMinute, nowMs);
    this.#bytes = new RateLimit(limits.bytesPerMinute, nowMs);
  }

  get limits(): KeyLimits {
    return this.#limits;
  }

  get counts() {
    return { ...this.#counts };
  }

  countConnection(change: 1 | -1): void {
    this.#counts.connectionCount += change;
  }

  countSession(change: 1 | -1): void {
    this.#counts.sessionCount += change;
  }

  countCommitted(count: number): void {
    this.#counts.committedCount += count;
  }

  countRefusal(): void {
    this.#counts.refusalCount++;
  }

  /** The key's limits may be edited while it is in use. */
  change(limits: KeyLimits, nowMs: number): void {
    this.#limits = limits;
    this.#tokens.change(limits.tokensPerMinute, nowMs);
    this.#bytes.change(limits.bytesPerMinute, nowMs);
  }

  /** Tokens that the target has judged or written for it. */
  countJudged(count: number, nowMs: number): void {
    this.#counts.judgedCount += count;
    this.#tokens.spend(count, nowMs);
  }

  /** Bytes on the wire, either way. */
  countBytes(bytes: number, nowMs: number): void {
    this.#bytes.spend(bytes, nowMs);
  }

  /**
   * Why a session may not begin, or null.
   *
   * @param retryAfterMs advice where a session has to end first.
   */
  refusal(nowMs: number, retryAfterMs: number): QuotaRefusal | null {
    const { sessions } = this.#limits;
    if (sessions !== null && this.#counts.sessionCount >= sessions) {
      return refusal(`${sessions} sessions of this key are not closed`, retryAfterMs);
    }
    return this.exhaustion(nowMs);
  }

  /** Why another connection may not begin, or null. */
  connectionRefusal(nowMs: number, retryAfterMs: number): QuotaRefusal | null {
    const { connections } = this.#limits;
    if (connections !== null && this.#counts.connectionCount >= connections) {
      return refusal(`${connections} connections of this key are open`, retryAfterMs);
    }
    return this.overdraft(nowMs);
  }

  /**
   * Why its connections end, or null: its bytes were used up, and it went on. What ends a session
   * is still taken of a key that has just used them up.
   */
  overdraft(nowMs: number): QuotaRefusal | null {
    return this.#bytes.debtShare(nowMs) > overdraftShareMax ? this.exhaustion(nowMs) : null;
  }

  /** For how long it has been seen without sessions and connections; 0: it has some. */
  idleMs(nowMs: number): number {
    const { sessionCount, connectionCount } = this.#counts;
    if (sessionCount > 0 || connectionCount > 0) this.#idleSinceMs = null;
    else this.#idleSinceMs ??= nowMs;
    return nowMs - (this.#idleSinceMs ?? nowMs);
  }

  /** Why a session may not go on, or null. */
  exhaustion(nowMs: number): QuotaRefusal | null {
    const tokensMs = this.#tokens.waitMs(nowMs);
    if (tokensMs > 0) {
      return refusal(`the key has used its ${this.#tokens.perMinute} tokens a minute`, tokensMs);
    }
    const bytesMs = this.#bytes.waitMs(nowMs);
    return bytesMs === 0
      ? null
      : refusal(`the key has used its ${this.#bytes.perMinute} bytes a minute`, bytesMs);
  }
}

/** Of a minute's bytes. */
const overdraftShareMax = 0.1;

const refusal = (message: string, retryAfterMs: number): QuotaRefusal => ({
  code: 'quota-exceeded',
  message,
  retryAfterMs,
});

/** An unused account is kept so long: leaving and coming back pays no debt. */
const keptMs = 600_000;

/** Tenants whose keys were used lately: at most the valid keys of ten minutes. */
export class Tenants {
  readonly #defaults: KeyLimits;
  readonly #sharesCaches: boolean;
  readonly #byId = new Map<string | null, Tenant>();
  #nextOrdinal = 1;

  /**
   * @param defaults for what a grant leaves open.
   * @param sharesCaches whether all keys find each other's prompts in caches.
   */
  constructor(defaults: KeyLimits, sharesCaches = false) {
    this.#defaults = defaults;
    this.#sharesCaches = sharesCaches;
  }

  get count(): number {
    return this.#byId.size;
  }

  values(): IterableIterator<Tenant> {
    return this.#byId.values();
  }

  /**
   * The tenant of a key, with the limits that the key has now.
   *
   * @param grant null: no key is asked for.
   */
  of(grant: KeyGrant | null, nowMs: number): Tenant {
    const id = grant?.id ?? null;
    const limits = this.#limitsOf(grant);
    const known = this.#byId.get(id);
    if (known) {
      known.change(limits, nowMs);
      return known;
    }
    const ordinal = this.#nextOrdinal++;
    const scope = this.#sharesCaches ? 0 : ordinal;
    const tenant = new Tenant(ordinal, id, limits, nowMs, scope);
    this.#byId.set(id, tenant);
    return tenant;
  }

  /**
   * Forgets accounts that have not been used for long.
   *
   * @returns them: nothing that is kept for one is of use any more.
   */
  sweep(nowMs: number): Tenant[] {
    const idle = [...this.#byId.values()].filter((tenant) => tenant.idleMs(nowMs) > keptMs);
    for (const { id } of idle) this.#byId.delete(id);
    return idle;
  }

  #limitsOf(grant: KeyGrant | null): KeyLimits {
    if (grant === null) return this.#defaults;
    const { limits } = grant;
    return {
      connections: limits.connections ?? this.#defaults.connections,
      sessions: limits.sessions ?? this.#defaults.sessions,
      rounds: limits.rounds ?? this.#defaults.rounds,
      tokensPerMinute: limits.tokensPerMinute ?? this.#defaults.tokensPerMinute,
      promptTokens: limits.promptTokens ?? this.#defaults.promptTokens,
      bytesPerMinute: limits.bytesPerMinute ?? this.#defaults.bytesPerMinute,
    };
  }
}
