// Weights exp((logit - max) / temperature) of a whole row in float64, and their sum. Same reduction, polynomial and
// order of operations as the fdlibm exponential (Sun Microsystems 1993, e_exp.c: remez on [0, 0.5 ln 2], error below one
// ulp), so that engines whose Math.exp is fdlibm get the same bits. NaN weighs 0.

/** Weights below exp of this, 2^-1021, become 0: no race, draw or ratio test can tell. */
const lowestExponent: f64 = -708;
const log2e: f64 = Math.LOG2E;
const ln2High: f64 = 0.6931471803691238;
const ln2Low: f64 = 1.9082149292705877e-10;
const p1: f64 = 0.16666666666666602;
const p2: f64 = -0.0027777777777015593;
const p3: f64 = 0.00006613756321437934;
const p4: f64 = -0.0000016533902205465252;
const p5: f64 = 4.1381367970572385e-8;
/** Adding this rounds to a whole number and leaves it in the low bits of the sum. */
const rounder: f64 = 6755399441055744;

/** (logit - max) / temperature of two logits, -Infinity and NaN as far below as anything that still weighs 0. */
function exponents(logits: usize, largest: v128, temperature: v128): v128 {
  const distance = f64x2.sub(f64x2.promote_low_f32x4(v128.load64_zero(logits)), largest);
  return f64x2.pmax(f64x2.splat(2 * lowestExponent), f64x2.div(distance, temperature));
}

function wholePart(x: v128): v128 {
  return f64x2.add(f64x2.mul(x, f64x2.splat(log2e)), f64x2.splat(rounder));
}

function step(t: v128, inner: v128, coefficient: f64): v128 {
  return f64x2.add(f64x2.splat(coefficient), f64x2.mul(t, inner));
}

/** 1 - ((low - r c / (2 - c)) - high), the closing formula of fdlibm. */
function closing(high: v128, low: v128, r: v128, c: v128): v128 {
  const quotient = f64x2.div(f64x2.mul(r, c), f64x2.sub(f64x2.splat(2), c));
  return f64x2.sub(f64x2.splat(1), f64x2.sub(f64x2.sub(low, quotient), high));
}

/** y * 2^k, with k in the low bits of `rounded`; 0 where x is below lowestExponent. */
function weightOf(y: v128, rounded: v128, x: v128): v128 {
  const isWeighty = f64x2.ge(x, f64x2.splat(lowestExponent));
  return v128.and(i64x2.add(y, i64x2.shl(rounded, 52)), isWeighty);
}

/**
 * The weights of a row. Four pairs side by side: one alone would spend its time waiting for its own results.
 *
 * @param row f32 [count], count a multiple of 8.
 * @param largest largest logit of the row, finite.
 * @param temperature > 0.
 * @param out f64 [count], receives the weights.
 * @returns their sum, within count / 8 * 2^-53 of it.
 */
// biome-ignore format: the four pairs stand in columns
export function weigh(row: usize, count: i32, largest: f32, temperature: f64, out: usize): f64 {
  const top = f64x2.splat(<f64>largest), t = f64x2.splat(temperature), r = f64x2.splat(rounder);
  const high = f64x2.splat(ln2High), low = f64x2.splat(ln2Low), p = f64x2.splat(p5);
  const end = row + (<usize>count << 2);
  let sa = f64x2.splat(0), sb = sa, sc = sa, sd = sa;
  for (; row < end; row += 32, out += 64) {
    const xa = exponents(row, top, t), xb = exponents(row + 8, top, t), xc = exponents(row + 16, top, t), xd = exponents(row + 24, top, t);
    const wa = wholePart(xa), wb = wholePart(xb), wc = wholePart(xc), wd = wholePart(xd);
    const ka = f64x2.sub(wa, r), kb = f64x2.sub(wb, r), kc = f64x2.sub(wc, r), kd = f64x2.sub(wd, r);
    const ha = f64x2.sub(xa, f64x2.mul(ka, high)), hb = f64x2.sub(xb, f64x2.mul(kb, high)), hc = f64x2.sub(xc, f64x2.mul(kc, high)), hd = f64x2.sub(xd, f64x2.mul(kd, high));
    const la = f64x2.mul(ka, low), lb = f64x2.mul(kb, low), lc = f64x2.mul(kc, low), ld = f64x2.mul(kd, low);
    const ra = f64x2.sub(ha, la), rb = f64x2.sub(hb, lb), rc = f64x2.sub(hc, lc), rd = f64x2.sub(hd, ld);
    const ta = f64x2.mul(ra, ra), tb = f64x2.mul(rb, rb), tc = f64x2.mul(rc, rc), td = f64x2.mul(rd, rd);
    let ca = step(ta, p, p4), cb = step(tb, p, p4), cc = step(tc, p, p4), cd = step(td, p, p4);
    ca = step(ta, ca, p3); cb = step(tb, cb, p3); cc = step(tc, cc, p3); cd = step(td, cd, p3);
    ca = step(ta, ca, p2); cb = step(tb, cb, p2); cc = step(tc, cc, p2); cd = step(td, cd, p2);
    ca = step(ta, ca, p1); cb = step(tb, cb, p1); cc = step(tc, cc, p1); cd = step(td, cd, p1);
    ca = f64x2.sub(ra, f64x2.mul(ta, ca)); cb = f64x2.sub(rb, f64x2.mul(tb, cb)); cc = f64x2.sub(rc, f64x2.mul(tc, cc)); cd = f64x2.sub(rd, f64x2.mul(td, cd));
    const ya = closing(ha, la, ra, ca), yb = closing(hb, lb, rb, cb), yc = closing(hc, lc, rc, cc), yd = closing(hd, ld, rd, cd);
    const ea = weightOf(ya, wa, xa), eb = weightOf(yb, wb, xb), ec = weightOf(yc, wc, xc), ed = weightOf(yd, wd, xd);
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
