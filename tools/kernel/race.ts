// Narrows the exponential race of a row: keeps every token that can be among the first `wanted`,
// and drops nearly all others by a float32 bound on their score, sixteen at once. The caller
// decides among the kept ones in float64.
//
// A score is ln(E / weight) = ln E - (logit - largest) / temperature; the smallest wins. The bound
// uses only the first noise word w, of which u >= h * 2^-31 with h = w >> 1, and E = -ln(1 - u) >=
// u. The bits of h as a float, read as an integer, are 2^23 * (127 + log2 h) or less (a chord below
// the logarithm). So, in units of 2^-23 of log2,
//   bits(h) - (logit - largest) * scale <= 2^23 * (S + 127 + 31)
// must hold for a token whose score is S ln 2 or less. Float32 errors may add: 64 for bits(h) and 1
// for h as a float, 64 for the sum of both sides, 2^-24 of the right side, which is 79 + S / 2, and
// 3 * 2^-24 of the product. The product lies below S + 58 (u >= 2^-53, and 5 as a reserve), which
// makes 87 + 1.5 S. In total 295 + 2 S: `margin` * (1 + S / 100) must be above that, and a winner
// has S < 6, since the favourite's E is below 37.

import { firstWords, logExponential } from './noise';

/** ln of the smallest variate, 2^-53, rounded down. */
const lowestLogVariate: f64 = -36.8;
/**
 * Scores closer than this to the last wanted one are kept: two float64 computations differ by less.
 */
const decisionMargin: f64 = 1e-9;
/** Units of the bound in one log2. */
const unit: f64 = 8388608;
const blockLength: i32 = 16;
/** Exp of smaller values is 0 in float64; a token of weight 0 is not in the race. */
const lowestExponent: f64 = -745.1332191019412;
/** Largest `wanted`. */
const wantedMax: usize = 64;

/** Offsets into the scratch memory of a race. */
const bestOffset: usize = 64;
const keptOffset: usize = bestOffset + 8 * wantedMax;

// State of the running race.
let keyLow: i32 = 0;
let keyHigh: i32 = 0;
let position: i32 = 0;
let row: usize = 0;
let largest: f64 = 0;
let temperature: f64 = 1;
let floor: f32 = 0;
let lastAtFloor: i32 = 0;
let wanted: i32 = 1;
/** f64 [wanted], rising: the smallest scores so far; Infinity if fewer are known. */
let best: usize = 0;
/** Score f64 and id i32 of each kept token, 16 bytes apart. */
let kept: usize = 0;
let keptEnd: usize = 0;

/** Sets the noise of the next races. */
export function setNoise(low: i32, high: i32, at: i32): void {
  keyLow = low;
  keyHigh = high;
  position = at;
}

/**
 * Sets the participants of the next races: tokens with a logit above `lowest`, and those at it up
 * to id `last`.
 */
export function setField(lowest: f32, last: i32): void {
  floor = lowest;
  lastAtFloor = last;
}

/**
 * Runs one race.
 *
 * @param rowStart f32 [count], count a multiple of 16.
 * @param favourite lowest id with the largest logit; its score bounds the others from the start.
 * @param rowTemperature >= 1e-30, so that the float32 scale stays finite.
 * @param wantedCount in [1, 64].
 * @param margin units added to the bound; 512 is safe; less may lose the winner.
 * @param scratch 64 + 8 * 64 + 16 * count bytes.
 * @returns number of ids, i32, written to `scratch` in no promised order: all that can be among the
 *   first wantedCount.
 */
export function race(
  rowStart: usize,
  count: i32,
  favourite: i32,
  rowTemperature: f64,
  wantedCount: i32,
  margin: f64,
  scratch: usize,
): i32 {
  prepare(rowStart, favourite, rowTemperature, wantedCount, scratch);
  const top = f32x4.splat(<f32>largest);
  const scale = f32x4.splat(<f32>(unit / (Math.LN2 * temperature)));
  let limit = f32x4.splat(scoreLimit(margin));
  let lowest = f32x4.splat(lowestLogit());
  for (let from = 0; from < count; from += blockLength) {
    const at = row + ((<usize>from) << 2);
    if (!anyReaches(at, lowest)) continue;
    firstWords(from, position, keyLow, keyHigh, scratch);
    let mask =
      hits(at, scratch, top, scale, limit) |
      (hits(at + 16, scratch + 16, top, scale, limit) << 4) |
      (hits(at + 32, scratch + 32, top, scale, limit) << 8) |
      (hits(at + 48, scratch + 48, top, scale, limit) << 12);
    if (mask === 0) continue;
    for (; mask !== 0; mask &= mask - 1) {
      const id = from + ctz(mask);
      if (id !== favourite) enter(id);
    }
    limit = f32x4.splat(scoreLimit(margin));
    lowest = f32x4.splat(lowestLogit());
  }
  return finish(scratch);
}

