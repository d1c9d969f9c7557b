// Writes tokens and embeddings of parts into the arrays of a llama_batch.

import { assert } from '../../base/assert.js';
import { isImageToken } from '../../base/image-token.js';
import type { ImageStore } from '../image-store.js';
import type { Part } from '../row-model.js';
import type { NativeBatch, Pointer } from './ffi/structs.js';
import { viewMemory } from './ffi/tensors.js';

/** The arrays of a llama_batch, [tokensMax] each, in native memory. */
export interface BatchArrays {
  /** Empty in a batch of embeddings. */
  readonly token: Int32Array;
  /** [tokensMax, width]; empty in a batch of ids. */
  readonly embedding: Float32Array;
  readonly width: number;
  readonly position: Int32Array;
  readonly slotCount: Int32Array;
  readonly slots: Int32Array[];
  readonly wanted: Int8Array;
}

/** @param width numbers of an embedding; 0: the batch takes ids. */
export function viewBatch(batch: NativeBatch, tokensMax: number, width: number): BatchArrays {
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

/** @returns rows of logits that the parts ask for. */
export function fillBatch(arrays: BatchArrays, parts: readonly Part[], images: ImageStore): number {
  let at = 0;
  let rows = 0;
  for (const { slot, from, tokens, rowCount } of parts) {
    for (let index = 0; index < tokens.length; index++, at++) {
      const token = tokens[index]!;
      if (arrays.width === 0) arrays.token[at] = token;
      else fillRow(arrays, at, token, images);
      arrays.position[at] = from + index;
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
