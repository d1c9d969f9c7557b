// What the parts of the session desk work with: one server's tables, and where its frames go.

import type { Counters } from '../core-stats.js';
import type { Outbox } from '../outbox.js';
import type { Scheduler } from '../passes/scheduler.js';
import type { SlotTable } from '../passes/slots.js';
import type { SessionTable } from '../session-table.js';
import type { CoreSettings } from '../settings.js';

export interface DeskParts {
  readonly settings: CoreSettings;
  readonly outbox: Outbox;
  readonly table: SessionTable;
  readonly slots: SlotTable;
  readonly scheduler: Scheduler;
  readonly counters: Counters;
}
