// Checks that the tables of the server core agree after an event. For tests and the simulator.

import { assert } from '../../base/assert.js';
import { schemeTraits } from '../../math/scheme.js';
import { limits } from '../../protocol/limits.js';
import type { Scheduler } from './passes/scheduler.js';
import type { SlotTable } from './passes/slot-table.js';
import type { Session } from './session.js';
import { wireStates } from './session-status.js';
import type { SessionTable } from './session-table.js';

/** @throws InvariantError naming what disagrees. */
export function checkIntegrity(table: SessionTable, slots: SlotTable, scheduler: Scheduler): void {
  table.checkIntegrity();
  slots.checkIntegrity();
  scheduler.checkIntegrity(table.values());
  let owners = 0;
  for (const session of table.values()) {
    checkSession(session, scheduler.isFlying);
    if (slots.has(session)) owners++;
  }
  assert(owners === slots.ownedCount, `${slots.ownedCount} slots owned by ${owners} sessions`);
}

function checkSession(session: Session, isFlying: boolean): void {
  const { key, log, unannouncedCount, terms, drafts, status, segment } = session;
  const name = `session ${key}`;
  assert(status.kind !== 'forgotten', `${name}: forgotten and still listed`);
  assert(unannouncedCount >= 0, `${name}: told of ${-unannouncedCount} tokens too many`);
  assert(log.length <= terms.lengthMax, `${name}: ${log.length} exceeds ${terms.lengthMax}`);
  assert(log.length >= terms.promptLength, `${name}: the prompt is cut`);
  assert(drafts.epoch <= session.epochMax, `${name}: epoch ${drafts.epoch}`);
  assert(drafts.size <= terms.windowMax + 4096, `${name}: ${drafts.size} drafts are kept`);
  assert(
    status.kind !== 'law-due' || schemeTraits[terms.scheme].residualBy === 'device',
    `${name}: a law in ${terms.scheme}`,
  );
  assert(segment === null || isFlying, `${name}: in a pass that is not there`);
  const { device } = status;
  if (device.kind === 'detached') return;
  const isAllowed = wireStates[status.kind].includes(device.wire);
  assert(isAllowed, `${name}: ${device.wire} on the wire while ${status.kind}`);
  assert(unannouncedCount <= limits.verdictTokens.value, `${name}: ${unannouncedCount} untold`);
}
