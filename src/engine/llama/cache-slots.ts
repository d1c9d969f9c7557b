// The sequences of a context's cache, one a slot: where their tokens stand, and how they are cut,
// copied, saved and filled again. Knows no batch.

import { SlotPositions } from '../slot-positions.js';
import type { Llama } from './ffi/llama.js';
import type { Pointer } from './ffi/structs.js';

export class CacheSlots {
  readonly #llama: Llama;
  readonly #context: Pointer;
  readonly #memory: Pointer;
  readonly #unified: boolean;
  readonly #positions: SlotPositions[];

  /** @param unified one cache for all sequences, as in `contextParams`. */
  constructor(llama: Llama, context: Pointer, slotCount: number, unified: boolean) {
    this.#llama = llama;
    this.#context = context;
    this.#memory = llama.get_memory(context);
    this.#unified = unified;
    this.#positions = Array.from({ length: slotCount }, () => new SlotPositions());
  }

  /** Of the tokens that the slot has been fed. */
  positionsOf(slot: number): SlotPositions {
    return this.#positions[slot]!;
  }

  /** @returns whether the cache can forget this part of a sequence. */
  truncate(slot: number, length: number): boolean {
    this.#positions[slot]!.truncate(length);
    return this.#forget(slot);
  }

  /** Forgets what the log does not hold. */
  #forget(slot: number): boolean {
    return this.#llama.memory_seq_rm(this.#memory, slot, this.#endOf(slot), -1);
  }

  /** Time of the first token that the cache does not hold. */
  #endOf(slot: number): number {
    const positions = this.#positions[slot]!;
    return positions.timeAt(positions.heldLength);
  }

  copyPrefix(from: number, to: number, length: number): void {
    this.truncate(to, 0);
    this.#positions[to] = this.#positions[from]!.prefix(length);
    const end = this.#endOf(to);
    if (end === 0) return;
    // Separate caches copy whole sequences only; a unified one shares cells up to a time.
    this.#llama.memory_seq_cp(this.#memory, from, to, -1, this.#unified ? end : -1);
    if (!this.#unified) this.#forget(to);
  }

  /**
   * Has the first part of an image that was cut fed again, before what follows it.
   *
   * @param feed adds tokens to the slot's log and cache; where it throws, nothing has changed.
   */
  refill(slot: number, feed: (from: number, tokens: Int32Array) => void): void {
    const cut = this.#positions[slot]!;
    const { missing } = cut;
    if (missing === null) return;
    this.#positions[slot] = cut.prefix(missing.from);
    try {
      feed(missing.from, missing.tokens);
    } catch (reason) {
      this.#positions[slot] = cut;
      this.#forget(slot);
      throw reason;
    }
  }

  /** Positions, then llama.cpp's bytes. */
  save(slot: number): Uint8Array {
    const positions = this.#positions[slot]!.pack();
    const bytes = Number(this.#llama.state_seq_get_size(this.#context, slot));
    const state = new Uint8Array(positions.length + bytes);
    state.set(positions);
    const cells = state.subarray(positions.length);
    const written = Number(this.#llama.state_seq_get_data(this.#context, cells, bytes, slot));
    return state.subarray(0, positions.length + written);
  }

  /** @returns false if the bytes are of another model or cache type; the slot is then empty. */
  restore(slot: number, state: Uint8Array): boolean {
    this.truncate(slot, 0);
    const unpacked = SlotPositions.unpack(state);
    if (unpacked === null) return false;
    const { positions, rest } = unpacked;
    if (this.#llama.state_seq_set_data(this.#context, rest, rest.length, slot) <= 0) return false;
    this.#positions[slot] = positions;
    return true;
  }
}
