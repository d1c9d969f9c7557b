// The state of the server core in numbers.

import { type Mode, modes } from '../../protocol/frame.js';
import type { Connections } from './connections.js';
import type { CoreStats, Counters } from './core-stats.js';
import type { Scheduler } from './scheduler.js';
import type { SessionTable } from './session-table.js';
import type { CoreSettings } from './settings.js';
import type { SlotTable } from './slots.js';

export interface SnapshotParts {
  readonly settings: CoreSettings;
  readonly connections: Connections;
  readonly table: SessionTable;
  readonly slots: SlotTable;
  readonly scheduler: Scheduler;
  readonly counters: Counters;
}

export function statsOf(parts: SnapshotParts): CoreStats {
  const { settings, connections, table, slots, scheduler, counters } = parts;
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
    ...counters.snapshot,
    passCost: scheduler.passTime.cost,
    passTimeError: scheduler.passTime.error,
  };
}

function sessionCounts(table: SessionTable) {
  const sessionsByMode = Object.fromEntries(modes.map((mode) => [mode, 0])) as {
    [mode in Mode]: number;
  };
  let detachedCount = 0;
  for (const { end, terms, isAttached } of table.values()) {
    if (!isAttached) detachedCount++;
    if (end === null) sessionsByMode[terms.mode]++;
  }
  return { sessionCount: table.size, detachedCount, sessionsByMode };
}
