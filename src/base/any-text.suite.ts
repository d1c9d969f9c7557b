// Makes random texts of any characters for property tests. fast-check's own `unit: 'binary'` draws
// from the same ones, but takes a second of each process to prepare.

import fc from 'fast-check';

/**
 * One code point; halves of surrogate pairs are no text. Small ones more often, as a failure
 * shrinks to them anyway.
 */
const character = fc
  .oneof(
    fc.integer({ min: 0, max: 0x7f }),
    fc.integer({ min: 0, max: 0xd7ff }),
    fc.integer({ min: 0xe000, max: 0x10ffff }),
  )
  .map((codePoint) => String.fromCodePoint(codePoint));

/** @param lengthMax in characters. */
export const anyText = (lengthMax: number): fc.Arbitrary<string> =>
  fc.string({ unit: character, maxLength: lengthMax });
