// Computes the weights exp((logit - max) / temperature) of a whole row in float64, and their sum.
// Same reduction, polynomial and order of operations as the fdlibm exponential (Sun Microsystems
// 1993, e_exp.c: remez on [0, 0.5 ln 2], error below one ulp), so that engines whose Math.exp is
// fdlibm get the same bits. NaN weighs 0.

/** Weights below exp of this, 2^-1021, become 0: no race, draw or ratio test can notice. */
const lowestExponent: f64 = -708;

// Offsets of the constants of `weigh`. Engines rebuild a constant of 16 bytes at every use, which
// cost a quarter of the time, but load one from memory in one step.
const lowestAt: usize = 0;
const clampAt: usize = 8;
const log2eAt: usize = 16;
/** Adding this constant rounds to a whole number, which is in the low bits of the sum. */
const rounderAt: usize = 24;
const ln2HighAt: usize = 32;
const ln2LowAt: usize = 40;
const p5At: usize = 48;
const p4At: usize = 56;
const p3At: usize = 64;
const p2At: usize = 72;
const p1At: usize = 80;
const oneAt: usize = 88;
const twoAt: usize = 96;

function putConstants(to: usize): void {
  f64.store(to, lowestExponent, lowestAt);
  f64.store(to, 2 * lowestExponent, clampAt);
  f64.store(to, Math.LOG2E, log2eAt);
  f64.store(to, 6755399441055744, rounderAt);
  f64.store(to, 0.6931471803691238, ln2HighAt);
  f64.store(to, 1.9082149292705877e-10, ln2LowAt);
  f64.store(to, 4.1381367970572385e-8, p5At);
  f64.store(to, -0.0000016533902205465252, p4At);
  f64.store(to, 0.00006613756321437934, p3At);
  f64.store(to, -0.0027777777777015593, p2At);
  f64.store(to, 0.16666666666666602, p1At);
  f64.store(to, 1, oneAt);
  f64.store(to, 2, twoAt);
}

/**
 * (logit - max) / temperature of two logits, with -Infinity and NaN clamped to a value that weighs
 * 0.
 */
function exponents(logits: usize, largest: v128, temperature: v128, clamp: v128): v128 {
  const distance = f64x2.sub(f64x2.promote_low_f32x4(v128.load64_zero(logits)), largest);
  return f64x2.pmax(clamp, f64x2.div(distance, temperature));
}

/** a - b c */
function less(a: v128, b: v128, c: v128): v128 {
  return f64x2.sub(a, f64x2.mul(b, c));
}

/** a + b c */
function more(a: v128, b: v128, c: v128): v128 {
  return f64x2.add(a, f64x2.mul(b, c));
}

/** 1 - ((low - r c / (2 - c)) - high), the closing formula of fdlibm. */
function closing(high: v128, low: v128, r: v128, c: v128, table: usize): v128 {
  const quotient = f64x2.div(f64x2.mul(r, c), f64x2.sub(v128.load64_splat(table, twoAt), c));
  return f64x2.sub(v128.load64_splat(table, oneAt), f64x2.sub(f64x2.sub(low, quotient), high));
}

/** y * 2^k, with k in the low bits of `rounded`; 0 where x is below lowestExponent. */
function weightOf(y: v128, rounded: v128, x: v128, lowest: v128): v128 {
  return v128.and(i64x2.add(y, i64x2.shl(rounded, 52)), f64x2.ge(x, lowest));
}

/**
 * The weights of a row. Four pairs are interleaved: one alone would wait for its own results.
 *
 * @param row f32 [count], count a multiple of 8.
 * @param largest largest logit of the row, finite.
 * @param temperature > 0.
 * @param out f64 [count], receives the weights.
 * @param table 104 bytes, overwritten.
 * @returns their sum, within count / 8 * 2^-53 of it.
 */
