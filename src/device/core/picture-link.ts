// Counts what one connection has carried of pictures: which ones the server was sent, and how many
// bytes of parts are still on their way.

import type { PictureLink, RequestPicture } from './picture-sending.js';

/**
 * On their way: the most at first, on a slow link, and on a fast one. Other frames wait behind
 * them, and a ping that waits for longer than its time-out would end the link.
 */
const outBytes = { first: 64 * 1024, slow: 16 * 1024, fast: 1024 * 1024 } as const;
/** Pictures that are remembered, 32 bytes each. */
const sentMax = 256;

export class PictureCount implements PictureLink {
  readonly #sent = new Set<string>();
  #outMax: number = outBytes.first;
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

  out(bytes: number): number {
    this.#outBytes += bytes;
    return this.#outBytes;
  }

  arrived(upTo: number): void {
    this.#arrivedBytes = Math.max(this.#arrivedBytes, Math.min(upTo, this.#outBytes));
  }

  get partRoom(): number {
    return this.#outMax - (this.#outBytes - this.#arrivedBytes);
  }

  /** Whether the newest ping waits behind parts: it does not measure the round trip. */
  get isQueued(): boolean {
    return this.#markedBytes > this.#arrivedBytes;
  }

  /** A ping leaves. */
  pinged(): void {
    this.#markedBytes = this.#outBytes;
  }

  /**
   * The newest ping was answered, so all before it has arrived. More may be on its way while that
   * hardly delays it, and less where it does.
   *
   * @param leastMs of the pings of this link.
   */
  ponged(roundTripMs: number, leastMs: number): void {
    if (this.isQueued) {
      if (roundTripMs <= 2 * leastMs + 20) {
        this.#outMax = Math.min(outBytes.fast, 2 * this.#outMax);
      } else if (roundTripMs > 4 * leastMs + 40) {
        this.#outMax = Math.max(outBytes.slow, this.#outMax / 2);
      }
    }
    this.arrived(this.#markedBytes);
  }

  /** The connection is gone. */
  clear(): void {
    this.#sent.clear();
    this.#outMax = outBytes.first;
    this.#outBytes = this.#arrivedBytes = this.#markedBytes = 0;
  }
}

const nameOf = (hash: Uint8Array): string => String.fromCharCode(...hash);
