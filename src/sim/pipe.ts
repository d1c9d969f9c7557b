// Carries messages one way, in order, delayed by earlier messages, latency and jitter. Can be held,
// slowed and killed; keeps one timer in all.

import type { Random } from './random.js';
import type { Stall } from './scenario.js';
import type { Timeline, Timer } from './timeline.js';

export interface PipeModel {
  readonly latencyMs: number;
  readonly jitterMs: number;
  readonly bytesPerMs: number;
  readonly overheadBytes: number;
  readonly stall?: Stall;
}

/** A message, or the close of the other end. */
export type Packet =
  | { readonly kind: 'message'; readonly bytes: Uint8Array }
  | { readonly kind: 'close'; readonly reason: string };

interface UnderWay {
  readonly packet: Packet;
  readonly atMs: number;
}

export class Pipe {
  messageCount = 0;
  byteCount = 0;
  /** Bytes under way, and the most there ever were. */
  inFlightBytes = 0;
  readonly #timeline: Timeline;
  readonly #model: PipeModel;
  readonly #random: Random;
  readonly #deliver: (packet: Packet) => void;
  readonly #queue: UnderWay[] = [];
  #timer: Timer | null = null;
  #busyUntilMs = 0;
  #lastMs = 0;
  #heldUntilMs = 0;
  #isDead = false;
  #slowness = 1;

  constructor(
    timeline: Timeline,
    model: PipeModel,
    random: Random,
    deliver: (packet: Packet) => void,
  ) {
    this.#timeline = timeline;
    this.#model = model;
    this.#random = random;
    this.#deliver = deliver;
  }

  /** Sends; a dead pipe takes everything and delivers nothing. */
  send(packet: Packet): void {
    const size = sizeOf(packet);
    this.messageCount++;
    this.byteCount += size;
    const { latencyMs, jitterMs, bytesPerMs, overheadBytes, stall } = this.#model;
    const jitter = this.#random.next() * jitterMs;
    // Drawn only if there is one, so that links without stalls keep their random numbers.
    const stallMs = stall && this.#random.next() < stall.share ? stall.ms : 0;
    if (this.#isDead) return;
    const startMs = Math.max(this.#timeline.nowMs, this.#busyUntilMs);
    this.#busyUntilMs = startMs + ((size + overheadBytes) / bytesPerMs) * this.#slowness;
    const latestMs = Math.max(this.#lastMs, this.#heldUntilMs);
    this.#lastMs = Math.max(latestMs, this.#busyUntilMs + latencyMs + jitter + stallMs);
    this.#queue.push({ packet, atMs: this.#lastMs });
    this.inFlightBytes += size;
    this.#arm();
  }

  #arm(): void {
    if (this.#timer !== null) return;
    const [first] = this.#queue;
    if (first === undefined) return;
    this.#timer = this.#timeline.at(Math.max(first.atMs, this.#heldUntilMs), () => {
      this.#timer = null;
      this.#queue.shift();
      this.inFlightBytes -= sizeOf(first.packet);
      this.#deliver(first.packet);
      this.#arm();
    });
  }

  /** When all that is under way now has arrived. */
  get emptyAtMs(): number {
    return Math.max(this.#lastMs, this.#heldUntilMs);
  }

  /** Nothing arrives before this time. */
  hold(untilMs: number): void {
    this.#heldUntilMs = Math.max(this.#heldUntilMs, untilMs);
    this.#timeline.cancel(this.#timer);
    this.#timer = null;
    this.#arm();
  }

  /** Bytes take so many times longer from now on. */
  slow(factor: number): void {
    this.#slowness = factor;
  }

  /** Loses everything under way and everything that follows. */
  kill(): void {
    this.#isDead = true;
    this.#queue.length = 0;
    this.inFlightBytes = 0;
    this.#timeline.cancel(this.#timer);
    this.#timer = null;
  }
}

const sizeOf = (packet: Packet): number => (packet.kind === 'message' ? packet.bytes.length : 0);
