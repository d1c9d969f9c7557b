// Computes the noise of src/math/noise.ts: Threefry-2x32 with 20 rounds, for sixteen tokens at once
// and for one. Source: Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2,
// 3", section 3.2.

const parity: i32 = 0x1bd11bda;

/** Second half of a round: rotate the second word, mix in the first. */
function mixed(x1: v128, x0: v128, shift: i32): v128 {
  return v128.xor(v128.or(i32x4.shl(x1, shift), i32x4.shr_u(x1, 32 - shift)), x0);
}

/**
 * First noise words of the tokens first .. first + 15. Four groups are interleaved: one alone would
 * wait half its time for its own results. One line is half of a round; the key comes after every
 * fourth round.
 *
 * @param out u32 [16]
 */
// biome-ignore format: the four groups stand in columns
export function firstWords(first: i32, position: i32, keyLow: i32, keyHigh: i32, out: usize): void {
  const k0 = i32x4.splat(keyLow), k1 = i32x4.splat(keyHigh), k2 = i32x4.splat(parity ^ keyLow ^ keyHigh);
  const four = i32x4.splat(4);
  let a0 = i32x4.add(i32x4.splat(first + keyLow), i32x4(0, 1, 2, 3));
  let b0 = i32x4.add(a0, four), c0 = i32x4.add(b0, four), d0 = i32x4.add(c0, four);
  let a1 = i32x4.splat(position + keyHigh), b1 = a1, c1 = a1, d1 = a1;
  let k: v128;
  a0 = i32x4.add(a0, a1); b0 = i32x4.add(b0, b1); c0 = i32x4.add(c0, c1); d0 = i32x4.add(d0, d1);
  a1 = mixed(a1, a0, 13); b1 = mixed(b1, b0, 13); c1 = mixed(c1, c0, 13); d1 = mixed(d1, d0, 13);
  a0 = i32x4.add(a0, a1); b0 = i32x4.add(b0, b1); c0 = i32x4.add(c0, c1); d0 = i32x4.add(d0, d1);
  a1 = mixed(a1, a0, 15); b1 = mixed(b1, b0, 15); c1 = mixed(c1, c0, 15); d1 = mixed(d1, d0, 15);
  a0 = i32x4.add(a0, a1); b0 = i32x4.add(b0, b1); c0 = i32x4.add(c0, c1); d0 = i32x4.add(d0, d1);
  a1 = mixed(a1, a0, 26); b1 = mixed(b1, b0, 26); c1 = mixed(c1, c0, 26); d1 = mixed(d1, d0, 26);
  a0 = i32x4.add(a0, a1); b0 = i32x4.add(b0, b1); c0 = i32x4.add(c0, c1); d0 = i32x4.add(d0, d1);
  a1 = mixed(a1, a0, 6); b1 = mixed(b1, b0, 6); c1 = mixed(c1, c0, 6); d1 = mixed(d1, d0, 6);
  a0 = i32x4.add(a0, k1); b0 = i32x4.add(b0, k1); c0 = i32x4.add(c0, k1); d0 = i32x4.add(d0, k1);
  k = i32x4.add(k2, i32x4.splat(1)); a1 = i32x4.add(a1, k); b1 = i32x4.add(b1, k); c1 = i32x4.add(c1, k); d1 = i32x4.add(d1, k);
  a0 = i32x4.add(a0, a1); b0 = i32x4.add(b0, b1); c0 = i32x4.add(c0, c1); d0 = i32x4.add(d0, d1);
  a1 = mixed(a1, a0, 17); b1 = mixed(b1, b0, 17); c1 = mixed(c1, c0, 17); d1 = mixed(d1, d0, 17);
  a0 = i32x4.add(a0, a1); b0 = i32x4.add(b0, b1); c0 = i32x4.add(c0, c1); d0 = i32x4.add(d0, d1);
  a1 = mixed(a1, a0, 29); b1 = mixed(b1, b0, 29); c1 = mixed(c1, c0, 29); d1 = mixed(d1, d0, 29);
  a0 = i32x4.add(a0, a1); b0 = i32x4.add(b0, b1); c0 = i32x4.add(c0, c1); d0 = i32x4.add(d0, d1);
  a1 = mixed(a1, a0, 16); b1 = mixed(b1, b0, 16); c1 = mixed(c1, c0, 16); d1 = mixed(d1, d0, 16);
  a0 = i32x4.add(a0, a1); b0 = i32x4.add(b0, b1); c0 = i32x4.add(c0, c1); d0 = i32x4.add(d0, d1);
  a1 = mixed(a1, a0, 24); b1 = mixed(b1, b0, 24); c1 = mixed(c1, c0, 24); d1 = mixed(d1, d0, 24);
  a0 = i32x4.add(a0, k2); b0 = i32x4.add(b0, k2); c0 = i32x4.add(c0, k2); d0 = i32x4.add(d0, k2);
  k = i32x4.add(k0, i32x4.splat(2)); a1 = i32x4.add(a1, k); b1 = i32x4.add(b1, k); c1 = i32x4.add(c1, k); d1 = i32x4.add(d1, k);
  a0 = i32x4.add(a0, a1); b0 = i32x4.add(b0, b1); c0 = i32x4.add(c0, c1); d0 = i32x4.add(d0, d1);
  a1 = mixed(a1, a0, 13); b1 = mixed(b1, b0, 13); c1 = mixed(c1, c0, 13); d1 = mixed(d1, d0, 13);
  a0 = i32x4.add(a0, a1); b0 = i32x4.add(b0, b1); c0 = i32x4.add(c0, c1); d0 = i32x4.add(d0, d1);
  a1 = mixed(a1, a0, 15); b1 = mixed(b1, b0, 15); c1 = mixed(c1, c0, 15); d1 = mixed(d1, d0, 15);
  a0 = i32x4.add(a0, a1); b0 = i32x4.add(b0, b1); c0 = i32x4.add(c0, c1); d0 = i32x4.add(d0, d1);
  a1 = mixed(a1, a0, 26); b1 = mixed(b1, b0, 26); c1 = mixed(c1, c0, 26); d1 = mixed(d1, d0, 26);
  a0 = i32x4.add(a0, a1); b0 = i32x4.add(b0, b1); c0 = i32x4.add(c0, c1); d0 = i32x4.add(d0, d1);
  a1 = mixed(a1, a0, 6); b1 = mixed(b1, b0, 6); c1 = mixed(c1, c0, 6); d1 = mixed(d1, d0, 6);
  a0 = i32x4.add(a0, k0); b0 = i32x4.add(b0, k0); c0 = i32x4.add(c0, k0); d0 = i32x4.add(d0, k0);
  k = i32x4.add(k1, i32x4.splat(3)); a1 = i32x4.add(a1, k); b1 = i32x4.add(b1, k); c1 = i32x4.add(c1, k); d1 = i32x4.add(d1, k);
  a0 = i32x4.add(a0, a1); b0 = i32x4.add(b0, b1); c0 = i32x4.add(c0, c1); d0 = i32x4.add(d0, d1);
  a1 = mixed(a1, a0, 17); b1 = mixed(b1, b0, 17); c1 = mixed(c1, c0, 17); d1 = mixed(d1, d0, 17);
  a0 = i32x4.add(a0, a1); b0 = i32x4.add(b0, b1); c0 = i32x4.add(c0, c1); d0 = i32x4.add(d0, d1);
  a1 = mixed(a1, a0, 29); b1 = mixed(b1, b0, 29); c1 = mixed(c1, c0, 29); d1 = mixed(d1, d0, 29);
  a0 = i32x4.add(a0, a1); b0 = i32x4.add(b0, b1); c0 = i32x4.add(c0, c1); d0 = i32x4.add(d0, d1);
  a1 = mixed(a1, a0, 16); b1 = mixed(b1, b0, 16); c1 = mixed(c1, c0, 16); d1 = mixed(d1, d0, 16);
  a0 = i32x4.add(a0, a1); b0 = i32x4.add(b0, b1); c0 = i32x4.add(c0, c1); d0 = i32x4.add(d0, d1);
  a1 = mixed(a1, a0, 24); b1 = mixed(b1, b0, 24); c1 = mixed(c1, c0, 24); d1 = mixed(d1, d0, 24);
  a0 = i32x4.add(a0, k1); b0 = i32x4.add(b0, k1); c0 = i32x4.add(c0, k1); d0 = i32x4.add(d0, k1);
  k = i32x4.add(k2, i32x4.splat(4)); a1 = i32x4.add(a1, k); b1 = i32x4.add(b1, k); c1 = i32x4.add(c1, k); d1 = i32x4.add(d1, k);
  a0 = i32x4.add(a0, a1); b0 = i32x4.add(b0, b1); c0 = i32x4.add(c0, c1); d0 = i32x4.add(d0, d1);
  a1 = mixed(a1, a0, 13); b1 = mixed(b1, b0, 13); c1 = mixed(c1, c0, 13); d1 = mixed(d1, d0, 13);
  a0 = i32x4.add(a0, a1); b0 = i32x4.add(b0, b1); c0 = i32x4.add(c0, c1); d0 = i32x4.add(d0, d1);
  a1 = mixed(a1, a0, 15); b1 = mixed(b1, b0, 15); c1 = mixed(c1, c0, 15); d1 = mixed(d1, d0, 15);
  a0 = i32x4.add(a0, a1); b0 = i32x4.add(b0, b1); c0 = i32x4.add(c0, c1); d0 = i32x4.add(d0, d1);
  a1 = mixed(a1, a0, 26); b1 = mixed(b1, b0, 26); c1 = mixed(c1, c0, 26); d1 = mixed(d1, d0, 26);
  a0 = i32x4.add(a0, a1); b0 = i32x4.add(b0, b1); c0 = i32x4.add(c0, c1); d0 = i32x4.add(d0, d1);
  a0 = i32x4.add(a0, k2); b0 = i32x4.add(b0, k2); c0 = i32x4.add(c0, k2); d0 = i32x4.add(d0, k2);
  v128.store(out, a0); v128.store(out, b0, 16); v128.store(out, c0, 32); v128.store(out, d0, 48);
}