// biome-ignore format: the four pairs stand in columns
export function weigh(row: usize, count: i32, largest: f32, temperature: f64, out: usize, table: usize): f64 {
  putConstants(table);
  const top = f64x2.splat(<f64>largest), t = f64x2.splat(temperature);
  const end = row + (<usize>count << 2);
  let sa = f64x2.splat(0), sb = sa, sc = sa, sd = sa;
  for (; row < end; row += 32, out += 64) {
    let q = v128.load64_splat(table, clampAt);
    const xa = exponents(row, top, t, q), xb = exponents(row + 8, top, t, q), xc = exponents(row + 16, top, t, q), xd = exponents(row + 24, top, t, q);
    q = v128.load64_splat(table, rounderAt);
    let c = v128.load64_splat(table, log2eAt);
    const wa = more(q, xa, c), wb = more(q, xb, c), wc = more(q, xc, c), wd = more(q, xd, c);
    const ka = f64x2.sub(wa, q), kb = f64x2.sub(wb, q), kc = f64x2.sub(wc, q), kd = f64x2.sub(wd, q);
    q = v128.load64_splat(table, ln2HighAt);
    const ha = less(xa, ka, q), hb = less(xb, kb, q), hc = less(xc, kc, q), hd = less(xd, kd, q);
    q = v128.load64_splat(table, ln2LowAt);
    const la = f64x2.mul(ka, q), lb = f64x2.mul(kb, q), lc = f64x2.mul(kc, q), ld = f64x2.mul(kd, q);
    const ra = f64x2.sub(ha, la), rb = f64x2.sub(hb, lb), rc = f64x2.sub(hc, lc), rd = f64x2.sub(hd, ld);
    const ta = f64x2.mul(ra, ra), tb = f64x2.mul(rb, rb), tc = f64x2.mul(rc, rc), td = f64x2.mul(rd, rd);
    q = v128.load64_splat(table, p5At);
    c = v128.load64_splat(table, p4At);
    let ca = more(c, ta, q), cb = more(c, tb, q), cc = more(c, tc, q), cd = more(c, td, q);
    q = v128.load64_splat(table, p3At);
    ca = more(q, ta, ca); cb = more(q, tb, cb); cc = more(q, tc, cc); cd = more(q, td, cd);
    q = v128.load64_splat(table, p2At);
    ca = more(q, ta, ca); cb = more(q, tb, cb); cc = more(q, tc, cc); cd = more(q, td, cd);
    q = v128.load64_splat(table, p1At);
    ca = more(q, ta, ca); cb = more(q, tb, cb); cc = more(q, tc, cc); cd = more(q, td, cd);
    ca = less(ra, ta, ca); cb = less(rb, tb, cb); cc = less(rc, tc, cc); cd = less(rd, td, cd);
    const ya = closing(ha, la, ra, ca, table), yb = closing(hb, lb, rb, cb, table), yc = closing(hc, lc, rc, cc, table), yd = closing(hd, ld, rd, cd, table);
    q = v128.load64_splat(table, lowestAt);
    const ea = weightOf(ya, wa, xa, q), eb = weightOf(yb, wb, xb, q), ec = weightOf(yc, wc, xc, q), ed = weightOf(yd, wd, xd, q);
    v128.store(out, ea); v128.store(out, eb, 16); v128.store(out, ec, 32); v128.store(out, ed, 48);
    sa = f64x2.add(sa, ea); sb = f64x2.add(sb, eb); sc = f64x2.add(sc, ec); sd = f64x2.add(sd, ed);
  }
  const sum = f64x2.add(f64x2.add(sa, sb), f64x2.add(sc, sd));
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/** Divides f64 [count], count a multiple of 4, by `total` in place. */
export function divide(weights: usize, count: i32, total: f64): void {
  const totals = f64x2.splat(total);
  const end = weights + ((<usize>count) << 3);
  for (; weights < end; weights += 32) {
    v128.store(weights, f64x2.div(v128.load(weights), totals));
    v128.store(weights, f64x2.div(v128.load(weights, 16), totals), 16);
  }
}
