// Maps floats to integers of the same order, so that bisection and radix sort can work on bits. -0
// and 0 are one value here, as in every comparison of floats. Never given a NaN.

/** Signed integer with the same order as the float. */
export function keyOf(value: f32): i32 {
  // Adding 0 turns -0 into 0.
  const bits = reinterpret<i32>(value + 0);
  return bits ^ ((bits >> 31) & 0x7fffffff);
}

/** Inverse of keyOf. */
export function floatOf(key: i32): f32 {
  return reinterpret<f32>(key ^ ((key >> 31) & 0x7fffffff));
}
