// What the parts of the session desk work with: one server's tables, and where its frames go.

import type { Counters } from '../core-stats.js';
import type { Outbox } from '../outbox.js';
import type { Scheduler } from '../passes/scheduler.js';
import type { SlotTable } from '../passes/slot-table.js';
import type { SessionTable } from '../session-table.js';
import type { ServerCoreSettings } from '../settings.js';

export interface SessionParts {
  readonly settings: ServerCoreSettings;
  readonly outbox: Outbox;
  readonly table: SessionTable;
  readonly slots: SlotTable;
  readonly scheduler: Scheduler;
  readonly counters: Counters;
}
