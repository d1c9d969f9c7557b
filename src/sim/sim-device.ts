// Runs a device under virtual time: the shipped core and codec, a drafter, a clock of its own, and
// what the shipped shell does between them and the network. Can crash and restart empty.

import { ByteMeter } from '../device/core/byte-meter.js';
import { DeviceCore } from '../device/core/device-core.js';
import type { AnswerEffect, DeviceEffect, DeviceInput, SendEffect } from '../device/core/event.js';
import type { DeviceCoreSettings } from '../device/core/settings.js';
import { decodeServerFrame, encodeFrame } from '../protocol/codec.js';
import type { DeviceFrame, Draft, ServerFrame } from '../protocol/frame.js';
import type { Link, LinkEnd } from './link.js';
import type { Models } from './models.js';
import type { Observer } from './observer.js';
import { Random } from './random.js';
import type { DeviceKind } from './scenario.js';
import { type Ask, SimAnswer } from './sim-answer.js';
import { type DrafterModel, SimDrafter } from './sim-drafter.js';
import { SkewedClock } from './skewed-clock.js';
import type { Tampering } from './tampering.js';
import type { Timeline, Timer } from './timeline.js';

export interface DeviceParts {
  readonly timeline: Timeline;
  readonly seed: number;
  readonly kind: DeviceKind;
  readonly settings: Omit<DeviceCoreSettings, 'chance'>;
  /** Null: nothing drafts. */
  readonly drafter: DrafterModel | null;
  readonly models: Models;
  readonly clockRate: number;
  /** Round trip to its servers, in milliseconds. */
  readonly roundTripMs: number;
  readonly observers: Required<Observer>;
  /** Dials for it; `connected` or `refused` follows with the same number. */
  readonly dial: (device: SimDevice, number: number, alternative: string | null) => void;
  readonly tampering: Tampering;
}

/** As the shipped shell: how long a close handshake may take before the link is called down. */
const hangUpMs = 1_000;
/** Drafts that are remembered for a fault to repeat. */
const recentMax = 8;

export class SimDevice {
  readonly index: number;
  readonly parts: DeviceParts;
  isRunning = false;
  link: Link | null = null;
  /** No dial is answered before this time. */
  outUntilMs = 0;
  drafter: SimDrafter | null = null;
  readonly clock: SkewedClock;
  /** Answers since its last start that have not ended. */
  readonly live = new Map<number, SimAnswer>();
  /** Drafts sent on the present link, newest last: what a fault may repeat. */
  recentDrafts: { readonly frame: Draft; readonly bytes: Uint8Array }[] = [];
  #core: DeviceCore | null = null;
  #meter = new ByteMeter();
  #lives = 0;
  #dials = 0;
  #answers = 0;
  #wakeAtMs: number | null = null;
  #timer: Timer | null = null;
  #hangUp: Timer | null = null;

  constructor(index: number, parts: DeviceParts) {
    this.index = index;
    this.parts = parts;
    this.clock = new SkewedClock(parts.clockRate, 1_000 * index);
  }

