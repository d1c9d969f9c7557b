// Tests that frames keep their order while a long one is decoded elsewhere, and that no peer makes
// more of them wait than may.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { PilotfishError } from '../base/error.js';
import { decodeDeviceFrame, encodeFrame } from '../protocol/codec.js';
import { openFrame } from './core/core-harness.suite.js';
import { FrameInbox } from './frame-inbox.js';
import type { DecodedAside } from './preparation/messages.js';

const long = (session: number): Uint8Array =>
  encodeFrame(openFrame({ session, prompt: { kind: 'text', text: 'a'.repeat(200_000) } }));
const short = (session: number): Uint8Array => encodeFrame({ kind: 'cancel', session });
const mostBytes = 2 ** 24;

/** An inbox whose long frames are decoded when the test says so. */
function line() {
  const taken: string[] = [];
  const waiting: { readonly done: () => void; readonly fail: (reason: unknown) => void }[] = [];
  const inbox = new FrameInbox({
    decode: (bytes) =>
      new Promise((resolve, reject) => {
        const decoded: DecodedAside = {
          ...{ kind: 'decoded', decoded: decodeDeviceFrame(bytes), prompt: null },
        };
        waiting.push({ done: () => resolve(decoded), fail: reject });
      }),
    take: (decoded) => {
      if ('fault' in decoded) taken.push(decoded.fault.code);
      else taken.push(`${decoded.ok.kind} ${'session' in decoded.ok ? decoded.ok.session : ''}`);
    },
  });
  const settle = async (how: 'done' | 'fail'): Promise<void> => {
    waiting.shift()![how](new PilotfishError('server-busy', 'busy'));
    await turn();
  };
  return { inbox, taken, settle, asked: () => waiting.length };
}

describe('the frames of a connection', () => {
  it('keep their order behind a long one, which is decoded aside', async () => {
    const { inbox, taken, settle, asked } = line();
    for (const bytes of [short(1), long(2), short(3), long(4), short(5)]) {
      inbox.message(bytes, mostBytes);
    }
    assert.deepEqual(taken, ['cancel 1']);
    assert.equal(asked(), 1, 'one at a time');
    await settle('done');
    assert.deepEqual(taken, ['cancel 1', 'open 2', 'cancel 3']);
    await settle('done');
    inbox.message(short(6), mostBytes);
    assert.deepEqual(taken.slice(3), ['open 4', 'cancel 5', 'cancel 6']);
  });

  it('are refused at once where one is longer than it may be', () => {
    const { inbox, taken, asked } = line();
    inbox.message(long(1), 1_000);
    assert.deepEqual(taken, ['frame-too-large']);
    assert.equal(asked(), 0);
  });

  it('end the connection where too many wait, and where one cannot be decoded', async () => {
    for (const [bytes, most] of [
      [short(2), 300],
      [long(2), 90],
    ] as const) {
      const { inbox, taken } = line();
      inbox.message(long(1), mostBytes);
      for (let count = 0; count < most; count++) inbox.message(bytes, mostBytes);
      assert.deepEqual(taken, ['too-slow']);
    }
    const { inbox, taken, settle } = line();
    inbox.message(long(1), mostBytes);
    inbox.message(short(2), mostBytes);
    await settle('fail');
    assert.deepEqual(taken, ['too-slow']);
  });

  it('are forgotten when the connection has gone', async () => {
    const { inbox, taken, settle } = line();
    inbox.message(long(1), mostBytes);
    inbox.message(short(2), mostBytes);
    inbox.end();
    await settle('done');
    assert.deepEqual(taken, []);
  });
});
