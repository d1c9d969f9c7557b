// Keys that may connect, compared so that the time a refusal takes tells nothing. Keeps digests, never the keys.

import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * Compares digests in constant time: how long a refusal takes must not tell how much of a key was right.
 *
 * @param keys undefined: any key will do.
 */
export function keyCheck(keys: readonly string[] | undefined): (key: string) => boolean {
  if (keys === undefined) return () => true;
  const digest = (key: string): Buffer => createHash('sha256').update(key).digest();
  const known = keys.map(digest);
  return (key) => {
    const asked = digest(key);
    return known.filter((one) => timingSafeEqual(one, asked)).length > 0;
  };
}
