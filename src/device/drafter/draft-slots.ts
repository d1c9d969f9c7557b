// Manages the slots of one answer on a draft engine: which holds how much of which sequence, and
// which serves the next, by a cut or by a copied prefix. Bounded; owns its slots until they are
// released.

import type { SlotId } from '../../base/brand.js';
import type { Engine, SlotConfig } from '../../engine/engine.js';

/** Most slots of one answer: for the chain and the branches that grow beside it. */
export const draftSlotsMax = 4;

export interface DraftSlot {
  readonly slot: SlotId;
  /** Tokens of the slot once every pending call is done. */
  tokens: readonly number[];
}

export interface DraftSlotsParts {
  readonly engine: Pick<Engine, 'open' | 'truncate' | 'copyPrefix'>;
  readonly config: SlotConfig;
  /** A slot more; undefined: there is none. */
  readonly takeSlot: () => SlotId | undefined;
  readonly watch: (call: Promise<unknown>) => void;
}

export class DraftSlots {
  readonly #parts: DraftSlotsParts;
  /** [n >= 1] the one used last first. */
  readonly #draftSlots: DraftSlot[] = [];

  constructor(slot: SlotId, parts: DraftSlotsParts) {
    this.#parts = parts;
    this.#open(slot);
  }

  get slots(): readonly SlotId[] {
    return this.#draftSlots.map(({ slot }) => slot);
  }

  /** Gives away a slot that the answer can do without; undefined: it has but one. */
  spare(): SlotId | undefined {
    return this.#draftSlots.length > 1 ? this.#draftSlots.pop()!.slot : undefined;
  }

  #open(slot: SlotId): DraftSlot {
    const { engine, config, watch } = this.#parts;
    const draftSlot = { slot, tokens: [] };
    watch(engine.open(slot, config));
    this.#draftSlots.push(draftSlot);
    return draftSlot;
  }

  /**
   * A slot for each sequence of a pass, at least for the first, as far as there are slots.
   *
   * @param sequences [n >= 1] of at least one token each.
   * @returns [1 to n] slots that hold a prefix of their sequence, less than all of it.
   */
  takeFor(sequences: readonly (readonly number[])[]): DraftSlot[] {
    const taken: DraftSlot[] = [];
    for (const sequence of sequences) {
      const draftSlot = this.#take(sequence, taken);
      if (draftSlot === null) break;
      taken.push(draftSlot);
    }
    return taken;
  }

  /**
   * The slot that holds most of the sequence, cut to what they share: one token less where nothing
   * would be left to feed, since drafting continues from the row of the last token fed. A slot that
   * holds more, or is taken, keeps its tokens where another can get a copy of the prefix.
   */
  #take(sequence: readonly number[], taken: readonly DraftSlot[]): DraftSlot | null {
    const shared = this.#draftSlots.map(({ tokens }) => sharedLength(tokens, sequence));
    const most = shared.indexOf(Math.max(...shared));
    const fullest = this.#draftSlots[most]!;
    const length = Math.min(shared[most]!, sequence.length - 1);
    const isTaken = taken.includes(fullest);
    const losesMore = fullest.tokens.length > shared[most]!;
    const other = isTaken || losesMore ? this.#other([...taken, fullest]) : null;
    const draftSlot = other ?? (isTaken ? null : fullest);
    if (draftSlot === null) return null;
    const { engine, watch } = this.#parts;
    if (draftSlot === fullest) watch(engine.truncate(draftSlot.slot, length));
    else watch(engine.copyPrefix(fullest.slot, draftSlot.slot, length));
    draftSlot.tokens = sequence.slice(0, length);
    this.#draftSlots.splice(this.#draftSlots.indexOf(draftSlot), 1);
    this.#draftSlots.unshift(draftSlot);
    return draftSlot;
  }

  /** A new slot while slots are free, else the one not used for longest; null: no other. */
  #other(but: readonly DraftSlot[]): DraftSlot | null {
    const slot = this.#draftSlots.length < draftSlotsMax ? this.#parts.takeSlot() : undefined;
    if (slot !== undefined) return this.#open(slot);
    return this.#draftSlots.findLast((draftSlot) => !but.includes(draftSlot)) ?? null;
  }
}

function sharedLength(a: readonly number[], b: readonly number[]): number {
  const end = Math.min(a.length, b.length);
  let length = 0;
  while (length < end && a[length] === b[length]) length++;
  return length;
}
