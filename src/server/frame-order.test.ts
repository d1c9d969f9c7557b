// Tests that frames of a session stay in order while its Open is prepared, and that others pass.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { wireFault } from '../protocol/code.js';
import type { DeviceFrame } from '../protocol/frame.js';
import { draftOf, openFrame } from './core/core-harness.suite.js';
import type { ServerInput } from './core/event.js';
import type { PreparedOpen } from './core/prepared-open.js';
import { FrameOrder } from './frame-order.js';

const nothing: PreparedOpen = { prompt: null, format: null };

function bench() {
  const fed: ServerInput[] = [];
  const dropped: PreparedOpen[] = [];
  const order = new FrameOrder(
    (event) => fed.push(event),
    (prepared) => dropped.push(prepared),
  );
  const open: ((made: PreparedOpen) => void)[] = [];
  /** @param isLong whether an Open takes a while to prepare. */
  const take = (frame: DeviceFrame, isLong = false, bytes = 10): boolean =>
    order.take({ kind: 'frame', connection: 1, frame, bytes }, () =>
      isLong ? new Promise<PreparedOpen>((resolve) => open.push(resolve)) : nothing,
    );
  const names = (): string[] =>
    fed.splice(0).map((event) => {
      if (event.kind === 'fault') return `fault ${event.fault.session}`;
      if (event.kind === 'reserved') return `reserved ${event.session}`;
      assert.ok(event.kind === 'frame');
      const session = 'session' in event.frame ? ` ${event.frame.session}` : '';
      return `${event.frame.kind}${session}${event.prepared ? ' prepared' : ''}`;
    });
  return { order, take, names, open, dropped };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the order of frames', () => {
  it('holds back a session whose Open is prepared, and no other', async () => {
    const { take, names, open, order } = bench();
    take(openFrame({ session: 0 }));
    take(openFrame({ session: 1 }), true);
    take(draftOf({ session: 1 }));
    take(draftOf({ session: 0 }));
    take({ kind: 'ping', nonce: 1, isCover: false });
    take(openFrame({ session: 2 }));
    take({ kind: 'cancel', session: 2 });
    order.fault({ kind: 'fault', connection: 1, fault: wireFault('law-invalid', 'x', 1) });
    order.fault({ kind: 'fault', connection: 1, fault: wireFault('law-invalid', 'x', 0) });
    const passed = ['draft 0', 'ping', 'open 2 prepared', 'cancel 2', 'fault 0'];
    assert.deepEqual(names(), ['open 0 prepared', 'reserved 1', ...passed]);
    open[0]!(nothing);
    await settled();
    assert.deepEqual(names(), ['open 1 prepared', 'draft 1', 'fault 1']);
    take(draftOf({ session: 1 }));
    assert.deepEqual(names(), ['draft 1']);
  });

  it('reserves the ids of Opens in order, whichever is prepared first', async () => {
    const { take, names, open } = bench();
    take(openFrame({ session: 0 }), true);
    take(openFrame({ session: 1 }), true);
    take(draftOf({ session: 0 }));
    open[1]!(nothing);
    await settled();
    assert.deepEqual(names(), ['reserved 0', 'reserved 1', 'open 1 prepared']);
    open[0]!(nothing);
    await settled();
    assert.deepEqual(names(), ['open 0 prepared', 'draft 0']);
  });

  it('is bounded, and forgets what waits with its connection', async () => {
    const { take, names, open, order } = bench();
    take(openFrame({ session: 0 }), true);
    let count = 0;
    while (take(draftOf({ session: 0 }))) assert.ok(++count < 1000);
    assert.equal(count, 255);
    order.end();
    open[0]!(nothing);
    await settled();
    assert.deepEqual(names(), ['reserved 0']);
    const heavy = bench();
    heavy.take(openFrame({ session: 0 }), true);
    assert.equal(heavy.take(draftOf({ session: 0 }), false, 17 * 2 ** 20), false);
  });

  it('gives back what was prepared for a connection that is gone, before and after', async () => {
    const { take, open, order, names, dropped } = bench();
    for (const session of [0, 0, 2]) take(openFrame({ session }), true);
    const made = [0, 1, 2].map((hold): PreparedOpen => ({ ...nothing, hold }));
    // Ready, but behind one that is not: the same id again.
    open[1]!(made[1]!);
    await settled();
    assert.deepEqual(dropped, []);
    order.end();
    assert.deepEqual(dropped, [made[1]]);
    for (const index of [0, 2]) open[index]!(made[index]!);
    await settled();
    assert.deepEqual(dropped, [made[1], made[0], made[2]]);
    assert.deepEqual(names(), ['reserved 0', 'reserved 0', 'reserved 2']);
  });
});
