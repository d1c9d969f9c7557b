// Spoils pictures at random, for the tests of their reader and of what is above it.

import fc from 'fast-check';
import { drawn } from './drawn.suite.js';

/** Edits of an intact file, as data, so that a failure can print them. */
export interface PictureEdit {
  readonly kind: 'flip' | 'number' | 'cut' | 'remove' | 'repeat';
  /** Place in 1/65536 of the file. */
  readonly at: number;
  readonly value: number;
}

const edit: fc.Arbitrary<PictureEdit> = fc.record({
  kind: fc.constantFrom('flip', 'flip', 'flip', 'number', 'cut', 'remove', 'repeat'),
  at: fc.nat(65_535),
  value: fc.nat(255),
});
export const pictureEdits = fc.array(edit, { minLength: 1, maxLength: 4 });

function apply(bytes: Buffer, { kind, at, value }: PictureEdit): Buffer {
  const place = Math.floor((at * bytes.length) / 65_536);
  if (bytes.length < 8) return bytes;
  switch (kind) {
    case 'flip':
      bytes[place] = value;
      return bytes;
    case 'number':
      bytes.fill(value < 128 ? 0xff : 0, place, Math.min(place + 4, bytes.length));
      return bytes;
    case 'cut':
      return bytes.subarray(0, place);
    case 'remove':
      return Buffer.concat([bytes.subarray(0, place), bytes.subarray(place + value)]);
    case 'repeat':
      return Buffer.concat([bytes.subarray(0, place + value), bytes.subarray(place)]);
  }
}

/** A copy with some edits. */
export const spoiled = (file: Buffer, edits: readonly PictureEdit[]): Buffer =>
  edits.reduce(apply, Buffer.from(file));

/** Of every kind that is read. */
export const pictureSources = [
  drawn(24, 18).png({ palette: true }),
  drawn(24, 18).jpeg(),
  drawn(24, 18).jpeg({ progressive: true }),
  drawn(24, 18).webp(),
  drawn(24, 18).webp({ lossless: true }),
];
