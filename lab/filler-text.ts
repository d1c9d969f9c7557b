// Text for passes whose content does not matter.

/** Ids of the bundled vocabulary, other in every slot, the same in every run. */
export const fillerText = (slot: number, from: number, count: number): Int32Array =>
  Int32Array.from(
    { length: count },
    (_, index) => 3 + ((slot * 7919 + (from + index) * 104729) % 4000),
  );
