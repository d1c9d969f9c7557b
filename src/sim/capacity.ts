// Searches for the most users that a server can have before answers become too slow; each look is a
// whole simulation.

import { assert } from '../base/assert.js';

/** Precision at which the search ends: seeds differ by as much. */
const precision = 0.03;

/**
 * The most users for whom `holds`, good to 3 %. It is taken to hold for fewer users wherever it
 * holds for some.
 *
 * @param most where the search ends, >= 1.
 * @returns in [0, most]; 0: not even for one.
 */
export async function mostUsers(
  most: number,
  holds: (users: number) => Promise<boolean>,
): Promise<number> {
  assert(most >= 1, `a search up to ${most} users`);
  let [good, bad] = [0, most + 1];
  while (good < most && 2 * Math.max(1, good) < bad) {
    const next = Math.min(most, Math.max(1, 2 * good));
    if (await holds(next)) good = next;
    else bad = next;
  }
  while (bad - good > Math.max(1, precision * good)) {
    const next = Math.floor((good + bad) / 2);
    if (await holds(next)) good = next;
    else bad = next;
  }
  return good;
}