/** Both noise words of one token: the first in the high half. */
function bothWords(token: i32, position: i32, keyLow: i32, keyHigh: i32): u64 {
  let k0 = keyLow;
  let k1 = keyHigh;
  let k2 = parity ^ keyLow ^ keyHigh;
  let x0 = token + k0;
  let x1 = position + k1;
  for (let injection = 1; injection <= 5; injection++) {
    // The rotations of odd and even groups of four rounds, a byte each.
    let rotations: u32 = injection & 1 ? 0x061a0f0d : 0x18101d11;
    for (let round = 0; round < 4; round++) {
      x0 += x1;
      x1 = rotl(x1, <i32>(rotations & 255)) ^ x0;
      rotations >>= 8;
    }
    x0 += k1;
    x1 += k2 + injection;
    const passed = k0;
    k0 = k1;
    k1 = k2;
    k2 = passed;
  }
  return ((<u64>(<u32>x0)) << 32) | <u64>(<u32>x1);
}

/**
 * Natural logarithm of a normal number > 0, by log1p, because the library's own logarithm brings 4
 * KiB of tables.
 */
function logarithm(value: f64): f64 {
  const bits = reinterpret<u64>(value);
  const exponent = <i32>(bits >> 52) - 1023;
  const mantissa = reinterpret<f64>((bits & 0x000fffffffffffff) | 0x3ff0000000000000);
  return Math.log1p(mantissa - 1) + <f64>exponent * Math.LN2;
}

/** Logarithm of `exponential` of src/math/noise.ts: ln(-ln(1 - u)), within 1e-14 of it. */
export function logExponential(token: i32, position: i32, keyLow: i32, keyHigh: i32): f64 {
  const steps = bothWords(token, position, keyLow, keyHigh) >> 12;
  return logarithm(-Math.log1p(-((<f64>steps + 0.5) / 4503599627370496)));
}
