// Tracks which text each slot of each engine holds, from the operations alone; requests are known
// by their seeds.

import type { PassResult } from '../../engine/engine.js';
import type { EngineOperation } from '../../server/core/event.js';
import type { ObservedServer } from '../observed.js';
import type { Answered } from '../sim-engine.js';

export interface SlotOwner {
  /** Of the request that the slot was opened for. */
  readonly seed: bigint;
  /** Tokens of the slot before the pass. */
  readonly textBefore: readonly number[];
}

interface SlotText {
  seed: bigint;
  tokens: number[];
  /** An operation on it has failed: results are discarded until it is opened again. */
  isSpoilt: boolean;
}

export class SlotOwners {
  readonly #slots = new Map<string, SlotText>();
  readonly #saved = new Map<Uint8Array, readonly number[]>();

  /**
   * Takes note of an operation.
   *
   * @returns for a pass that ended well, the owner of each segment's slot.
   */
  follow(server: ObservedServer, { operation, event }: Answered): (SlotOwner | undefined)[] {
    const nameOf = (slot: number): string => slotName(server, slot);
    if (event.kind === 'failed') {
      if (operation.kind !== 'pass') this.#spoil(nameOf(slotOf(operation)));
      return [];
    }
    switch (operation.kind) {
      case 'open': {
        const { slot, config, keptLength } = operation;
        const held = this.#slots.get(nameOf(slot))?.tokens ?? [];
        this.#fill(nameOf(slot), config.seed, held.slice(0, keptLength));
        return [];
      }
      case 'restore': {
        const { slot, config, state, length } = operation;
        this.#fill(nameOf(slot), config.seed, (this.#saved.get(state) ?? []).slice(0, length));
        return [];
      }
      case 'save':
        if (event.kind === 'done' && event.bytes) {
          this.#saved.set(event.bytes, [...this.#slots.get(nameOf(operation.slot))!.tokens]);
        }
        return [];
      case 'truncate':
        this.#slots.get(nameOf(operation.slot))!.tokens.length = operation.length;
        return [];
      case 'copy-prefix': {
        const source = this.#slots.get(nameOf(operation.from))!.tokens;
        this.#slots.get(nameOf(operation.to))!.tokens = source.slice(0, operation.length);
        return [];
      }
      case 'pass':
        return operation.segments.map(({ slot, tokens }, index) => {
          const held = this.#slots.get(nameOf(slot))!;
          const owner = { seed: held.seed, textBefore: [...held.tokens] };
          const { result } = event as { result: PassResult };
          held.tokens.push(...tokens);
          held.tokens.length = result.outcomes[index]!.length;
          return held.isSpoilt ? undefined : owner;
        });
    }
  }

  #fill(name: string, seed: bigint, tokens: number[]): void {
    this.#slots.set(name, { seed, tokens, isSpoilt: false });
  }

  #spoil(name: string): void {
    const held = this.#slots.get(name);
    if (held !== undefined) held.isSpoilt = true;
  }
}

/** The slot that an operation changes. */
export function slotOf(operation: Exclude<EngineOperation, { kind: 'pass' }>): number {
  return operation.kind === 'copy-prefix' ? operation.to : operation.slot;
}

/** Tells a slot from those of other servers and of the same server before a crash. */
export const slotName = ({ index, startCount }: ObservedServer, slot: number): string =>
  `${index}.${startCount}.${slot}`;
