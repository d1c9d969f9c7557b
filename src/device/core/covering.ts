// What a device does against whoever sees lengths and times: how its messages are padded, and the beat on which drafts
// leave, so that neither how long a draft took nor how many there are shows. Sends nothing itself.

import { Beat } from '../../protocol/beat.js';
import { type Cover, moreCover, noCover } from '../../protocol/frame.js';

export class Covering {
  readonly #wanted: Cover;
  #cover = noCover;
  #beat: Beat | null = null;
  #hasDrafted = false;

  /** @param wanted here; a server may want more. */
  constructor(wanted: Cover) {
    this.#wanted = wanted;
  }

  /** What is done for the frames that follow. */
  get cover(): Cover {
    return this.#cover;
  }

  /** The next moment at which drafts leave; null: whenever they like. */
  get beatMs(): number | null {
    return this.#beat?.atMs ?? null;
  }

  /** A session begins on a link. @param asked what the server wants of it. */
  begin(asked: Cover, nowMs: number): void {
    this.#cover = moreCover(this.#wanted, asked);
    const { aggregateMs } = this.#cover;
    if (aggregateMs === 0 || this.#beat !== null) return;
    this.#beat = new Beat(aggregateMs, nowMs + aggregateMs);
  }

  /** The link is down. */
  end(): void {
    this.#beat = null;
    this.#cover = noCover;
  }

  /** Lets a beat that is due go by: nothing leaves on it. */
  skip(nowMs: number): void {
    if (this.#beat?.isDue(nowMs)) this.#beat.pass(nowMs);
  }

  /** A draft leaves. */
  onDraft(): void {
    this.#hasDrafted = true;
  }

  /** Behind all that is sent at this time. @returns whether a beat goes by with no draft to send on it. */
  pass(nowMs: number): boolean {
    if (this.#beat === null || !this.#beat.isDue(nowMs)) return false;
    this.#beat.pass(nowMs);
    const isEmpty = !this.#hasDrafted;
    this.#hasDrafted = false;
    return isEmpty;
  }
}
