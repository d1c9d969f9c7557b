// Rounds lengths up to a few size classes, so that a padded length reveals less. Callers do the
// padding.

/**
 * The smallest of `smallest`, 2 `smallest`, 4 `smallest` and so on that holds the content and its
 * padding.
 *
 * @param length in bytes, without padding.
 * @param smallest > 0; 0: no padding.
 * @param fillMin least bytes of padding, if there is padding.
 */
export function sizeClass(length: number, smallest: number, fillMin: number): number {
  if (smallest === 0) return length;
  let size = smallest;
  while (size !== length && size < length + fillMin) size *= 2;
  return size;
}
