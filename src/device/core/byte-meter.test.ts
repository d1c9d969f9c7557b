// Checks that bytes are counted for the answer they belong to, until that answer or its connection
// ends.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DeviceFrame } from '../../protocol/frame.js';
import { ByteMeter } from './byte-meter.js';
import type { AnswerEffect } from './event.js';
import { opened } from './link-fixture.suite.js';
import type { CoreStatistics } from './statistics.js';

const frame = (changes: object): DeviceFrame => changes as DeviceFrame;
const send = (answer: number | null, sent: DeviceFrame, byteCount: number, meter: ByteMeter) =>
  meter.sent({ kind: 'send', frame: sent, padBytes: 0, answer }, byteCount);

const statistics = { tokenCount: 3 } as CoreStatistics;
const ended = (answer: number): AnswerEffect<CoreStatistics> => ({
  kind: 'ended',
  answer,
  reason: 'length',
  isVerified: true,
  statistics,
});

function bytesOf(meter: ByteMeter, answer: number): [number, number] {
  const effect = meter.complete(ended(answer));
  assert.ok(effect.kind === 'ended');
  assert.equal(effect.statistics.tokenCount, 3);
  return [effect.statistics.upBytes, effect.statistics.downBytes];
}

describe('bytes of an answer', () => {
  it('are those of its own frames, both ways', () => {
    const meter = new ByteMeter();
    send(null, frame({ kind: 'hello' }), 100, meter);
    send(7, frame({ kind: 'open', session: 0 }), 20, meter);
    send(8, frame({ kind: 'open', session: 1 }), 30, meter);
    send(7, frame({ kind: 'draft', session: 0 }), 5, meter);
    meter.received(opened(0), 9);
    meter.received(opened(1), 11);
    meter.received({ kind: 'pong', nonce: 1 }, 3);
    assert.deepEqual(bytesOf(meter, 7), [25, 9]);
    assert.deepEqual(bytesOf(meter, 8), [30, 11]);
  });

  it('go on in the session of the next connection', () => {
    const meter = new ByteMeter();
    send(7, frame({ kind: 'open', session: 4 }), 20, meter);
    meter.disconnected();
    meter.received(opened(4), 9);
    send(7, frame({ kind: 'resume', session: 0 }), 10, meter);
    meter.received(opened(0), 6);
    assert.deepEqual(bytesOf(meter, 7), [30, 6]);
  });

  it('leave out what comes late for a session that was closed here', () => {
    const meter = new ByteMeter();
    send(7, frame({ kind: 'open', session: 0 }), 20, meter);
    send(7, frame({ kind: 'close', session: 0 }), 2, meter);
    meter.received(opened(0), 9);
    assert.deepEqual(bytesOf(meter, 7), [22, 0]);
  });
});
