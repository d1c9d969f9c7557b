// Holds embeddings of images under the ids that stand for them in a slot's token log.

import { PilotfishError } from '../base/error.js';
import { firstImageToken } from '../base/image-token.js';
import type { ImageGrid, ImageRows } from './image-tokens.js';

type ImageContent = Pick<ImageRows, 'width' | 'embeddings'> &
  Partial<Pick<ImageRows, 'isNonCausal' | 'grid'>>;

/** Which ids an image has. */
export interface ImagePlace {
  readonly first: number;
  readonly count: number;
  readonly isNonCausal: boolean;
  readonly grid: ImageGrid | null;
}

interface HeldImage extends Required<ImageContent> {
  /** `add` less `forget`, >= 1. */
  holderCount: number;
}

/** The store's bound; a picture of 1 000 tokens of 4 096 numbers takes 16 MB. */
const bytesMaxByDefault = 512 * 2 ** 20;

export class ImageStore {
  readonly #bytesMax: number;
  /** By first id. */
  readonly #images = new Map<number, HeldImage>();
  #bytes = 0;

  constructor(bytesMax = bytesMaxByDefault) {
    this.#bytesMax = bytesMax;
  }

  /**
   * Takes an image in until `forget` was called as often; equal images get equal ids.
   *
   * @returns [tokens] ids that follow each other.
   * @throws PilotfishError `segment-invalid` for rows that do not fill their width or grid or hold
   *   other than finite numbers, `server-busy` for one that does not fit beside the others.
   */
  add({ width, embeddings, isNonCausal = false, grid = null }: ImageContent): Int32Array {
    const count = embeddings.length / width;
    if (!Number.isInteger(count) || count < 1 || !embeddings.every(Number.isFinite)) {
      throw invalidImage(`${embeddings.length} numbers are no rows of ${width} finite ones`);
    }
    if (grid !== null && !fills(grid, count)) {
      throw invalidImage(`${count} tokens do not fill ${grid.columns} columns, ${grid.rows} rows`);
    }
    const content = { width, embeddings, isNonCausal, grid };
    const first = this.#placeOf(content, count);
    const held = this.#images.get(first);
    if (held !== undefined) held.holderCount++;
    else this.#put(first, { ...content, holderCount: 1 });
    return Int32Array.from({ length: count }, (_, at) => first + at);
  }

  #put(first: number, image: HeldImage): void {
    const bytes = this.#bytes + image.embeddings.byteLength;
    if (bytes > this.#bytesMax) {
      const message = `images of ${bytes} bytes exceed the ${this.#bytesMax} of the store`;
      throw new PilotfishError('server-busy', message);
    }
    this.#images.set(first, image);
    this.#bytes = bytes;
  }

  /**
   * Drops an image that was added as often as it was forgotten.
   *
   * @param first id of the image.
   * @throws PilotfishError `segment-invalid` for an id that begins no image.
   */
  forget(first: number): void {
    const image = this.#images.get(first);
    if (image === undefined) throw invalidImage(`no image begins with token ${first}`);
    if (--image.holderCount > 0) return;
    this.#images.delete(first);
    this.#bytes -= image.embeddings.byteLength;
  }

  /** Chosen by content; the next free ids where other images have those. */
  #placeOf(content: Required<ImageContent>, count: number): number {
    let first = firstImageToken + (digestOf(content.embeddings) % (2 ** 30 - count));
    for (;;) {
      const found = this.#images.get(first);
      if (found && isSame(found, content)) return first;
      const taken = [...this.#images].find(
        ([other, { width, embeddings: rows }]) =>
          first < other + rows.length / width && other < first + count,
      );
      if (taken === undefined) return first;
      const next = taken[0] + taken[1].embeddings.length / taken[1].width;
      first = next + count > 2 ** 31 ? firstImageToken : next;
    }
  }

  /**
   * The embedding [width] behind an id, as a view.
   *
   * @throws PilotfishError `segment-invalid` for an id whose image is not here.
   */
  rowOf(token: number): Float32Array {
    const [first, { width, embeddings }] = this.#imageOf(token);
    const at = (token - first) * width;
    return embeddings.subarray(at, at + width);
  }

  /** The image that an id belongs to. @throws PilotfishError `segment-invalid` as `rowOf`. */
  placeOf(token: number): ImagePlace {
    const [first, { width, embeddings, isNonCausal, grid }] = this.#imageOf(token);
    return { first, count: embeddings.length / width, isNonCausal, grid };
  }

  #imageOf(token: number): readonly [first: number, image: HeldImage] {
    for (const entry of this.#images) {
      const [first, { width, embeddings }] = entry;
      if (token >= first && (token - first) * width < embeddings.length) return entry;
    }
    throw invalidImage(`the image of token ${token} is not here`);
  }
}

/**
 * MurmurHash3 of 32 bits, by Austin Appleby, over the bits of the numbers. It spreads images over
 * the ids; whoever makes two of them meet on purpose confuses caches of their own key alone.
 */
function digestOf({ buffer, byteOffset, length }: Float32Array): number {
  let hash = length;
  for (const word of new Int32Array(buffer, byteOffset, length)) {
    const mixed = Math.imul(word, 0xcc9e2d51);
    hash ^= Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

const invalidImage = (message: string): PilotfishError =>
  new PilotfishError('segment-invalid', message);

const isSize = (size: number): boolean => Number.isInteger(size) && size >= 1;

const fills = ({ columns, rows }: ImageGrid, count: number): boolean =>
  isSize(columns) && isSize(rows) && columns * rows === count;

/** The same numbers mean another image where they stand in other rows. */
const isSame = (one: Required<ImageContent>, other: Required<ImageContent>): boolean =>
  one.isNonCausal === other.isNonCausal &&
  one.grid?.columns === other.grid?.columns &&
  sameNumbers(one.embeddings, other.embeddings);

const sameNumbers = (one: Float32Array, other: Float32Array): boolean =>
  one.length === other.length && one.every((value, at) => value === other[at]);
