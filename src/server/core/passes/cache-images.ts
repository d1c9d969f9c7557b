// Keeps saved cache images of sessions that wait for a slot, within a number of bytes. The least
// recently saved one makes room: its session computes its cache again.

import { assert } from '../../../base/assert.js';
import type { Session } from '../session.js';

export interface CacheImage {
  readonly bytes: Uint8Array;
  /** Tokens in it. */
  readonly length: number;
}

export class CacheImages {
  readonly #bytesMax: number;
  /** Images that the engine is writing, and the tokens in each. */
  readonly #saving = new Map<Session, number>();
  /** Least recently saved first. */
  readonly #saved = new Map<Session, CacheImage>();
  #byteCount = 0;

  /** @param bytesMax 0: none is kept. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get count(): number {
    return this.#saved.size;
  }

  get byteCount(): number {
    return this.#byteCount;
  }

  /** Whether there is room for any. */
  get isKept(): boolean {
    return this.#bytesMax > 0;
  }

  isSaving(session: Session): boolean {
    return this.#saving.has(session);
  }

  /** An operation has begun that writes the image of a session. */
  begin(session: Session, length: number): void {
    this.#saving.set(session, length);
  }

  /** The operation has failed. */
  fail(session: Session): void {
    this.#saving.delete(session);
  }

  /** The operation has written the image. Nothing is kept of a session that is gone meanwhile. */
  keep(session: Session, bytes: Uint8Array): void {
    const length = this.#saving.get(session);
    if (length === undefined) return;
    this.#saving.delete(session);
    if (bytes.length > this.#bytesMax) return;
    for (const other of this.#saved.keys()) {
      if (this.#byteCount + bytes.length <= this.#bytesMax) break;
      this.drop(other);
    }
    this.#saved.set(session, { bytes, length });
    this.#byteCount += bytes.length;
  }

  /** Gives an image away; undefined: there is none. */
  take(session: Session): CacheImage | undefined {
    const image = this.#saved.get(session);
    this.drop(session);
    return image;
  }

  drop(session: Session): void {
    this.#byteCount -= this.#saved.get(session)?.bytes.length ?? 0;
    this.#saved.delete(session);
    this.#saving.delete(session);
  }

  /**
   * @throws InvariantError where an owner of a slot has an image too, or bytes are counted wrong.
   */
  checkIntegrity(owners: Iterable<Session>): void {
    for (const session of owners) {
      const hasImage = this.#saved.has(session) || this.#saving.has(session);
      assert(!hasImage, `session ${session.key} has slot and image`);
    }
    let bytes = 0;
    for (const image of this.#saved.values()) bytes += image.bytes.length;
    assert(bytes === this.#byteCount, `${bytes} bytes of images, counted ${this.#byteCount}`);
    assert(bytes <= this.#bytesMax, `${bytes} bytes exceed ${this.#bytesMax}`);
  }
}
