// Runs the device core: carries out its effects and feeds it events. Encodes and decodes its
// frames, and owns one link, one timer and one drafter. Decides nothing.

import { performance } from 'node:perf_hooks';
import { decodeServerFrame, encodeFrame } from '../protocol/codec.js';
import { limits } from '../protocol/limits.js';
import { closeNormal, type Transport } from '../protocol/transport.js';
import { ByteMeter } from './core/byte-meter.js';
import { DeviceCore } from './core/device-core.js';
import type { AnswerEffect, DeviceEffect, DeviceInput, SendEffect } from './core/event.js';
import type { DeviceCoreSettings } from './core/settings.js';
import type { Drafter, DrafterFactory } from './drafter/drafter.js';
import { closeMessage } from './link-messages.js';

/** The shell's clock; tests bring their own. */
export interface Clock {
  /** Milliseconds that never run backwards. */
  now(): number;
  /** Calls back once at or after a time. @returns a function that prevents it. */
  at(ms: number, callback: () => void): () => void;
}

export const wallClock: Clock = {
  now: () => performance.now(),
  at: (ms, callback) => {
    const timer = setTimeout(callback, Math.max(0, ms - performance.now()));
    return () => clearTimeout(timer);
  },
};

export interface DeviceOptions {
  readonly settings: DeviceCoreSettings;
  /** Null: nothing drafts here, and `settings.drafter` is null. */
  readonly makeDrafter: DrafterFactory | null;
  /**
   * Opens a link, or rejects with an Error that says why.
   *
   * @param alternative address named by a draining server; null: the usual one.
   * @param signal aborts when the link is no longer wanted.
   */
  readonly dial: (alternative: string | null, signal: AbortSignal) => Promise<Transport>;
  readonly clock: Clock;
  /** Gets everything that concerns a user, in order. */
  readonly tell: (effect: DeviceNotice) => void;
}

export type DeviceNotice =
  | AnswerEffect
  | Extract<DeviceEffect, { kind: 'welcomed' | 'gave-up' }>
  | { readonly kind: 'down'; readonly reason: string };

/** How long a close handshake may take before the link is called down. */
const hangUpMs = 1000;

export class Device {
  readonly #options: DeviceOptions;
  readonly #core: DeviceCore;
  readonly #drafter: Drafter | null;
  readonly #meter = new ByteMeter();
  #transport: Transport | null = null;
  #dialling = new AbortController();
  /** Tells links apart: late events of an earlier one are ignored. */
  #linkCount = 0;
  #cancelWake: (() => void) | null = null;
  #cancelHangUp: (() => void) | null = null;
  #isClosed = false;
  #waiting: DeviceInput[] = [];

  constructor(options: DeviceOptions) {
    this.#options = options;
    this.#core = new DeviceCore(options.settings);
    this.#drafter =
      options.makeDrafter?.({
        drafted: (answer, run, tokens) => this.#feedSoon({ kind: 'drafted', answer, run, tokens }),
        ended: (answer, run, reasons) =>
          this.#feedSoon({ kind: 'draft-ended', answer, run, reasons }),
        failed: (answer, error) => this.#feedSoon({ kind: 'drafter-failed', answer, error }),
      }) ?? null;
  }

  start(): void {
    this.feed({ kind: 'start' });
  }

  get answerCount(): number {
    return this.#core.answerCount;
  }

  /** Handles an event at once, after those that wait. */
  feed(event: DeviceInput): void {
    this.#waiting.push(event);
    this.#flush();
  }

  /** Handles an event soon: several come at once, and are planned for together. */
  #feedSoon(event: DeviceInput): void {
    if (this.#waiting.push(event) === 1) queueMicrotask(this.#flush);
  }

  readonly #flush = (): void => {
    const events = this.#waiting;
    this.#waiting = [];
    if (events.length === 0 || this.#isClosed) return;
    const effects = this.#core.handleAll(events, this.#options.clock.now());
    for (const effect of effects) this.#carryOut(effect);
  };

