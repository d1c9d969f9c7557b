// Checks which slot a session gets, from whom it is taken, and whose tokens are copied into it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { unlimited } from '../../../base/key-grant.js';
import { scriptedSettings } from '../scripted-target.suite.js';
import type { Session } from '../session.js';
import { sessionOf as newSession } from '../session.suite.js';
import { Tenant } from '../tenants/tenant.js';
import type { OperationRequest } from './operations.js';
import { SlotTable } from './slot-table.js';

const idle = (): boolean => true;
const busy = (): boolean => false;
/** Of one key, unless a test says otherwise. */
const tenant = new Tenant(1, null, unlimited, 0);
const sessionOf = (key: number, prompt?: readonly number[], owner = tenant): Session =>
  newSession({ tenant: owner }, prompt, key);
/** A prompt of 40 tokens that begins with `sharedCount` of a text that all have. */
const promptOf = (sharedCount: number, own: number): number[] =>
  Array.from({ length: 40 }, (_, index) => (index < sharedCount ? 3 : own));

/** A table with a log of what it asks of the engine. */
function table(slotCount: number) {
  const asked: OperationRequest[] = [];
  const issue = (operation: OperationRequest): number => asked.push(operation);
  const slots = new SlotTable({ ...scriptedSettings({ slotCount }), swapBytesMax: 0 }, issue);
  /** Gives a session a slot whose cache holds so many of its tokens. */
  const hold = (session: Session, length: number, nowMs = 0): void => {
    assert.ok(slots.acquire(session, busy, nowMs));
    slots.beginPass(session, nowMs);
    slots.endPass(new Map([[slots.idOf(session), length]]));
  };
  const copies = (): number[] =>
    asked.flatMap((one) => (one.kind === 'copy-prefix' ? [one.length] : []));
  return { slots, hold, copies };
}

describe('tokens that another slot holds', () => {
  it('are copied from four on', () => {
    for (const [sharedCount, copied] of [
      [3, []],
      [4, [4]],
      [30, [30]],
    ] as const) {
      const { slots, hold, copies } = table(2);
      hold(sessionOf(1, promptOf(40, 3)), 40);
      const session = sessionOf(2, promptOf(sharedCount, 4));
      hold(session, 0);
      assert.equal(slots.share(session, 39, busy), true);
      assert.deepEqual(copies(), copied);
      assert.equal(slots.cacheLength(session), copied[0] ?? 0);
      assert.equal(slots.isReady(session), copied.length === 0, 'a copy may fail');
    }
  });

  it('are copied from the slot that holds most of them', () => {
    const { slots, hold, copies } = table(3);
    for (const [key, length] of [
      [1, 20],
      [2, 30],
    ] as const) {
      hold(sessionOf(key, promptOf(length, 4 + key)), 40);
    }
    const session = sessionOf(3, promptOf(40, 3));
    hold(session, 0);
    slots.share(session, 39, idle);
    assert.deepEqual(copies(), [30]);
  });

  it('are waited for while an earlier session computes them, and no later or idle one', () => {
    for (const [key, isIdle, copied] of [
      [1, busy, []],
      [1, idle, [10]],
      [9, busy, [10]],
    ] as const) {
      const { slots, hold, copies } = table(2);
      hold(sessionOf(key, promptOf(40, 3)), 10);
      const session = sessionOf(2, promptOf(40, 3));
      hold(session, 0);
      assert.equal(slots.share(session, 39, isIdle), copied.length > 0);
      assert.deepEqual(copies(), copied);
    }
  });
});

