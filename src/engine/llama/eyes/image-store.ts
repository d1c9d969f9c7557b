// Holds embeddings of images under the ids that stand for them in a slot's token log.

import { createHash } from 'node:crypto';
import { PilotfishError } from '../../../base/error.js';
import { firstImageToken, type ImageRows } from '../../image-tokens.js';

type StoredRows = Pick<ImageRows, 'width' | 'embeddings'>;

/** The store's bound; a picture of 1 000 tokens of 4 096 numbers takes 16 MB. */
const bytesMaxByDefault = 256 * 2 ** 20;

export class ImageStore {
  readonly #bytesMax: number;
  /** By first id; the least recently used first. */
  readonly #images = new Map<number, StoredRows>();
  #bytes = 0;

  constructor(bytesMax = bytesMaxByDefault) {
    this.#bytesMax = bytesMax;
  }

  /**
   * Takes an image in; equal images get equal ids. Those used longest ago go where there is no
   * room.
   *
   * @returns [tokens] ids that follow each other.
   * @throws PilotfishError `segment-invalid` for rows that do not fill their width or hold other
   *   than finite numbers, or for more than fit the store.
   */
  add({ width, embeddings }: StoredRows): Int32Array {
    const count = embeddings.length / width;
    if (!Number.isInteger(count) || count < 1 || !embeddings.every(Number.isFinite)) {
      throw invalidImage(`${embeddings.length} numbers are no rows of ${width} finite ones`);
    }
    const bytes = embeddings.byteLength;
    if (bytes > this.#bytesMax) {
      throw invalidImage(`an image of ${bytes} bytes exceeds the ${this.#bytesMax} of the store`);
    }
    const first = this.#placeOf(embeddings, count);
    if (this.#images.get(first) === undefined) {
      this.#makeRoom(bytes);
      this.#images.set(first, { width, embeddings });
      this.#bytes += bytes;
    } else {
      this.#touch(first);
    }
    return Int32Array.from({ length: count }, (_, at) => first + at);
  }

  /** Chosen by content; the next free ids where other images have those. */
  #placeOf(embeddings: Float32Array, count: number): number {
    const { buffer, byteOffset, byteLength } = embeddings;
    const digest = createHash('sha256').update(new Uint8Array(buffer, byteOffset, byteLength));
    let first = firstImageToken + (digest.digest().readUInt32BE(0) % (2 ** 30 - count));
    for (;;) {
      const found = this.#images.get(first);
      if (found && sameNumbers(found.embeddings, embeddings)) return first;
      const taken = [...this.#images].find(
        ([other, { width, embeddings: rows }]) =>
          first < other + rows.length / width && other < first + count,
      );
      if (taken === undefined) return first;
      const next = taken[0] + taken[1].embeddings.length / taken[1].width;
      first = next + count > 2 ** 31 ? firstImageToken : next;
    }
  }

  #makeRoom(bytes: number): void {
    for (const [first, { embeddings }] of this.#images) {
      if (this.#bytes + bytes <= this.#bytesMax) return;
      this.#images.delete(first);
      this.#bytes -= embeddings.byteLength;
    }
  }

  #touch(first: number): void {
    const image = this.#images.get(first)!;
    this.#images.delete(first);
    this.#images.set(first, image);
  }

  /**
   * The embedding [width] behind an id, as a view.
   *
   * @throws PilotfishError `segment-invalid` for an id whose image is not here (any more).
   */
  rowOf(token: number): Float32Array {
    for (const [first, { width, embeddings }] of this.#images) {
      const at = (token - first) * width;
      if (at >= 0 && at < embeddings.length) return embeddings.subarray(at, at + width);
    }
    throw invalidImage(`the image of token ${token} is not here: show it again`);
  }
}

const invalidImage = (message: string): PilotfishError =>
  new PilotfishError('segment-invalid', message);

const sameNumbers = (one: Float32Array, other: Float32Array): boolean =>
  one.length === other.length && one.every((value, at) => value === other[at]);
