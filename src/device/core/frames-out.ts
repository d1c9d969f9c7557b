// Counts draft frames that may still wait for a pass of the server, which ends a session with too
// many. Without it, a device would send a frame for every drafted token to a server or link that
// stands still.

import { limits } from '../../protocol/limits.js';

/** Below the server's limit: after a time-out the same tokens may take more frames. */
const framesMax = limits.pendingDrafts.value - 16;

export class FramesOut {
  /** Ends of frames that brought new tokens, rising. */
  #ends: number[] = [];

  /** Position after the last token that was sent; 0 where none is out. */
  get end(): number {
    return this.#ends.at(-1) ?? 0;
  }

  /** How many more frames may go. @param base below it all has been in a pass. */
  room(base: number): number {
    this.#ends = this.#ends.filter((end) => end > base);
    return Math.max(0, framesMax - this.#ends.length);
  }

  /** A frame leaves; repeats cost the server nothing. @param end after its last token. */
  add(end: number): void {
    if (end > this.end) this.#ends.push(end);
  }

  /** A new epoch or a new session on the wire: the server keeps none of them. */
  clear(): void {
    this.#ends = [];
  }
}
