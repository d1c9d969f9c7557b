// Checks that frames which cost their sender nothing get no more answers than they need.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Harness, hello, openFrame } from './core-harness.suite.js';
import type { ServerInput } from './event.js';

const ping = (nonce: number): ServerInput => ({
  kind: 'frame',
  connection: 1,
  frame: { kind: 'ping', nonce, isCover: false },
});
const cancel = (session: number): ServerInput => ({
  kind: 'frame',
  connection: 1,
  frame: { kind: 'cancel', session },
});

function connected(): Harness {
  const harness = new Harness();
  harness.connect(1, hello);
  harness.take(1);
  return harness;
}

const sent = (harness: Harness, events: readonly ServerInput[]) =>
  harness.core
    .handleAll(events, harness.nowMs)
    .flatMap((one) => (one.kind === 'send' ? [one.frame] : []));

describe('cheap frames', () => {
  it('get one Pong for the Pings that have come together, to the newest', () => {
    const harness = connected();
    const pings = Array.from({ length: 1_000 }, (_, nonce) => ping(nonce));
    assert.deepEqual(sent(harness, pings), [{ kind: 'pong', nonce: 999 }]);
    assert.deepEqual(sent(harness, [ping(7)]), [{ kind: 'pong', nonce: 7 }]);
  });

  it('get one Failure for all that name the same unknown session together', () => {
    const harness = connected();
    const failures = sent(harness, [cancel(9), cancel(9), cancel(8), cancel(9)]);
    assert.deepEqual(
      failures.map((frame) => frame.kind === 'failure' && [frame.session, frame.code]),
      [9, 8].map((session) => [session, 'session-unknown']),
    );
  });

  it('end a connection that keeps naming sessions which were never opened', () => {
    const harness = connected();
    for (let count = 0; count < 64; count++) harness.send(1, { kind: 'cancel', session: 9 });
    assert.equal(harness.closed.size, 0);
    harness.send(1, { kind: 'cancel', session: 9 });
    assert.equal(harness.closed.get(1), 'session-unknown');
  });

  it('of a closed session end nothing: they may have crossed its end', () => {
    const harness = connected();
    harness.send(1, openFrame());
    harness.send(1, { kind: 'close', session: 0 });
    for (let count = 0; count < 100; count++) harness.send(1, { kind: 'close', session: 0 });
    assert.equal(harness.closed.size, 0);
  });
});
