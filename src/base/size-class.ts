// Classes of size: what is padded to one of a few lengths says less by its length. How it is padded is its owner's business.

/**
 * How long something becomes: the least of smallest, 2 smallest, 4 smallest and so on that holds it and what fills it up.
 *
 * @param length in bytes, without padding.
 * @param smallest > 0; 0: no padding.
 * @param fillMin least bytes of padding, where there are any.
 */
export function sizeClass(length: number, smallest: number, fillMin: number): number {
  if (smallest === 0) return length;
  let size = smallest;
  while (size !== length && size < length + fillMin) size *= 2;
  return size;
}
