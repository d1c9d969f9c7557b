// Connects a device and a server by two pipes, and keeps what each end believes. The ends may
// disagree: one may be cut off without knowing it, one may be gone.

import { type Packet, Pipe, type PipeModel } from './pipe.js';
import { Random } from './random.js';
import type { Timeline } from './timeline.js';

/** Listens at one end; hears nothing after `closed`. */
export interface LinkEnd {
  message(bytes: Uint8Array): void;
  closed(reason: string): void;
}

export interface LinkModels {
  readonly up: PipeModel;
  readonly down: PipeModel;
}

/** How long an end waits for the other to agree to a close. */
const closeWaitMs = 2_000;

class End {
  readonly listener: LinkEnd;
  isClosing = false;
  isOver = false;

  constructor(listener: LinkEnd) {
    this.listener = listener;
  }

  hear(packet: Packet): void {
    if (this.isOver) return;
    if (packet.kind === 'message') this.listener.message(packet.bytes);
    else this.over(packet.reason);
  }

  over(reason: string): void {
    if (this.isOver) return;
    this.isOver = true;
    this.listener.closed(reason);
  }
}

export class Link {
  /** Unique in a simulation. */
  readonly id: number;
  readonly up: Pipe;
  readonly down: Pipe;
  readonly #timeline: Timeline;
  readonly #device: End;
  readonly #server: End;
  /** Directions in which not even a reset arrives. */
  readonly #broken = new Set<'up' | 'down'>();

  constructor(
    id: number,
    timeline: Timeline,
    models: LinkModels,
    seed: number,
    ends: { readonly device: LinkEnd; readonly server: LinkEnd },
  ) {
    this.id = id;
    this.#timeline = timeline;
    this.#device = new End(ends.device);
    this.#server = new End(ends.server);
    this.up = new Pipe(timeline, models.up, new Random(seed, 'up', id), (packet) =>
      this.#arrive(this.#server, this.down, packet),
    );
    this.down = new Pipe(timeline, models.down, new Random(seed, 'down', id), (packet) =>
      this.#arrive(this.#device, this.up, packet),
    );
  }

  /** The other end has closed: agree, unless this one has asked for it. */
  #arrive(end: End, back: Pipe, packet: Packet): void {
    if (packet.kind === 'close' && !end.isClosing && !end.isOver) back.send(packet);
    end.hear(packet);
  }

  sendUp(bytes: Uint8Array): void {
    if (!this.#device.isOver && !this.#device.isClosing) this.up.send({ kind: 'message', bytes });
  }

  sendDown(bytes: Uint8Array): void {
    if (!this.#server.isOver && !this.#server.isClosing) this.down.send({ kind: 'message', bytes });
  }

  closeFromDevice(reason: string): void {
    this.#close(this.#device, this.up, reason);
  }

  closeFromServer(reason: string): void {
    this.#close(this.#server, this.down, reason);
  }

  #close(end: End, pipe: Pipe, reason: string): void {
    if (end.isClosing || end.isOver) return;
    end.isClosing = true;
    pipe.send({ kind: 'close', reason });
    this.#timeline.at(this.#timeline.nowMs + closeWaitMs, () => end.over(reason));
  }

  /** Loses all that is under way; each end hears of it after its own time. */
  cut(afterMs: { readonly device: number; readonly server: number }): void {
    const { nowMs } = this.#timeline;
    this.#killBoth();
    this.#timeline.at(nowMs + afterMs.device, () => this.#device.over('cut'));
    this.#timeline.at(nowMs + afterMs.server, () => this.#server.over('cut'));
  }

  /** One direction silently loses everything from now on. */
  break(way: 'up' | 'down'): void {
    this.#broken.add(way);
    this[way].kill();
  }

  #killBoth(): void {
    this.up.kill();
    this.down.kill();
  }

  /**
   * The device's process or its socket is gone; the server hears of it, unless that direction is
   * broken.
   */
  deviceDied(afterMs: number): void {
    this.#device.isOver = true;
    this.#killBoth();
    if (this.#broken.has('up')) return;
    this.#timeline.at(this.#timeline.nowMs + afterMs, () => this.#server.over('reset'));
  }

  serverDied(afterMs: number): void {
    this.#server.isOver = true;
    this.#killBoth();
    if (this.#broken.has('down')) return;
    this.#timeline.at(this.#timeline.nowMs + afterMs, () => this.#device.over('reset'));
  }
}
