// Numbers that must not be mixed up, told apart by the type checker at no cost at run time.

declare const brand: unique symbol;
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** Index of a KV sequence of an engine, in [0, slotCount). */
export type SlotId = Brand<number, 'SlotId'>;

export const slotId = (index: number): SlotId => index as SlotId;
