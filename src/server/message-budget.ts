// Memory that unfinished messages of all connections may take together: each may be as long as a frame, and a thousand
// connections that never end theirs would hold gigabytes. Counts bytes, keeps none.

import type { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { limits } from '../protocol/limits.js';

/** What every connection may hold: nearly all messages are shorter, and nobody must crowd them out. */
const smallBytes = 64 * 1024;
/** A control frame of a device beside what it carries: two bytes and a mask. */
const controlBytes = 6;

/** What one connection holds of a message whose end has not come. */
class Holder {
  bytes = 0;
  readonly give: () => void;

  /** @param give called once, when it has to let go. */
  constructor(give: () => void) {
    this.give = give;
  }
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
   * @param carrier what the bytes come by.
   * @param socket tells of whole messages and control frames.
   * @param onCrowded called once, when this connection holds most of all and there is no more room.
   */
  watch(carrier: Duplex, socket: EventEmitter, onOverloaded: () => void): void {
    const holder = new Holder(onOverloaded);
    const change = (bytes: number): void => this.#set(holder, bytes);
    const onData = (chunk: Buffer): void => change(holder.bytes + chunk.length);
    const onControl = (data: Buffer): void =>
      change(Math.max(0, holder.bytes - data.length - controlBytes));
    // Before the socket hears of them, since it tells of the messages that they end at once.
    carrier.prependListener('data', onData);
    // What a chunk holds behind the end of a message is less than small.
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

  /** Who holds most lets go: whoever asks for little is not crowded out by those who take all. */
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