function prepare(
  rowStart: usize,
  favourite: i32,
  rowTemperature: f64,
  wantedCount: i32,
  scratch: usize,
): void {
  row = rowStart;
  largest = <f64>f32.load(rowStart + ((<usize>favourite) << 2));
  temperature = rowTemperature;
  wanted = wantedCount;
  best = scratch + bestOffset;
  kept = scratch + keptOffset;
  keptEnd = kept;
  for (let rank = 0; rank < wanted; rank++) f64.store(best + ((<usize>rank) << 3), Infinity);
  enter(favourite);
}

/** Score of the last of the wanted so far. */
function worstScore(): f64 {
  return f64.load(best + ((<usize>(wanted - 1)) << 3));
}

/** Right side of the bound. Finite even while fewer than `wanted` are known. */
function scoreLimit(margin: f64): f32 {
  const score = worstScore() / Math.LN2;
  return <f32>min(unit * (score + 158) + margin * (1 + max(score, 0) / 100), 3e38);
}

/** No token with a smaller logit can win with any noise. */
function lowestLogit(): f32 {
  return max(floor, <f32>(largest + temperature * (lowestLogVariate - worstScore())));
}

/** Whether any of 16 logits is >= lowest. */
function anyReaches(logits: usize, lowest: v128): bool {
  const first = v128.or(
    f32x4.ge(v128.load(logits), lowest),
    f32x4.ge(v128.load(logits, 16), lowest),
  );
  const second = v128.or(
    f32x4.ge(v128.load(logits, 32), lowest),
    f32x4.ge(v128.load(logits, 48), lowest),
  );
  return v128.any_true(v128.or(first, second));
}

/** One bit for each of four tokens whose bound does not exclude it. */
function hits(logits: usize, words: usize, top: v128, scale: v128, limit: v128): i32 {
  const halves = i32x4.shr_u(v128.load(words), 1);
  const bits = f32x4.convert_i32x4_s(f32x4.convert_i32x4_s(halves));
  const distance = f32x4.mul(f32x4.sub(v128.load(logits), top), scale);
  return i32x4.bitmask(f32x4.le(bits, f32x4.add(distance, limit)));
}

/** Keeps a token if its score in float64 can still be among the wanted. */
function enter(id: i32): void {
  const logit = f32.load(row + ((<usize>id) << 2));
  if (!(logit > -Infinity) || logit < floor || (logit === floor && id > lastAtFloor)) return;
  const exponent = (<f64>logit - largest) / temperature;
  if (exponent < lowestExponent) return;
  const score = logExponential(id, position, keyLow, keyHigh) - exponent;
  if (!(score <= worstScore() + decisionMargin)) return;
  f64.store(keptEnd, score);
  i32.store(keptEnd, id, 8);
  keptEnd += 16;
  insert(score);
}

/** Inserts a score into the best ones; the last is dropped. */
function insert(score: f64): void {
  let hole = best + ((<usize>(wanted - 1)) << 3);
  if (!(score < f64.load(hole))) return;
  while (hole > best && f64.load(hole - 8) > score) {
    f64.store(hole, f64.load(hole - 8));
    hole -= 8;
  }
  f64.store(hole, score);
}

/** Copies the ids still in the race to `out`, which lies before `kept`. */
function finish(out: usize): i32 {
  const limit = worstScore() + decisionMargin;
  let to = out;
  for (let at = kept; at < keptEnd; at += 16) {
    if (!(f64.load(at) <= limit)) continue;
    i32.store(to, i32.load(at, 8));
    to += 4;
  }
  return <i32>((to - out) >> 2);
}
