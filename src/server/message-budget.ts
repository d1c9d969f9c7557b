// Counts what each connection holds of an unfinished message: each may be as long as a frame, and a
// thousand connections that never finish theirs would hold gigabytes. Bounds them together.

import type { EventEmitter } from 'node:events';
import { limits } from '../protocol/limits.js';
import { SharedBytes } from './shared-bytes.js';

/** A control frame of a device beside what it carries: two bytes and a mask. */
const controlBytes = 6;

export class MessageBudget {
  readonly #all: SharedBytes;

  /** @param bytesMax of all unfinished messages but small ones. */
  constructor(bytesMax: number = limits.unfinishedBytes.value) {
    this.#all = new SharedBytes(bytesMax);
  }

  /**
   * Counts for one connection until it closes.
   *
   * @param socket tells of whole messages and control frames.
   * @param onOverloaded called once, when it holds most of all and there is no more room.
   * @returns to be called with the length of what came, before the socket gets it.
   */
  watch(socket: EventEmitter, onOverloaded: () => void): (bytes: number) => void {
    const share = this.#all.share(onOverloaded);
    const onControl = (data: Buffer): void =>
      share.set(Math.max(0, share.bytes - data.length - controlBytes));
    // Bytes of a piece after the end of a message are fewer than `small`.
    socket.on('message', () => share.set(0));
    socket.on('ping', onControl);
    socket.on('pong', onControl);
    socket.on('close', () => share.set(0));
    return (bytes) => share.add(bytes);
  }
}
