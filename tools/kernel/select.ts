// Finds the large logits of a row without sorting it: a bound below the k-th largest by bisection,
// then a list of all logits that reach the bound. NaN never reaches it.

import { floatOf, keyOf } from './order';

/** How many of `values` f32 [count], count a multiple of 4, are >= bound. */
function countAtLeast(values: usize, count: i32, bound: f32): i32 {
  const bounds = f32x4.splat(bound);
  const end = values + ((<usize>count) << 2);
  let sums = i32x4.splat(0);
  for (let at = values; at < end; at += 16) {
    // A true lane is -1.
    sums = i32x4.sub(sums, f32x4.ge(v128.load(at), bounds));
  }
  return (
    i32x4.extract_lane(sums, 0) +
    i32x4.extract_lane(sums, 1) +
    i32x4.extract_lane(sums, 2) +
    i32x4.extract_lane(sums, 3)
  );
}

/**
 * A bound reached by the k-th largest value and at most k / 8 further values, or more if they equal
 * the k-th. -Infinity if fewer than k values are above it.
 *
 * @param values f32 [count], count a multiple of 4.
 * @param largest largest of the values, below Infinity.
 * @param k >= 1.
 */
export function kthLargest(values: usize, count: i32, largest: f32, k: i32): f32 {
  // At least k values reach `low`, or it is -Infinity; fewer than k reach `high`.
  let low = keyOf(-Infinity);
  let high = keyOf(largest) + 1;
  let excess = count;
  while (excess > k >> 3) {
    const middle = low + <i32>(<u32>(high - low) >> 1);
    if (middle === low) break;
    const reached = countAtLeast(values, count, floatOf(middle));
    if (reached >= k) {
      low = middle;
      excess = reached - k;
    } else {
      high = middle;
    }
  }
  return floatOf(low);
}

/** One bit for each of 16 logits that is >= bounds. */
function reaching(logits: usize, bounds: v128): i32 {
  return (
    i32x4.bitmask(f32x4.ge(v128.load(logits), bounds)) |
    (i32x4.bitmask(f32x4.ge(v128.load(logits, 16), bounds)) << 4) |
    (i32x4.bitmask(f32x4.ge(v128.load(logits, 32), bounds)) << 8) |
    (i32x4.bitmask(f32x4.ge(v128.load(logits, 48), bounds)) << 12)
  );
}

/**
 * Lists every token whose logit is >= bound, in rising order of id.
 *
 * @param row f32 [count], count a multiple of 16.
 * @param bound above -Infinity.
 * @param out u64, room for all that reach the bound; receives entries whose rising order is falling
 *   logit, then rising id: see entryOf.
 * @returns the number of entries.
 */
export function gather(row: usize, count: i32, bound: f32, out: usize): i32 {
  const bounds = f32x4.splat(bound);
  let to = out;
  for (let from = 0; from < count; from += 16) {
    let mask = reaching(row + ((<usize>from) << 2), bounds);
    while (mask !== 0) {
      const id = from + ctz(mask);
      store<u64>(to, entryOf(f32.load(row + ((<usize>id) << 2)), id));
      to += 8;
      mask &= mask - 1;
    }
  }
  return <i32>((to - out) >> 3);
}

/** Falling order of the logit in the high word, id in the low word. */
function entryOf(logit: f32, id: i32): u64 {
  const rising = <u32>keyOf(logit) ^ 0x80000000;
  return ((<u64>~rising) << 32) | <u64>(<u32>id);
}
