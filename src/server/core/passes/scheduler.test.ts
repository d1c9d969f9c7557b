// Checks what the scheduler expects of the next passes, and tells devices of their drafts.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Mode } from '../../../protocol/frame.js';
import { Harness, openFrame } from '../core-harness.suite.js';
import { Counters } from '../core-stats.js';
import { Speculation } from '../drafting/speculation.js';
import { scriptedSettings } from '../scripted-target.suite.js';
import { sessionOf } from '../session.suite.js';
import { Operations } from './operations.js';
import { Scheduler } from './scheduler.js';
import { SlotTable } from './slot-table.js';

/** A scheduler that has measured passes in which a row costs as much as all the rest. */
function taught(passCount: number): Scheduler {
  const settings = scriptedSettings();
  const { issue } = new Operations(() => undefined);
  const [slots, counters] = [new SlotTable(settings, issue), new Counters()];
  const speculation = new Speculation(settings, slots, () => undefined, counters);
  const scheduler = new Scheduler(settings, slots, issue, counters, speculation);
  for (let pass = 0; pass < passCount; pass++) {
    const rowCount = 1 + (pass % 4);
    scheduler.passTime.learn({ tokenCount: rowCount, rowCount, tokenContext: 0 }, 10 * rowCount);
  }
  return scheduler;
}

describe('the time for a token', () => {
  it('is expected from the number of sessions and the contexts in recent passes', () => {
    const scheduler = taught(0);
    for (let pass = 0; pass < 40; pass++) {
      const tokenContext = 100 * (pass % 4);
      scheduler.passTime.learn({ tokenCount: 1, rowCount: 1, tokenContext }, 10 + tokenContext);
    }
    scheduler.refresh(sessionOf({ mode: 'race' }));
    const plan = scheduler.schedule(0);
    assert.ok(plan.kind === 'pass');
    scheduler.startPass(plan, 0);
    // A pass over three tokens of context counts a tenth; two rows, with one more session.
    const shape = { tokenCount: 2, rowCount: 2, tokenContext: 2 * 0.1 * 3 };
    const expectedMs = scheduler.passTime.predict(shape);
    assert.ok(Math.abs(scheduler.loadedTokenMs - expectedMs) < 1e-9);
    assert.ok(scheduler.passTime.predict({ ...shape, tokenContext: 0 }) < expectedMs - 0.1);
  });
});

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

describe('a pass', () => {
  /** The passes that each says will follow; the first begins with the first session alone. */
  function saidBy(modes: readonly Mode[], slotCount: number): number[] {
    const harness = new Harness({ model: { slotCount } });
    const said: number[] = [];
    harness.connect(1);
    for (const [session, mode] of modes.entries()) {
      harness.send(1, openFrame({ session, mode, tokensMax: 4 }));
    }
    for (let pass = 0; pass < 4; ) {
      const [next] = harness.operations;
      if (next?.kind === 'pass') said[pass++] = next.followCount;
      harness.stepEngine();
    }
    return said;
  }

  it('of plain streams is followed by one for each of their tokens', () => {
    assert.deepEqual(saidBy(['stream'], 1), [3, 2, 1, 0]);
    assert.deepEqual(saidBy(['stream', 'stream'], 2), [3, 2, 1, 0]);
  });

  it('is followed by none where a session drafts, or waits for a slot', () => {
    assert.deepEqual(saidBy(['stream', 'race'], 2), [3, 0, 0, 0]);
    assert.deepEqual(saidBy(['stream', 'stream'], 1), [3, 0, 0, 0]);
  });
});
