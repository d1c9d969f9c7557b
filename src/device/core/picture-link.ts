// Counts what one connection has carried of pictures: which ones the server was sent, and how many
// bytes of parts are still on their way.

import type { PictureLink, RequestPicture } from './picture-sending.js';

/** On their way: 5 MB/s at a round trip of 50 ms. A slow link holds other frames up for no more. */
const outMax = 256 * 1024;
/** Pictures that are remembered, 32 bytes each. */
const sentMax = 256;

export class PictureCount implements PictureLink {
  readonly #sent = new Set<string>();
  #outBytes = 0;
  #arrivedBytes = 0;
  /** Sent before the newest ping. */
  #markedBytes = 0;

  hasSent({ hash }: RequestPicture): boolean {
    return this.#sent.has(nameOf(hash));
  }

  sent({ hash }: RequestPicture): void {
    const [oldest] = this.#sent;
    if (this.#sent.size >= sentMax && oldest !== undefined) this.#sent.delete(oldest);
    this.#sent.add(nameOf(hash));
  }

  out(bytes: number): void {
    this.#outBytes += bytes;
  }

  get partRoom(): number {
    return outMax - (this.#outBytes - this.#arrivedBytes);
  }

  /** Whether the newest ping waits behind parts: it does not measure the round trip. */
  get isQueued(): boolean {
    return this.#markedBytes > this.#arrivedBytes;
  }

  /** A ping leaves. */
  pinged(): void {
    this.#markedBytes = this.#outBytes;
  }

  /** The newest ping was answered, so all before it has arrived. */
  ponged(): void {
    this.#arrivedBytes = this.#markedBytes;
  }

  /** The connection is gone. */
  clear(): void {
    this.#sent.clear();
    this.#outBytes = this.#arrivedBytes = this.#markedBytes = 0;
  }
}

const nameOf = (hash: Uint8Array): string => String.fromCharCode(...hash);