describe('the slot that a session gets', () => {
  it('is a free one that holds nothing, then the one left longest ago, but for one to copy', () => {
    for (const [times, taken] of [
      [[10, 20, 30], 1],
      [[10, 30, 20], 2],
    ] as const) {
      const { slots, hold, copies } = table(4);
      const left = [1, 2, 3].map((key) => sessionOf(key, promptOf(0, 3 + key)));
      for (const [index, nowMs] of times.entries()) hold(left[index]!, 40, nowMs);
      const ids = left.map((session) => slots.idOf(session));
      for (const session of left) slots.forget(session);
      const first = sessionOf(4, promptOf(0, 9));
      hold(first, 0, 40);
      assert.ok(!ids.includes(slots.idOf(first)));
      // Begins like what the oldest slot holds, but goes on otherwise.
      const second = sessionOf(5, [...promptOf(0, 4).slice(0, 18), ...promptOf(40, 3)]);
      hold(second, 0, 40);
      assert.equal(slots.idOf(second), ids[taken]);
      slots.share(second, 39, idle);
      assert.deepEqual(copies(), [18]);
    }
  });

  it('is the one that holds mostly its own text, which stays there', () => {
    const { slots, hold, copies } = table(2);
    const session = sessionOf(1, promptOf(0, 4));
    hold(session, 40);
    const id = slots.idOf(session);
    slots.forget(session);
    for (const [own, prompt, keptLength] of [
      [true, promptOf(0, 4), 39],
      [true, promptOf(0, 4).slice(0, 21), 20],
      // Asked for again, with an answer of other length behind it.
      [true, promptOf(0, 4).slice(0, 10), 9],
      [false, [...promptOf(0, 4).slice(0, 18), 9, 9], 0],
    ] as const) {
      const next = sessionOf(2, prompt);
      assert.ok(slots.acquire(next, busy, 1));
      assert.equal(slots.idOf(next) === id, own, `${prompt.length} tokens`);
      assert.equal(slots.cacheLength(next), keptLength);
      if (own) {
        slots.beginPass(next, 1);
        slots.endPass(new Map([[id, 40]]));
      }
      slots.forget(next);
    }
    assert.deepEqual(copies(), []);
  });

  it('is taken from a session without a device first, from an idle one among those', () => {
    const { slots, hold } = table(3);
    const owners = [1, 2, 3].map((key) => sessionOf(key));
    for (const owner of owners) hold(owner, 2);
    for (const owner of owners.slice(0, 2)) owner.detach(1);
    slots.acquire(sessionOf(4), (owner) => owner !== owners[0], 5000);
    assert.deepEqual(
      owners.map((owner) => slots.has(owner)),
      [true, false, true],
    );
  });

  it('is taken from the session that has been idle for longest', () => {
    for (const times of [
      [100, 99],
      [99, 100],
    ] as const) {
      const { slots, hold } = table(2);
      const owners = [1, 2].map((key) => sessionOf(key));
      for (const [index, session] of owners.entries()) hold(session, 2, times[index]!);
      assert.equal(slots.acquire(sessionOf(3), idle, 5000), true);
      assert.deepEqual(
        owners.map((owner) => slots.has(owner)),
        times.map((nowMs) => nowMs === 100),
      );
    }
  });

  it('is never one in a pass, nor one whose contents may turn out to be lost', () => {
    const { slots, hold } = table(2);
    const owners = [1, 2].map((key) => sessionOf(key, promptOf(40, 3)));
    hold(owners[0]!, 40);
    hold(owners[1]!, 0);
    slots.share(owners[1]!, 39, idle);
    slots.beginPass(owners[0]!, 1);
    assert.equal(slots.acquire(sessionOf(3), idle, 5000), false);
    slots.endPass(new Map([[slots.idOf(owners[0]!), 40]]));
    assert.equal(slots.acquire(sessionOf(3), idle, 5000), true);
    assert.equal(slots.has(owners[1]!), true);
  });

  it('is taken from a busy session of a key that holds two more, not of one that holds one', () => {
    for (const [ownCount, isTaken] of [
      [0, true],
      [1, false],
    ] as const) {
      const { slots, hold } = table(2 + ownCount);
      const [rich, poor] = [tenant, new Tenant(2, null, unlimited, 0)];
      for (const key of [1, 2]) hold(sessionOf(key, undefined, rich), 2);
      for (let key = 3; key < 3 + ownCount; key++) {
        hold(sessionOf(key, undefined, poor), 2);
      }
      const session = sessionOf(9, undefined, poor);
      assert.equal(slots.acquire(session, busy, 5000), isTaken);
    }
  });
});