  /** Cancels every answer, closes the link, waits for the drafter's last step. */
  async close(): Promise<void> {
    this.feed({ kind: 'close' });
    this.#isClosed = true;
    this.#cancelWake?.();
    this.#cancelHangUp?.();
    this.#dialling.abort();
    await this.#drafter?.close();
  }

  #carryOut(effect: DeviceEffect): void {
    switch (effect.kind) {
      case 'dial':
        this.#dial(effect.alternative);
        break;
      case 'hang-up':
        this.#hangUp();
        break;
      case 'send':
        this.#send(effect);
        break;
      case 'draft-open':
        this.#drafter?.open(effect.answer, effect.config);
        break;
      case 'draft-start':
        this.#drafter?.start(effect);
        break;
      case 'draft-stop':
        this.#drafter?.stop(effect.answer, effect.run);
        break;
      case 'draft-close':
        this.#drafter?.closeAnswer(effect.answer);
        break;
      case 'wake':
        this.#wake(effect.atMs);
        break;
      case 'welcomed':
      case 'gave-up':
        this.#options.tell(effect);
        break;
      default:
        this.#options.tell(this.#meter.complete(effect));
    }
  }

  #dial(alternative: string | null): void {
    const link = ++this.#linkCount;
    this.#dialling = new AbortController();
    this.#options.dial(alternative, this.#dialling.signal).then(
      (transport) => {
        // No longer wanted: closed, timed out, or hung up and about to count as down.
        if (link !== this.#linkCount || this.#isClosed || this.#cancelHangUp !== null) {
          transport.close(closeNormal, 'not needed any more');
          return;
        }
        this.#transport = transport;
        transport.listen({
          message: (bytes) => {
            if (link === this.#linkCount) this.#message(bytes);
          },
          closed: (end) => this.#down(link, closeMessage(end)),
        });
        this.feed({ kind: 'link-up' });
      },
      (reason: unknown) => this.#down(link, (reason as Error).message),
    );
  }

  /** Bytes that are not a frame go to the core as a fault. */
  #message(bytes: Uint8Array): void {
    const decoded = decodeServerFrame(bytes);
    if ('fault' in decoded) {
      this.#feedSoon({ kind: 'fault', fault: decoded.fault });
      return;
    }
    this.#meter.received(decoded.ok, bytes.length);
    this.#feedSoon({ kind: 'frame', frame: decoded.ok });
  }

  #down(link: number, reason: string): void {
    if (link !== this.#linkCount) return;
    this.#linkCount++;
    this.#meter.disconnected();
    this.#transport = null;
    this.#cancelHangUp?.();
    this.#cancelHangUp = null;
    if (this.#isClosed) return;
    this.feed({ kind: 'link-down', reason });
    this.#options.tell({ kind: 'down', reason });
  }

  /** The core waits for link-down, so it comes even if the peer never answers. */
  #hangUp(): void {
    const link = this.#linkCount;
    this.#meter.disconnected();
    this.#transport?.close(closeNormal, '');
    this.#dialling.abort();
    const { clock } = this.#options;
    this.#cancelHangUp?.();
    this.#cancelHangUp = clock.at(clock.now() + hangUpMs, () =>
      this.#down(link, 'the server is silent'),
    );
  }

  #send(effect: SendEffect): void {
    const bytes = encodeFrame(effect.frame, effect.padBytes);
    this.#meter.sent(effect, bytes.length);
    this.#transport?.send(bytes);
    if ((this.#transport?.bufferedBytes ?? 0) > limits.bufferedBytes.value) this.#hangUp();
  }

  #wake(atMs: number | null): void {
    this.#cancelWake?.();
    this.#cancelWake = null;
    if (atMs === null || this.#isClosed) return;
    this.#cancelWake = this.#options.clock.at(atMs, () => {
      this.#cancelWake = null;
      this.feed({ kind: 'timer' });
    });
  }
}
