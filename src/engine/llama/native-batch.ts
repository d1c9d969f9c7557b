// Writes tokens and embeddings of parts into the arrays of a llama_batch.

import { assert } from '../../base/assert.js';
import { isImageToken } from '../../base/image-token.js';
import type { ImageStore } from '../image-store.js';
import type { Part } from '../row-model.js';
import type { SlotPositions } from '../slot-positions.js';
import type { Llama } from './ffi/llama.js';
import type { NativeBatch, Pointer } from './ffi/structs.js';
import { allocateInts, viewMemory } from './ffi/tensors.js';

/** The arrays of a llama_batch, [tokensMax] each, in native memory. */
export interface BatchArrays {
  /** Empty in a batch of embeddings. */
  readonly token: Int32Array;
  /** [tokensMax, width]; empty in a batch of ids. */
  readonly embedding: Float32Array;
  readonly width: number;
  /** [4, tokens of the batch] where images have a grid: times, rows, columns, zeros. */
  readonly position: Int32Array;
  readonly slotCount: Int32Array;
  readonly slots: Int32Array[];
  readonly wanted: Int8Array;
}

/** A llama_batch and views of its arrays. */
export interface OpenBatch {
  readonly native: NativeBatch;
  readonly arrays: BatchArrays;
  /** Frees both. */
  close(): void;
}

/**
 * @param width numbers of an embedding; 0: the batch takes ids.
 * @param hasCells it takes rows and columns of its tokens too, for which llama.cpp makes no room.
 */
export function openBatch(
  llama: Llama,
  tokensMax: number,
  width: number,
  hasCells: boolean,
): OpenBatch {
  const made = llama.batch_init(tokensMax, width, 1);
  const arrays = viewBatch(made, tokensMax, width);
  const close = () => llama.batch_free(made);
  if (!hasCells) return { native: made, arrays, close };
  const { pointer, numbers, free } = allocateInts(4 * tokensMax);
  return {
    native: { ...made, pos: pointer },
    arrays: { ...arrays, position: numbers },
    close: () => {
      free();
      close();
    },
  };
}

function viewBatch(batch: NativeBatch, tokensMax: number, width: number): BatchArrays {
  const view = (pointer: Pointer | null, bytes: number): ArrayBuffer => {
    assert(pointer !== null, 'llama_batch_init left an array out');
    return viewMemory(pointer, bytes);
  };
  const slotPointers = new BigUint64Array(view(batch.seq_id, tokensMax * 8));
  return {
    token: width > 0 ? new Int32Array(0) : new Int32Array(view(batch.token, tokensMax * 4)),
    embedding:
      width === 0 ? new Float32Array(0) : new Float32Array(view(batch.embd, tokensMax * width * 4)),
    width,
    position: new Int32Array(view(batch.pos, tokensMax * 4)),
    slotCount: new Int32Array(view(batch.n_seq_id, tokensMax * 4)),
    slots: Array.from(
      { length: tokensMax },
      (_, index) => new Int32Array(view(slotPointers[index]!, 4)),
    ),
    wanted: new Int8Array(view(batch.logits, tokensMax)),
  };
}

/** What a batch needs to know of the tokens. */
export interface TokenPlaces {
  readonly images: ImageStore;
  readonly positionsOf: (slot: number) => SlotPositions;
}

/** @returns rows of logits that the parts ask for. */
export function fillBatch(
  arrays: BatchArrays,
  parts: readonly Part[],
  { images, positionsOf }: TokenPlaces,
): number {
  let at = 0;
  let rows = 0;
  for (const { slot, from, tokens, rowCount } of parts) {
    const positions = positionsOf(slot);
    for (let index = 0; index < tokens.length; index++, at++) {
      const token = tokens[index]!;
      if (arrays.width === 0) arrays.token[at] = token;
      else fillRow(arrays, at, token, images);
      arrays.position[at] = positions.timeAt(from + index);
      arrays.slotCount[at] = 1;
      arrays.slots[at]![0] = slot;
      arrays.wanted[at] = index >= tokens.length - rowCount ? 1 : 0;
    }
    rows += rowCount;
  }
  return rows;
}

/** A dummy beside an image is a row of zeros. */
function fillRow(
  { embedding, width }: BatchArrays,
  at: number,
  token: number,
  images: ImageStore,
): void {
  if (isImageToken(token)) embedding.set(images.rowOf(token), at * width);
  else embedding.fill(0, at * width, (at + 1) * width);
}

/** Behind the times, the rows and columns of a batch of embeddings. Ids need none. */
export function fillCells(
  { position }: BatchArrays,
  parts: readonly Part[],
  { positionsOf }: TokenPlaces,
): void {
  const count = countTokens(parts);
  let at = 0;
  for (const { slot, from, tokens } of parts) {
    for (let index = from; index < from + tokens.length; index++, at++) {
      const { row, column } = positionsOf(slot).cellAt(index);
      position[count + at] = row;
      position[2 * count + at] = column;
    }
  }
  position.fill(0, 3 * count, 4 * count);
}

export const countTokens = (parts: readonly Part[]): number =>
  parts.reduce((sum, { tokens }) => sum + tokens.length, 0);
