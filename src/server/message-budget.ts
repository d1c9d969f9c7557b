// Bounds the memory of unfinished messages of all connections together: each may be as long as a
// frame, and a thousand connections that never finish theirs would hold gigabytes. Counts bytes,
// keeps none.

import type { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { limits } from '../protocol/limits.js';

/** Every connection may hold this much: nearly all messages are shorter. */
const smallBytes = 64 * 1024;
/** A control frame of a device beside what it carries: two bytes and a mask. */
const controlBytes = 6;

/** Bytes that one connection holds of an unfinished message. */
interface Holder {
  bytes: number;
  /** Called once, when it has to let go. */
  readonly give: () => void;
}

export class MessageBudget {
  readonly #bytesMax: number;
  /** Those that hold more than a small message. */
  readonly #holders = new Set<Holder>();
  #bytes = 0;

  /** @param bytesMax of all unfinished messages but small ones. */
  constructor(bytesMax: number = limits.unfinishedBytes.value) {
    this.#bytesMax = bytesMax;
  }

  /**
   * Counts for one connection until it closes.
   *
   * @param carrier brings the bytes.
   * @param socket tells of whole messages and control frames.
   * @param onOverloaded called once, when it holds most of all and there is no more room.
   */
  watch(carrier: Duplex, socket: EventEmitter, onOverloaded: () => void): void {
    const holder: Holder = { bytes: 0, give: onOverloaded };
    const change = (bytes: number): void => this.#set(holder, bytes);
    const onData = (chunk: Buffer): void => change(holder.bytes + chunk.length);
    const onControl = (data: Buffer): void =>
      change(Math.max(0, holder.bytes - data.length - controlBytes));
    // Counted before the socket reads them, since it reports at once the messages that they end.
    carrier.prependListener('data', onData);
    // Bytes of a chunk after the end of a message are fewer than `small`.
    socket.on('message', () => change(0));
    socket.on('ping', onControl);
    socket.on('pong', onControl);
    socket.on('close', () => change(0));
  }

  #set(holder: Holder, bytes: number): void {
    this.#bytes += excess(bytes) - excess(holder.bytes);
    holder.bytes = bytes;
    if (excess(bytes) > 0) this.#holders.add(holder);
    else this.#holders.delete(holder);
    if (this.#bytes > this.#bytesMax) this.#relieve();
  }

  /** Cuts off the largest holder, so that small messages are not crowded out. */
  #relieve(): void {
    let largest: Holder | null = null;
    for (const holder of this.#holders) {
      if (largest === null || holder.bytes > largest.bytes) largest = holder;
    }
    if (largest === null) return;
    // It is cut off: what still comes of it is not kept.
    this.#bytes -= excess(largest.bytes);
    this.#holders.delete(largest);
    largest.bytes = Number.NEGATIVE_INFINITY;
    largest.give();
  }
}

const excess = (bytes: number): number => Math.max(0, bytes - smallBytes);
