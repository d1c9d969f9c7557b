// Reads the grid of an image off the places that mtmd gives its tokens. Source: mtmd.h,
// mtmd_decoder_pos, as of the package's version 1.7.15.

import type { ImageGrid } from '../../image-tokens.js';

/** Time, column, row, and a number for other kinds of models, from the image's position on. */
export const placeLayout = { t: 'uint32', x: 'uint32', y: 'uint32', z: 'uint32' };

/** A mtmd_decoder_pos. */
export type ImageTokenPlace = Readonly<Record<keyof typeof placeLayout, number>>;

/**
 * @param places [n >= 1] of the tokens, in their order.
 * @param positionCount positions that the image takes.
 * @returns null where the tokens do not stand row by row, or the image takes other positions than
 *   its longer side: the cache would be told wrong ones.
 */
export function gridOfPlaces(
  places: readonly ImageTokenPlace[],
  positionCount: number,
): ImageGrid | null {
  const { x, y } = places.at(-1)!;
  const [columns, rows] = [x + 1, y + 1];
  const isGrid = places.every(
    (place, at) =>
      place.t === 0 &&
      place.z === 0 &&
      place.x === at % columns &&
      place.y === Math.floor(at / columns),
  );
  const isWhole = places.length === columns * rows && positionCount === Math.max(columns, rows);
  return isGrid && isWhole ? { columns, rows } : null;
}
