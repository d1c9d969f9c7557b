// The sequences of a context's cache, one a slot: where their tokens stand, and how they are cut,
// copied, saved and filled again. Knows no batch.

import { SlotPositions } from '../slot-positions.js';
import type { Llama } from './ffi/llama.js';
import type { Pointer } from './ffi/structs.js';
import type { ResolvedOptions } from './options.js';

type CacheOptions = Pick<ResolvedOptions, 'slotCount' | 'unifiedCache'>;

export class CacheSlots {
  readonly #llama: Llama;
  readonly #context: Pointer;
  readonly #memory: Pointer;
  readonly #unified: boolean;
  /** Tokens that some blocks attend to; 0: all blocks attend to all. */
  readonly #window: number;
  readonly #positions: SlotPositions[];

  constructor(llama: Llama, model: Pointer, context: Pointer, options: CacheOptions) {
    const { slotCount, unifiedCache: unified } = options;
    this.#llama = llama;
    this.#context = context;
    this.#memory = llama.get_memory(context);
    this.#unified = unified;
    this.#window = llama.model_n_swa(model);
    this.#positions = Array.from({ length: slotCount }, () => new SlotPositions());
  }

  /** Of the tokens that the slot has been fed. */
  positionsOf(slot: number): SlotPositions {
    return this.#positions[slot]!;
  }

  /** @returns whether the cache can forget this part of a sequence. */
  truncate(slot: number, length: number): boolean {
    const positions = this.#positions[slot]!;
    const isCut = length < positions.length;
    positions.truncate(length);
    if (isCut) this.#loseIfWindowLacks(slot, slot);
    return this.#forget(slot);
  }

  /**
   * Behind a window llama.cpp saves no cells, and gives them to other sequences: a log that is cut
   * to where those are needed has to be fed again.
   *
   * @param source the sequence that holds, or held, the cells of the slot's log.
   */
  #loseIfWindowLacks(slot: number, source: number): void {
    const positions = this.#positions[slot]!;
    if (this.#window === 0 || positions.heldLength === 0) return;
    const wanted = Math.max(0, this.#endOf(slot) - this.#window + 1);
    if (this.#llama.memory_seq_pos_min(this.#memory, source) > wanted) positions.lose();
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
    this.#loseIfWindowLacks(to, from);
    const end = this.#endOf(to);
    if (end === 0) return;
    // Separate caches copy whole sequences only; a unified one shares cells up to a time.
    this.#llama.memory_seq_cp(this.#memory, from, to, -1, this.#unified ? end : -1);
    if (!this.#unified) this.#forget(to);
  }

  /**
   * Has what the cache lacks of the slot's log fed again, before what follows it.
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

  /**
   * @returns false if the bytes are of another model or cache type, or hold nothing of use for the
   *   first `length` tokens; the slot is then empty.
   */
  restore(slot: number, state: Uint8Array, length: number): boolean {
    this.truncate(slot, 0);
    const unpacked = SlotPositions.unpack(state);
    if (unpacked === null) return false;
    const { positions, rest } = unpacked;
    if (this.#llama.state_seq_set_data(this.#context, rest, rest.length, slot) <= 0) return false;
    this.#positions[slot] = positions;
    this.truncate(slot, length);
    if (length === 0 || positions.heldLength > 0) return true;
    this.truncate(slot, 0);
    return false;
  }
}
