// The slots of one answer on a draft engine: which holds how much of which sequence, and which one serves the next, by a
// cut or by a copy of a prefix. Bounded; owns its slots until they are released.

import type { SlotId } from '../../base/brand.js';
import type { Engine, SlotConfig } from '../../engine/engine.js';

/** Most slots of one answer: for the chain and the branches that grow beside it. */
export const lanesMax = 4;

export interface Lane {
  readonly slot: SlotId;
  /** What the slot holds once no call is under way. */
  tokens: readonly number[];
}

export interface LanesParts {
  readonly engine: Pick<Engine, 'open' | 'truncate' | 'copyPrefix'>;
  readonly config: SlotConfig;
  /** A slot more; undefined: there is none. */
  readonly takeSlot: () => SlotId | undefined;
  /** Follows a call that was made. */
  readonly watch: (call: Promise<unknown>) => void;
}

export class Lanes {
  readonly #parts: LanesParts;
  /** [n >= 1] the one used last first. */
  readonly #lanes: Lane[] = [];

  /** @param slot the first. */
  constructor(slot: SlotId, parts: LanesParts) {
    this.#parts = parts;
    this.#open(slot);
  }

  get slots(): readonly SlotId[] {
    return this.#lanes.map(({ slot }) => slot);
  }

  /** Gives away a slot that the answer can do without; undefined: it has but one. */
  spare(): SlotId | undefined {
    return this.#lanes.length > 1 ? this.#lanes.pop()!.slot : undefined;
  }

  #open(slot: SlotId): Lane {
    const { engine, config, watch } = this.#parts;
    const lane = { slot, tokens: [] };
    watch(engine.open(slot, config));
    this.#lanes.push(lane);
    return lane;
  }

  /**
   * A lane for each sequence of a pass, as far as there are lanes: the first sequences get one, at least one does.
   *
   * @param sequences [n >= 1] of at least one token each.
   * @returns [1 to n] lanes that hold a prefix of their sequence, less than all of it.
   */
  takeFor(sequences: readonly (readonly number[])[]): Lane[] {
    const taken: Lane[] = [];
    for (const sequence of sequences) {
      const lane = this.#take(sequence, taken);
      if (lane === null) break;
      taken.push(lane);
    }
    return taken;
  }

  /**
   * The lane that holds most of the sequence, cut to what it shares with it, and by a token more where nothing would be
   * left to feed: the row behind the last token is what drafting goes on from. Where it holds more, or is taken, that
   * stays in it, and a copy of the prefix serves, as far as another lane can be had.
   */
  #take(sequence: readonly number[], taken: readonly Lane[]): Lane | null {
    const shared = this.#lanes.map(({ tokens }) => sharedLength(tokens, sequence));
    const most = shared.indexOf(Math.max(...shared));
    const fullest = this.#lanes[most]!;
    const length = Math.min(shared[most]!, sequence.length - 1);
    const isTaken = taken.includes(fullest);
    const losesMore = fullest.tokens.length > shared[most]!;
    const other = isTaken || losesMore ? this.#other([...taken, fullest]) : null;
    const lane = other ?? (isTaken ? null : fullest);
    if (lane === null) return null;
    const { engine, watch } = this.#parts;
    if (lane === fullest) watch(engine.truncate(lane.slot, length));
    else watch(engine.copyPrefix(fullest.slot, lane.slot, length));
    lane.tokens = sequence.slice(0, length);
    this.#lanes.splice(this.#lanes.indexOf(lane), 1);
    this.#lanes.unshift(lane);
    return lane;
  }

  /** A new lane while slots are free, else the one not used for longest; null where there is no other. */
  #other(but: readonly Lane[]): Lane | null {
    const slot = this.#lanes.length < lanesMax ? this.#parts.takeSlot() : undefined;
    if (slot !== undefined) return this.#open(slot);
    return this.#lanes.findLast((lane) => !but.includes(lane)) ?? null;
  }
}

function sharedLength(a: readonly number[], b: readonly number[]): number {
  const end = Math.min(a.length, b.length);
  let length = 0;
  while (length < end && a[length] === b[length]) length++;
  return length;
}
