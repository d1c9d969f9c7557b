// Shares the engine's time between keys: one key may lengthen the passes of others by no more than
// its share. A key that takes less saves some of it for a burst, such as a prompt. With one key
// there is nothing to share or save. Pure: times are predictions of the pass-time model.
// Source: deficit round robin (Shreedhar and Varghese 1995), with time in place of bytes and a pass
// in place of a turn.

/** The account of engine time of a tenant. Only `FairShare` changes it. */
export interface TenantCredit {
  /** Above 0, never used twice. */
  readonly ordinal: number;
  /**
   * Milliseconds that it may take beyond its share of a pass, in [-debtMsMax, burstMsMax]. Below 0
   * it stays out of the passes of others until it has earned the rest.
   */
  creditMs: number;
}

/** The terms of a pass that several keys share. */
export interface Fairness {
  /** Keys that write at this time, >= 2. */
  readonly tenantCount: number;
  readonly creditMsOf: (tenant: number) => number;
}

/** Most that a key can save: for a prompt of some hundred tokens at once, not thousands. */
export const burstMsMax = 250;
/** Most that a key can owe: the longest stall that one of its formats can cause, about. */
export const debtMsMax = 10_000;
/** Milliseconds of a format in a pass that are free: usual ones take less. */
const freeFormatMs = 1;
/** A device heard from this recently may be between rounds: its key still writes. */
const presenceMs = 1000;

/**
 * Milliseconds of a pass that one tenant may fill: with it the pass lasts at most n/(n-1) times
 * what it lasts without, where n keys write; and what it has saved.
 *
 * @param othersMs of the pass: its fixed time, and what all others fill of it.
 */
export function allowedMs(
  { tenantCount, creditMsOf }: Fairness,
  tenant: number,
  othersMs: number,
): number {
  return othersMs / (tenantCount - 1) + creditMsOf(tenant);
}

/** Remembers which keys have had work recently, and how much each has saved. */
export class FairShare {
  /** By ordinal. */
  readonly #present = new Map<
    number,
    { readonly tenant: TenantCredit; readonly seenAtMs: number }
  >();

  /**
   * The terms of the next pass.
   *
   * @param tenants of its candidates.
   * @returns null: one key at most writes.
   */
  terms(tenants: Iterable<TenantCredit>, nowMs: number): Fairness | null {
    for (const tenant of tenants) {
      this.#present.set(tenant.ordinal, { tenant, seenAtMs: nowMs });
    }
    for (const [ordinal, { seenAtMs }] of this.#present) {
      if (nowMs - seenAtMs > presenceMs) this.#present.delete(ordinal);
    }
    if (this.#present.size < 2) return null;
    const present = this.#present;
    return {
      tenantCount: present.size,
      creditMsOf: (tenant) => present.get(tenant)!.tenant.creditMs,
    };
  }

  /** A pass begins that one key has alone: it takes all there is, and saves nothing for later. */
  alone(predictedMs: number): void {
    for (const { tenant } of this.#present.values()) {
      tenant.creditMs = paid(tenant.creditMs, predictedMs);
    }
  }

  /**
   * A pass begins: its time is earned by all in equal parts, and paid by those in it.
   *
   * @param spentMs time that each tenant fills; they share the rest, its fixed time, in equal
   *   parts.
   */
  settle(
    { tenantCount }: Fairness,
    predictedMs: number,
    spentMs: ReadonlyMap<number, number>,
  ): void {
    const spent = [...spentMs.values()].reduce((sum, ms) => sum + ms, 0);
    const fixedMs = Math.max(0, predictedMs - spent) / Math.max(1, spentMs.size);
    const earnedMs = predictedMs / tenantCount;
    for (const [ordinal, { tenant }] of this.#present) {
      const ms = spentMs.get(ordinal);
      const paidMs = ms === undefined ? 0 : ms + fixedMs;
      tenant.creditMs = Math.min(burstMsMax, paid(tenant.creditMs + earnedMs, paidMs));
    }
  }

  /**
   * A pass is over, and its sessions have taken time that no prediction knew: for their formats.
   *
   * @param tenants [sessions] of the pass.
   * @param outcomes [sessions]
   * @returns the sum.
   */
  charge(tenants: readonly TenantCredit[], outcomes: readonly { formatMs?: number }[]): number {
    let sumMs = 0;
    for (const [index, tenant] of tenants.entries()) {
      const { formatMs = 0 } = outcomes[index]!;
      sumMs += formatMs;
      const ms = Math.max(0, formatMs - freeFormatMs);
      tenant.creditMs = Math.max(-debtMsMax, tenant.creditMs - ms);
    }
    return sumMs;
  }
}

/** What a pass takes, never below 0; a debt stays. */
const paid = (creditMs: number, ms: number): number =>
  Math.max(Math.min(0, creditMs), creditMs - ms);
