// Brands numbers that must not be mixed up. The type checker tells them apart; at run time it costs
// nothing.

declare const brand: unique symbol;
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** Index of a KV sequence of an engine, in [0, slotCount). */
export type SlotId = Brand<number, 'SlotId'>;

/**
 * Brands a number as a slot of an engine.
 * @param index in [0, slotCount).
 *
 * @example
 * ```ts
 * import { slotId } from 'pilotfish/engine';
 *
 * slotId(0); // = 0
 * ```
 */
export const slotId = (index: number): SlotId => index as SlotId;