  /** Starts its process, with no memory of earlier ones. */
  start(): void {
    const { timeline, seed, settings, drafter, models } = this.parts;
    this.#lives++;
    this.isRunning = true;
    const chance = new Random(seed, 'backoff', this.index, this.#lives);
    this.drafter =
      drafter && new SimDrafter(timeline, drafter, models, (event) => this.#feedDrafted(event));
    this.#meter = new ByteMeter();
    this.#core = new DeviceCore({ ...settings, chance: () => chance.next() });
    this.#perform(this.#core.handle({ kind: 'start' }, this.#now()));
  }

  /**
   * Ends its process without notice.
   *
   * @param hearAfterMs when the server hears that the link is reset.
   */
  crash(hearAfterMs: number): void {
    const { timeline, observers } = this.parts;
    observers.onDeviceCrash(this);
    this.isRunning = false;
    this.#core = null;
    this.drafter?.kill();
    this.link?.deviceDied(hearAfterMs);
    this.#forgetLink();
    this.#dials++;
    timeline.cancel(this.#timer);
    for (const answer of this.live.values()) {
      answer.isLost = true;
      answer.endedAtMs = timeline.nowMs;
      observers.onLoss(answer);
    }
    this.live.clear();
  }

  /** Null while it is not running. */
  get core(): DeviceCore | null {
    return this.#core;
  }

  ask(ask: Ask): SimAnswer {
    const { timeline, observers } = this.parts;
    const answer = new SimAnswer(ask, this.#answers++, timeline.nowMs);
    this.live.set(answer.id, answer);
    observers.onAsk(answer);
    this.feed({ kind: 'generate', answer: answer.id, request: ask.request });
    return answer;
  }

  /** Runs its clock at another rate. */
  skew(rate: number): void {
    this.clock.setRate(rate, this.parts.timeline.nowMs);
    this.#arm();
  }

  feed(event: DeviceInput): void {
    if (this.#core === null) return;
    this.#perform(this.#core.handle(event, this.#now()));
    this.parts.observers.onDeviceStep(this);
  }

  #feedDrafted(event: DeviceInput): void {
    const answer = 'answer' in event ? this.live.get(event.answer) : undefined;
    if (event.kind === 'drafted' && answer) {
      for (const { token } of event.tokens) this.parts.observers.onDrafted(answer, token);
    }
    this.feed(event);
  }

  #now(): number {
    return this.clock.read(this.parts.timeline.nowMs);
  }

  #perform(effects: readonly DeviceEffect[]): void {
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: DeviceEffect): void {
    switch (effect.kind) {
      case 'dial':
        this.parts.dial(this, ++this.#dials, effect.alternative);
        break;
      case 'hang-up':
        this.#hangUpLink();
        break;
      case 'send':
        this.#send(effect);
        break;
      case 'draft-open':
        this.drafter?.open(effect.answer, effect.config);
        break;
      case 'draft-start':
        this.drafter?.start(effect);
        break;
      case 'draft-stop':
        this.drafter?.stop(effect.answer, effect.run);
        break;
      case 'draft-close':
        this.drafter?.close(effect.answer);
        break;
      case 'wake':
        this.#wakeAtMs = effect.atMs;
        this.#arm();
        break;
      case 'welcomed':
      case 'gave-up':
        break;
      default:
        this.#tell(this.#meter.complete(effect));
    }
  }

  #tell(said: AnswerEffect): void {
    const { timeline, observers, tampering } = this.parts;
    const effect = tampering.tell(said);
    const answer = this.live.get(said.answer);
    if (effect === null || answer === undefined) return;
    const complaint = answer.transcript.apply(effect);
    if (effect.kind === 'tokens') answer.firstTokenAtMs ??= timeline.nowMs;
    observers.onTell(answer, effect, complaint);
    if (effect.kind !== 'ended' && effect.kind !== 'failed') return;
    answer.endedAtMs = timeline.nowMs;
    this.live.delete(answer.id);
  }

  #send(effect: SendEffect): void {
    const bytes = encodeFrame(effect.frame, effect.padBytes);
    this.#meter.sent(effect, bytes.length);
    if (this.link === null) return;
    this.parts.observers.onMessage(this, 'up', bytes.length);
    this.#noteSent(effect.frame, bytes);
    this.link.sendUp(bytes);
  }

  #noteSent(frame: DeviceFrame, bytes: Uint8Array): void {
    this.parts.observers.onSent(this, frame);
    if (frame.kind === 'draft') {
      this.recentDrafts.push({ frame, bytes });
      if (this.recentDrafts.length > recentMax) this.recentDrafts.shift();
    } else if (frame.kind === 'close' || frame.kind === 'cancel') {
      // Drafts of a session that was left are not repeated.
      const { session } = frame;
      this.recentDrafts = this.recentDrafts.filter((recent) => recent.frame.session !== session);
    }
  }

  #arm(): void {
    const { timeline } = this.parts;
    timeline.cancel(this.#timer);
    this.#timer = null;
    if (this.#wakeAtMs === null) return;
    this.#timer = timeline.at(this.clock.trueTimeOf(this.#wakeAtMs), () => {
      this.#timer = null;
      this.#wakeAtMs = null;
      this.feed({ kind: 'timer' });
    });
  }

  /** The device's end of a new link. */
  endFor(number: number): LinkEnd {
    return {
      message: (bytes) => {
        if (number === this.#dials && this.#core !== null) this.#message(bytes);
      },
      closed: (reason) => this.#down(number, reason),
    };
  }

  #message(bytes: Uint8Array): void {
    this.parts.observers.onMessage(this, 'down', bytes.length);
    const decoded = decodeServerFrame(bytes);
    if ('fault' in decoded) {
      this.feed({ kind: 'fault', fault: decoded.fault });
      return;
    }
    this.parts.observers.onDown(this, decoded.ok);
    this.#meter.received(decoded.ok, bytes.length);
    this.feed({ kind: 'frame', frame: this.#heard(decoded.ok) });
  }

  /** Drops the server's advice for devices that ignore it. */
  #heard(frame: ServerFrame): ServerFrame {
    const isDeaf = this.parts.kind.ignoresAdvice === true && frame.kind === 'verdict';
    return isDeaf ? { ...frame, advisedDraftLength: null } : frame;
  }

  /** @returns whether it still wants the link. */
  connected(number: number, link: Link): boolean {
    if (number !== this.#dials || this.#core === null || this.#hangUp !== null) return false;
    this.link = link;
    this.parts.observers.onLink(this, true, '');
    this.feed({ kind: 'link-up' });
    return true;
  }

  refused(number: number): void {
    this.#down(number, 'no answer');
  }

  #down(number: number, reason: string): void {
    if (number !== this.#dials || this.#core === null) return;
    this.#dials++;
    this.#forgetLink();
    this.parts.observers.onLink(this, false, reason);
    this.feed({ kind: 'link-down', reason });
  }

  #forgetLink(): void {
    this.link = null;
    this.#meter.disconnected();
    this.recentDrafts = [];
    this.parts.timeline.cancel(this.#hangUp);
    this.#hangUp = null;
  }

  /** The core waits for link-down, so it comes even if the peer never answers. */
  #hangUpLink(): void {
    const { timeline } = this.parts;
    const number = this.#dials;
    this.#meter.disconnected();
    this.link?.closeFromDevice('hung up');
    timeline.cancel(this.#hangUp);
    this.#hangUp = timeline.at(timeline.nowMs + hangUpMs, () => {
      this.link?.deviceDied(this.parts.roundTripMs);
      this.#down(number, 'no answer');
    });
  }
}
