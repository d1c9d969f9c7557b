// Names the tables and services that the handlers of the server core share.

import type { Connections } from './connections.js';
import type { Counters } from './core-stats.js';
import type { Speculation } from './drafting/speculation.js';
import type { Outbox } from './outbox.js';
import type { Scheduler } from './passes/scheduler.js';
import type { SlotTable } from './passes/slot-table.js';
import type { SessionTable } from './session-table.js';
import type { ServerCoreSettings } from './settings.js';
import type { Tenants } from './tenants/tenant.js';
import type { ToldTimes } from './told-times.js';

export interface CoreParts {
  readonly settings: ServerCoreSettings;
  readonly tenants: Tenants;
  readonly connections: Connections;
  readonly table: SessionTable;
  readonly slots: SlotTable;
  readonly scheduler: Scheduler;
  readonly speculation: Speculation;
  readonly outbox: Outbox;
  readonly counters: Counters;
  readonly told: ToldTimes;
}
