// The shell around the device core: a link that comes up after it was given up on is closed, not kept open unheard.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { scriptedVocabulary } from '../engine/scripted-vocabulary.js';
import { noShaping } from '../protocol/frame.js';
import type { Transport } from '../protocol/transport.js';
import { aheadOff } from './core/drafting/ahead-cache.js';
import { Device } from './device.js';

describe('a dial that is answered too late', () => {
  it('is closed, and nothing is said on it', async () => {
    const timers: { atMs: number; callback: () => void }[] = [];
    let nowMs = 0;
    const advance = (toMs: number): void => {
      for (const timer of timers.splice(0)) {
        if (timer.atMs > toMs) timers.push(timer);
        else {
          nowMs = timer.atMs;
          timer.callback();
        }
      }
      nowMs = toMs;
    };
    const said: string[] = [];
    const transport: Transport = {
      bufferedBytes: 0,
      listen: () => said.push('listen'),
      send: () => said.push('send'),
      close: () => said.push('close'),
    };
    let answer = (_transport: Transport): void => undefined;
    const device = new Device({
      settings: {
        key: '',
        name: 'device',
        vocabulary: scriptedVocabulary(16),
        drafter: null,
        endOfText: new Set([1]),
        keepsTrying: true,
        disconnectGraceMs: 100,
        awayMaxMs: 60_000,
        verdictTimeoutMs: 1_000,
        linkTimeoutMs: 2_000,
        pingMs: 500,
        backoffMinMs: 50,
        backoffMaxMs: 400,
        shaping: noShaping,
        ahead: aheadOff,
        chance: () => 0.5,
      },
      makeDrafter: null,
      dial: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
      clock: {
        now: () => nowMs,
        at: (atMs, callback) => {
          const timer = { atMs, callback };
          timers.push(timer);
          return () => {
            if (timers.includes(timer)) timers.splice(timers.indexOf(timer), 1);
          };
        },
      },
      tell: () => undefined,
    });
    device.start();
    advance(2_000);
    answer(transport);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(said, ['close']);
    await device.close();
  });
});
