// What must hold between the tables of the server core after every event. For tests and the simulator.

import { assert } from '../../base/assert.js';
import { limits } from '../../protocol/limits.js';
import type { Scheduler } from './passes/scheduler.js';
import type { SlotTable } from './passes/slot-table.js';
import type { Session } from './session.js';
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
  const {
    key,
    log,
    announcedLength: announced,
    terms,
    drafts,
    pendingLaw,
    state,
    end,
    inInFlight: inFlight,
    deferredTimes: deferred,
  } = session;
  const name = `session ${key}`;
  assert(announced <= log.length, `${name}: told ${announced} of ${log.length}`);
  assert(log.length <= terms.lengthMax, `${name}: ${log.length} exceeds ${terms.lengthMax}`);
  assert(log.length >= terms.promptLength, `${name}: the prompt is cut`);
  assert(drafts.epoch <= session.answerCount, `${name}: epoch ${drafts.epoch}`);
  assert(drafts.size <= terms.windowMax + 4096, `${name}: ${drafts.size} drafts are kept`);
  assert(pendingLaw === null || terms.scheme === 'split', `${name}: a law in ${terms.scheme}`);
  assert(state !== 'residual-due' || pendingLaw !== null, `${name}: no law is due`);
  assert(
    end === null || state !== 'open' || inFlight !== null || !session.isAttached,
    `${name}: open`,
  );
  assert(deferred === null || (session.isAttached && end === null), `${name}: owes nobody`);
  assert(
    log.length - announced <= limits.verdictTokens.value || !session.isAttached,
    `${name}: owes`,
  );
  assert(inFlight === null || isFlying, `${name}: in a pass that is not there`);
}
