// Scans a row: its largest logit, the largest of each block, and the index of a value. NaN loses
// every comparison here, so it counts as -Infinity. Never writes to the row.

/** Logits of one block. kernel.ts pads rows with -Infinity to a multiple of this. */
export const blockLength: i32 = 32;

/** Larger of two, lane by lane; a NaN in `b` leaves `a`. */
function larger(a: v128, b: v128): v128 {
  return f32x4.pmax(a, b);
}

function largestLane(lanes: v128): f32 {
  const pairs = larger(
    lanes,
    i8x16.shuffle(lanes, lanes, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7),
  );
  return max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1));
}

/**
 * Largest logit of a row, -Infinity if there is none.
 *
 * @param row f32 [count]
 * @param count a multiple of blockLength.
 * @param maxima f32 [count / blockLength], receives the largest logit of each block.
 */
export function scan(row: usize, count: i32, maxima: usize): f32 {
  const none = f32x4.splat(-Infinity);
  let whole = none;
  for (let from = 0; from < count; from += blockLength) {
    const block = row + ((<usize>from) << 2);
    let even = none;
    let odd = none;
    for (let offset: usize = 0; offset < 128; offset += 32) {
      even = larger(even, v128.load(block + offset));
      odd = larger(odd, v128.load(block + offset, 16));
    }
    even = larger(even, odd);
    whole = larger(whole, even);
    f32.store(maxima, largestLane(even));
    maxima += 4;
  }
  return largestLane(whole);
}

/**
 * Lowest index whose logit equals `value`, or -1.
 *
 * @param maxima f32, as written by `scan`.
 */
export function firstIndexOf(value: f32, row: usize, count: i32, maxima: usize): i32 {
  for (let from = 0; from < count; from += blockLength) {
    const largest = f32.load(maxima + ((<usize>(from / blockLength)) << 2));
    if (!(largest >= value)) continue;
    for (let index = from; index < from + blockLength; index++) {
      if (f32.load(row + ((<usize>index) << 2)) === value) return index;
    }
  }
  return -1;
}
