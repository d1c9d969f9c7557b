// The state of the server core in numbers.

import { type Mode, modes } from '../../protocol/frame.js';
import type { Connections } from './connections.js';
import type { AccountStats, CoreStats, Counters } from './core-stats.js';
import type { Account, Accounts } from './keys/account.js';
import type { Scheduler } from './passes/scheduler.js';
import type { SlotTable } from './passes/slots.js';
import type { SessionTable } from './session-table.js';
import type { CoreSettings } from './settings.js';

export interface SnapshotParts {
  readonly settings: CoreSettings;
  readonly accounts: Accounts;
  readonly connections: Connections;
  readonly table: SessionTable;
  readonly slots: SlotTable;
  readonly scheduler: Scheduler;
  readonly counters: Counters;
}

/** All that is told of a core at this moment; owned by the caller, changed by nobody after. */
export function statsOf(parts: SnapshotParts): CoreStats {
  const { settings, accounts, connections, table, slots, scheduler, counters } = parts;
  return {
    connectionCount: connections.count,
    ...sessionCounts(table),
    slotCount: settings.model.slotCount,
    slotsOwned: slots.ownedCount,
    queueLength: scheduler.queueLength,
    waitingForSlot: scheduler.waitingForSlot,
    images: { count: slots.imageCount, bytes: slots.imageBytes },
    evictionCount: slots.evictionCount,
    restoreCount: slots.restoreCount,
    sharedTokenCount: slots.sharedTokenCount,
    accountCount: accounts.count,
    accounts: busiest(accounts),
    cover: { ...settings.cover, connectionCount: coveredCount(connections) },
    ...counters.snapshot,
    passCost: scheduler.passTime.cost,
    passTimeError: scheduler.passTime.error,
  };
}

function coveredCount(connections: Connections): number {
  let count = 0;
  for (const { cover } of connections.values()) {
    if (cover.padBytes > 0 || cover.aggregateMs > 0) count++;
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
  for (const { end, terms, isAttached, trust, advice: length } of table.values()) {
    if (!isAttached) detachedCount++;
    if (end !== null) continue;
    sessionsByMode[terms.mode]++;
    if (length !== null) advice.push(length);
    if (trust.level === 'cut') cutCount++;
    if (trust.level === 'off') offCount++;
  }
  const distrusted = { cutCount, offCount };
  const advised = {
    sessionCount: advice.length,
    meanLength: advice.reduce((sum, length) => sum + length, 0) / Math.max(1, advice.length),
    noneCount: advice.filter((length) => length === 0).length,
  };
  return { sessionCount: table.size, detachedCount, sessionsByMode, distrusted, advised };
}

/** Accounts that a snapshot tells of. */
const toldMax = 16;

/** The accounts for which the target has judged most. */
function busiest(accounts: Accounts): AccountStats[] {
  return [...accounts.values()]
    .sort((a, b) => b.judgedCount - a.judgedCount || a.ordinal - b.ordinal)
    .slice(0, toldMax)
    .map(accountStats);
}

function accountStats(account: Account): AccountStats {
  const { id, connectionCount, sessionCount, judgedCount, committedCount, refusalCount } = account;
  const counts = { connectionCount, sessionCount, judgedCount, committedCount, refusalCount };
  const { rate, level } = account.trust;
  return { id, ...counts, acceptanceRate: rate, draftTrust: level, creditMs: account.creditMs };
}
