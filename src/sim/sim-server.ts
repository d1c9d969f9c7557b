// Runs a server under virtual time: the shipped core and codec, a scripted engine, and what the
// shipped shell does between them and the network. Can crash and restart empty.

import { unlimited } from '../base/key-grant.js';
import { decodeDeviceFrame, encodeFrame } from '../protocol/codec.js';
import type { ServerFrame } from '../protocol/frame.js';
import { limits } from '../protocol/limits.js';
import type { ServerEffect, ServerInput } from '../server/core/event.js';
import { PacedCore } from '../server/core/paced-core.js';
import type { ServerCore } from '../server/core/server-core.js';
import type { ServerCoreSettings } from '../server/core/settings.js';
import type { ServerDrafterModel } from './fleet.js';
import type { Link, LinkEnd } from './link.js';
import type { Models } from './models.js';
import type { Observer } from './observer.js';
import { Random } from './random.js';
import { SimDraftEngine } from './sim-draft-engine.js';
import { type EngineModel, SimEngine } from './sim-engine.js';
import { SkewedClock } from './skewed-clock.js';
import type { Tampering } from './tampering.js';
import type { Timeline, Timer } from './timeline.js';

export interface ServerParts {
  readonly timeline: Timeline;
  readonly seed: number;
  readonly settings: Omit<ServerCoreSettings, 'randomBytes'>;
  readonly engine: EngineModel;
  readonly drafter: ServerDrafterModel | null;
  readonly hasKeys: boolean;
  readonly models: Models;
  readonly observers: Required<Observer>;
  readonly tampering: Tampering;
}

/** A connection as the server holds it. */
interface Peer {
  readonly device: number;
  readonly link: Link;
  isStranger: boolean;
  isClogged: boolean;
}

/**
 * Bytes under way at which a reader counts as slow: a few verdicts, so that small worlds have
 * slow readers.
 */
const cloggedBytes = 200;

/** Clocks of servers differ by this much. */
const clockOffsetMs = 1_000_000;

export class SimServer {
  readonly index: number;
  core!: ServerCore;
  #paced!: PacedCore;
  engine!: SimEngine;
  drafter: SimDraftEngine | null = null;
  isUp = false;
  /** Times that it was started. */
  startCount = 0;
  readonly #parts: ServerParts;
  readonly #clock: SkewedClock;
  readonly #peers = new Map<number, Peer>();
  #timer: Timer | null = null;

  constructor(index: number, parts: ServerParts) {
    this.index = index;
    this.#parts = parts;
    this.#clock = new SkewedClock(1, clockOffsetMs * index);
  }

  get address(): string {
    return `sim:${this.index}`;
  }

  get settings(): ServerParts['settings'] {
    return this.#parts.settings;
  }

  get peerCount(): number {
    return this.#peers.size;
  }

  /** Starts its process, with no memory of earlier ones. */
  start(): void {
    const { timeline, seed, settings, engine, models, observers, tampering } = this.#parts;
    const { slotCount, contextLength, passTokensMax, passRowsMax } = settings.model;
    this.startCount++;
    this.isUp = true;
    const chance = new Random(seed, 'keys', this.index, this.startCount);
    const randomBytes = (count: number): Uint8Array =>
      Uint8Array.from({ length: count }, () => chance.below(256));
    this.#paced = new PacedCore({ ...settings, randomBytes });
    this.core = this.#paced.core;
    this.engine = new SimEngine(
      timeline,
      models.target({ slotCount, contextLength, passTokensMax, passRowsMax, exit: engine.exit }),
      engine,
      new Random(seed, 'pass', this.index, this.startCount),
      tampering.skips,
      (answered) => {
        observers.onAnswered(this, answered);
        this.feed(answered.event);
      },
      (event) => this.feed(event),
    );
    this.drafter = this.#makeDrafter();
    observers.onServerStart(this);
  }

