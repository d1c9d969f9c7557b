// Tests the shell around the device core: a link that comes up too late is closed; bytes that are
// not a frame end the link and its answers, and never throw.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { scriptedVocabulary } from '../engine/scripted-vocabulary.js';
import { encodeFrame } from '../protocol/codec.js';
import { noShaping } from '../protocol/frame.js';
import type { Transport, TransportListener } from '../protocol/transport.js';
import { aheadOff } from './core/drafting/ahead/ahead-budget.js';
import { request, welcome } from './core/link-fixture.suite.js';
import { Device, type DeviceNotice } from './device.js';

/** A device with a clock and a transport of the test's own. */
class Bench {
  nowMs = 0;
  /** Calls of the transport. */
  readonly said: string[] = [];
  readonly news: DeviceNotice[] = [];
  readonly device: Device;
  listener: TransportListener | null = null;
  answerDial: () => void = () => undefined;
  readonly #timers: { atMs: number; callback: () => void }[] = [];

  constructor() {
    const transport: Transport = {
      bufferedBytes: 0,
      listen: (listener) => {
        this.listener = listener;
        this.said.push('listen');
      },
      send: () => this.said.push('send'),
      close: () => this.said.push('close'),
    };
    this.device = new Device({
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
          this.answerDial = () => resolve(transport);
        }),
      clock: {
        now: () => this.nowMs,
        at: (atMs, callback) => {
          const timer = { atMs, callback };
          this.#timers.push(timer);
          return () => {
            const index = this.#timers.indexOf(timer);
            if (index >= 0) this.#timers.splice(index, 1);
          };
        },
      },
      tell: (news) => this.news.push(news),
    });
    this.device.start();
  }

  advance(toMs: number): void {
    for (const timer of this.#timers.splice(0)) {
      if (timer.atMs > toMs) this.#timers.push(timer);
      else {
        this.nowMs = timer.atMs;
        timer.callback();
      }
    }
    this.nowMs = toMs;
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a dial that is answered too late', () => {
  it('is closed, and nothing is said on it', async () => {
    const bench = new Bench();
    bench.advance(2_000);
    bench.answerDial();
    await turn();
    assert.deepEqual(bench.said, ['close']);
    await bench.device.close();
  });
});

describe('a message that is no frame', () => {
  it('hangs up, and fails the answers with protocol-violated', async () => {
    const bench = new Bench();
    bench.answerDial();
    await turn();
    bench.listener!.message(encodeFrame(welcome));
    bench.device.feed({ kind: 'generate', answer: 0, request: { ...request, mode: 'stream' } });
    bench.listener!.message(Uint8Array.of(255, 255, 255));
    bench.listener!.message(new Uint8Array(0));
    await turn();
    assert.equal(bench.said.at(-1), 'close');
    bench.listener!.closed({ code: 1006, reason: '' });
    const errors = bench.news.flatMap((one) =>
      one.kind === 'failed' || one.kind === 'gave-up' ? [one.error.code] : [],
    );
    assert.deepEqual(errors, ['protocol-violated', 'protocol-violated']);
    await bench.device.close();
  });
});
