// Says at which positions the tokens of a slot stand. A word takes the next position. An image with
// a grid (M-RoPE) stands at one time, however many tokens it has, and takes as many positions as
// its longer side; so a token's index in the log is not its position, and a cache that forgets by
// time cannot forget half an image.

import { assert } from '../base/assert.js';
import { isImageToken } from '../base/image-token.js';
import type { ImagePlace } from './image-store.js';

/** Where `append` learns which image an id belongs to. */
interface ImagePlaces {
  placeOf(token: number): ImagePlace;
}

/** Tokens of one image with a grid that follow each other, without those that were cut off. */
interface Run {
  /** Index of its first token in the log. */
  readonly from: number;
  readonly count: number;
  /** Id of its first token. */
  readonly token: number;
  /** Of its first token within the image: 0 where the image is there from its beginning. */
  readonly offset: number;
  readonly columns: number;
  /** The time of all of its tokens. */
  readonly time: number;
  /** Position of what follows, the same however much of the image is there. */
  readonly next: number;
}

const runFields = ['from', 'count', 'token', 'offset', 'columns', 'time', 'next'] as const;
/** Numbers before the tokens and runs of a packed log. */
const packedHead = 3;

/**
 * The log of one slot, with the positions of its tokens. Times never fall along the log, and none
 * exceeds the index of its token where images are whole.
 *
 * A cut through an image takes all of its cells: `heldLength` is then where the image begins, or
 * 0 where the cache has lost all, and `missing` what is to be fed again before anything else.
 */
export class SlotPositions {
  #tokens: number[] = [];
  #runs: Run[] = [];
  #heldLength = 0;

  /** Tokens of the log. */
  get length(): number {
    return this.#tokens.length;
  }

  /** Tokens of the log that the cache holds, from the beginning on. */
  get heldLength(): number {
    return this.#heldLength;
  }

  /** What the cache lacks of the log, from its length `from` on; null: it holds all. */
  get missing(): { readonly from: number; readonly tokens: Int32Array } | null {
    const from = this.#heldLength;
    return from === this.length
      ? null
      : { from, tokens: Int32Array.from(this.#tokens.slice(from)) };
  }

  /** The cache has nothing of the log that is of use. */
  lose(): void {
    this.#heldLength = 0;
  }

  /** Adds tokens that the cache holds. @throws PilotfishError as `placeOf`; some may be added. */
  append(tokens: Int32Array, images: ImagePlaces): void {
    assert(this.#heldLength === this.length, 'what the cache lacks has to be fed again before');
    for (const token of tokens) {
      if (isImageToken(token)) this.#appendImage(token, images.placeOf(token));
      this.#heldLength = this.#tokens.push(token);
    }
  }

  #appendImage(token: number, { first, grid }: ImagePlace): void {
    if (grid === null) return;
    const last = this.#runs.at(-1);
    const isNext =
      last !== undefined &&
      last.from + last.count === this.length &&
      last.token + last.count === token &&
      last.token - last.offset === first;
    if (isNext) {
      this.#runs[this.#runs.length - 1] = { ...last, count: last.count + 1 };
      return;
    }
    const time = this.timeAt(this.length);
    const next = time + Math.max(grid.columns, grid.rows);
    const { columns } = grid;
    const offset = token - first;
    this.#runs.push({ from: this.length, count: 1, token, offset, columns, time, next });
  }

  /** Position of the token at an index of the log, or of a word behind the log. */
  timeAt(index: number): number {
    const run = this.#runBefore(index);
    if (run === undefined) return index;
    const behind = index - run.from - run.count;
    return behind < 0 ? run.time : run.next + behind;
  }

  /** Row and column of a token: those of its image behind its time, and the time for a word. */
  cellAt(index: number): { readonly row: number; readonly column: number } {
    const run = this.#runBefore(index);
    if (run === undefined || index >= run.from + run.count) {
      const time = this.timeAt(index);
      return { row: time, column: time };
    }
    const cell = run.offset + index - run.from;
    const row = Math.floor(cell / run.columns);
    return { row: run.time + row, column: run.time + (cell % run.columns) };
  }

  /** The last run that begins at the index or before. */
  #runBefore(index: number): Run | undefined {
    return this.#runs.findLast(({ from }) => from <= index);
  }

  /** Drops the log from `length` on; the cache loses all times from that of `heldLength` on. */
  truncate(length: number): void {
    if (length >= this.length) return;
    this.#runs = this.#runs.filter(({ from }) => from < length);
    this.#tokens.length = length;
    this.#heldLength = Math.min(this.#heldLength, length);
    const last = this.#runs.at(-1);
    if (last === undefined || last.from + last.count <= length) return;
    this.#runs[this.#runs.length - 1] = { ...last, count: length - last.from };
    this.#heldLength = Math.min(this.#heldLength, last.from);
  }

  /** Those of another slot that has the first `length` tokens of the log. */
  prefix(length: number): SlotPositions {
    const copy = new SlotPositions();
    copy.#runs = [...this.#runs];
    copy.#tokens = [...this.#tokens];
    copy.#heldLength = this.#heldLength;
    copy.truncate(length);
    return copy;
  }

  pack(): Uint8Array {
    const runs = this.#runs.flatMap((run) => runFields.map((field) => run[field]));
    const head = [this.length, this.#heldLength, this.#runs.length];
    return new Uint8Array(Int32Array.from([head, this.#tokens, runs].flat()).buffer);
  }

  /** What `pack` wrote and the bytes behind it; null for bytes that it did not write. */
  static unpack(bytes: Uint8Array): { positions: SlotPositions; rest: Uint8Array } | null {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const count = bytes.length >> 2;
    const numberAt = (at: number): number => view.getInt32(at * 4, true);
    if (count < packedHead) return null;
    const [length, heldLength, runCount] = [numberAt(0), numberAt(1), numberAt(2)];
    const runsFrom = packedHead + length;
    const end = runsFrom + runCount * runFields.length;
    if (length < 0 || runCount < 0 || end > count) return null;
    const positions = new SlotPositions();
    positions.#tokens = Array.from({ length }, (_, at) => numberAt(packedHead + at));
    positions.#heldLength = heldLength;
    for (let at = runsFrom; at < end; at += runFields.length) {
      const entries = runFields.map((field, index) => [field, numberAt(at + index)]);
      positions.#runs.push(Object.fromEntries(entries));
    }
    return { positions, rest: bytes.subarray(end * 4) };
  }
}