  #makeDrafter(): SimDraftEngine | null {
    const { timeline, seed, settings, drafter, models } = this.#parts;
    if (drafter === null) return null;
    const { divergence, pass: cost } = drafter;
    const { slotCount, contextLength } = settings.drafting.model!;
    return new SimDraftEngine({
      ...{ timeline, cost, vocabSize: settings.model.vocabSize },
      core: models.draft({ divergence, contextLength, slotCount }),
      random: new Random(seed, 'server-drafter', this.index, this.startCount),
      answer: (event) => this.feed(event),
    });
  }

  /**
   * Ends its process without notice.
   *
   * @param hearAfterMs when the devices hear that their links are reset.
   */
  crash(hearAfterMs: () => number): void {
    this.#parts.observers.onServerCrash(this);
    this.isUp = false;
    this.engine.stop();
    this.drafter?.stop();
    this.#parts.timeline.cancel(this.#timer);
    for (const { link } of this.#peers.values()) link.serverDied(hearAfterMs());
    this.#peers.clear();
  }

  /** The server's end of a new link. */
  endFor(device: number, linkId: number): LinkEnd {
    return {
      message: (bytes) => this.#message(linkId, device, bytes),
      closed: () => {
        if (this.#peers.delete(linkId)) this.feed({ kind: 'disconnected', connection: linkId });
      },
    };
  }

  accept(device: number, link: Link): void {
    this.#peers.set(link.id, { device, link, isStranger: true, isClogged: false });
    const grant = this.#parts.hasKeys ? { id: `device ${device}`, limits: unlimited } : null;
    this.feed({ kind: 'connected', connection: link.id, grant });
  }

  #message(connection: number, device: number, bytes: Uint8Array): void {
    const peer = this.#peers.get(connection);
    if (peer === undefined) return;
    const bytesMax = peer.isStranger ? limits.helloBytes.value : limits.frameBytes.value;
    const decoded = decodeDeviceFrame(bytes, bytesMax);
    if ('ok' in decoded) {
      this.#parts.observers.onUp(this, decoded.ok, device);
      this.feed({ kind: 'frame', connection, frame: decoded.ok });
    } else this.feed({ kind: 'fault', connection, fault: decoded.fault });
  }

  feed(event: ServerInput): void {
    if (!this.isUp) return;
    const { timeline, observers } = this.#parts;
    for (const effect of this.#paced.handle(event, this.#clock.read(timeline.nowMs))) {
      this.#carryOut(effect);
    }
    observers.onServerStep(this);
  }

  #carryOut(effect: ServerEffect): void {
    switch (effect.kind) {
      case 'send':
        this.#send(effect.connection, effect.frame, effect.padBytes);
        break;
      case 'close':
        this.#peers.get(effect.connection)?.link.closeFromServer(effect.code ?? 'done');
        break;
      case 'engine':
        this.engine.run(effect.operation);
        break;
      case 'draft':
        this.drafter!.draft(effect.id, effect.requests);
        break;
      case 'wake':
        this.#wake(effect.atMs);
        break;
    }
  }

  #send(connection: number, frame: ServerFrame, padBytes: number): void {
    const peer = this.#peers.get(connection);
    if (peer === undefined) return;
    if (frame.kind === 'welcome') peer.isStranger = false;
    const said = this.#parts.tampering.frame(frame);
    if (said !== null) peer.link.sendDown(encodeFrame(said, padBytes));
    if (peer.isClogged || peer.link.down.inFlightBytes <= cloggedBytes) return;
    peer.isClogged = true;
    this.#parts.timeline.at(this.#parts.timeline.nowMs, () =>
      this.feed({ kind: 'clogged', connection }),
    );
    this.#awaitReader(connection, peer);
  }

  /** Reports when the buffer is empty again, as a socket does. */
  #awaitReader(connection: number, peer: Peer): void {
    const { timeline } = this.#parts;
    const { down } = peer.link;
    timeline.at(down.emptyAtMs, () => {
      if (this.#peers.get(connection) !== peer) return;
      if (down.inFlightBytes > 0) {
        this.#awaitReader(connection, peer);
        return;
      }
      peer.isClogged = false;
      this.feed({ kind: 'cleared', connection });
    });
  }

  #wake(atMs: number): void {
    const { timeline } = this.#parts;
    timeline.cancel(this.#timer);
    this.#timer = timeline.at(this.#clock.trueTimeOf(atMs), () => this.feed({ kind: 'wake' }));
  }
}
