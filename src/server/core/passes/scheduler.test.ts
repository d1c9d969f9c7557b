// Checks what the scheduler tells devices of their drafts.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Counters } from '../core-stats.js';
import { scriptedSettings } from '../scripted-target.suite.js';
import { sessionOf } from '../session.suite.js';
import { Operations } from './operations.js';
import { Scheduler } from './scheduler.js';
import { SlotTable } from './slot-table.js';

/** A scheduler that has measured passes in which a row costs as much as all the rest. */
function taught(passCount: number): Scheduler {
  const settings = scriptedSettings();
  const { issue } = new Operations(() => undefined);
  const scheduler = new Scheduler(settings, new SlotTable(settings, issue), issue, new Counters());
  for (let pass = 0; pass < passCount; pass++) {
    const rowCount = 1 + (pass % 4);
    scheduler.passTime.learn({ tokenCount: rowCount, rowCount, tokenContext: 0 }, 10 * rowCount);
  }
  return scheduler;
}

describe('advice on draft length', () => {
  it('is given once sixteen passes were measured', () => {
    assert.equal(taught(15).advise(sessionOf()), null);
    assert.equal(taught(16).advise(sessionOf()), 0);
  });

  it('is given once, and to no session in stream', () => {
    const scheduler = taught(20);
    const session = sessionOf();
    session.advised(scheduler.advise(session)!);
    assert.equal(scheduler.advise(session), null);
    assert.equal(scheduler.advise(sessionOf({ mode: 'stream' })), null);
  });
});
