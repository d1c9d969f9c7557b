// Takes a snapshot of the server core in numbers.

import { type Mode, modes } from '../../protocol/frame.js';
import type { Connections } from './connections.js';
import type { CoreParts } from './core-parts.js';
import type { CoreStats, TenantStats } from './core-stats.js';
import type { SessionTable } from './session-table.js';
import type { Tenant, Tenants } from './tenants/tenant.js';

/** The statistics of a core at this moment; owned by the caller, and never changed later. */
export function statsOf(parts: CoreParts): CoreStats {
  const { settings, tenants, connections, table, slots, scheduler, counters } = parts;
  return {
    connectionCount: connections.count,
    ...sessionCounts(table),
    slotCount: settings.model.slotCount,
    slotsOwned: slots.ownedCount,
    queueLength: scheduler.queueLength,
    waitingForSlot: scheduler.waitingForSlot,
    images: {
      count: slots.images.count,
      waitingCount: slots.images.waitingCount,
      bytes: slots.images.byteCount,
    },
    evictionCount: slots.evictionCount,
    restoreCount: slots.restoreCount,
    sharedTokenCount: slots.sharedTokenCount,
    lostCacheCount: slots.lostCacheCount,
    accountCount: tenants.count,
    accounts: busiest(tenants),
    cover: { ...settings.shaping, connectionCount: coveredCount(connections) },
    ...counters.snapshot,
    passCost: scheduler.passTime.cost,
    passTimeError: scheduler.passTime.error,
  };
}

function coveredCount(connections: Connections): number {
  let count = 0;
  for (const { shaping } of connections.values()) {
    if (shaping.padBytes > 0 || shaping.aggregateMs > 0) count++;
  }
  return count;
}

function sessionCounts(table: SessionTable) {
  const sessionsByMode = Object.fromEntries(modes.map((mode) => [mode, 0])) as {
    [mode in Mode]: number;
  };
  let detachedCount = 0;
  let cutCount = 0;
  let offCount = 0;
  const advice: number[] = [];
  for (const { end, terms, isAttached, history } of table.values()) {
    const { trust, advice: length } = history;
    if (!isAttached) detachedCount++;
    if (end !== null) continue;
    sessionsByMode[terms.mode]++;
    if (length !== null) advice.push(length);
    if (trust === 'cut') cutCount++;
    if (trust === 'off') offCount++;
  }
  const distrusted = { cutCount, offCount };
  const advised = {
    sessionCount: advice.length,
    meanLength: advice.reduce((sum, length) => sum + length, 0) / Math.max(1, advice.length),
    noneCount: advice.filter((length) => length === 0).length,
  };
  return { sessionCount: table.size, detachedCount, sessionsByMode, distrusted, advised };
}

/** Most tenants in a snapshot. */
const announcedMax = 16;

/** The tenants with most judged tokens. */
function busiest(tenants: Tenants): TenantStats[] {
  return [...tenants.values()]
    .sort((a, b) => b.counts.judgedCount - a.counts.judgedCount || a.ordinal - b.ordinal)
    .slice(0, announcedMax)
    .map(tenantStats);
}

function tenantStats({ id, counts, trust, credit }: Tenant): TenantStats {
  const { rate, level } = trust;
  return { id, ...counts, acceptanceRate: rate, draftTrust: level, creditMs: credit.creditMs };
}
