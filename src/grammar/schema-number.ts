// Compiles numbers of a schema. Bounds are enforced by spelling: a range of whole numbers becomes a
// few digit patterns, and a fraction is written only between two whole numbers of the range.

import {
  byteIn,
  characterOf,
  choice,
  type Expression,
  exactText,
  nothing,
  repeat,
  sequence,
} from './expression.js';
import { grammarLimits } from './grammar-limits.js';
import { digit, integer, number } from './json-text.js';
import { type Located, refuseSchema } from './schema-document.js';

/** Whole numbers that satisfy the bounds: [from, last], or null without bounds. */
type WholeRange = readonly [from: number, last: number] | null;

export function integerOf(located: Located): Expression {
  const range = wholeRange(located);
  return range === null ? integer : integersIn(...range);
}

/**
 * With bounds: a whole number of the range, also with zeros behind its point, or a fraction between
 * two of them; no exponent.
 */
export function numberOf(located: Located): Expression {
  const range = wholeRange(located);
  if (range === null) return number;
  const [from, last] = range;
  const fraction = sequence(characterOf('.'), repeat(digit, 1, grammarLimits.digits));
  // The whole part (towards zero) and the next whole number (away from zero) must both be in range.
  const above = naturalsIn(Math.max(0, from), last - 1);
  const below = naturalsIn(Math.max(0, -last), -from - 1);
  const zeros = sequence(characterOf('.'), repeat(digitIn(0, 0), 1, grammarLimits.digits));
  // A model that writes 0.5 writes 1.0 too: without it, what follows would be out of its habit.
  const highest = last < 0 ? nothing : sequence(exactText(`${last}`), zeros);
  const lowest = from > -1 ? nothing : sequence(exactText(`${from}`), zeros);
  return choice(
    integersIn(from, last),
    sequence(above, fraction),
    sequence(characterOf('-'), below, fraction),
    highest,
    lowest,
  );
}

function wholeRange({ schema, path }: Located): WholeRange {
  const keywords = schema as Readonly<Record<string, unknown>>;
  const bound = (keyword: string, round: (value: number) => number, without: number): number => {
    const value = keywords[keyword];
    if (value === undefined) return without;
    if (typeof value === 'number' && Math.abs(value) < Number.MAX_SAFE_INTEGER) return round(value);
    throw refuseSchema(`${path}/${keyword}`, `${JSON.stringify(value)} is not a number below 2^53`);
  };
  const lowest = -Number.MAX_SAFE_INTEGER;
  const highest = Number.MAX_SAFE_INTEGER;
  const from = Math.max(
    bound('minimum', Math.ceil, lowest),
    bound('exclusiveMinimum', (value) => Math.floor(value) + 1, lowest),
  );
  const last = Math.min(
    bound('maximum', Math.floor, highest),
    bound('exclusiveMaximum', (value) => Math.ceil(value) - 1, highest),
  );
  if (from === lowest && last === highest) return null;
  // Minus zero is written as zero.
  if (from <= last) return [from + 0, last + 0];
  throw refuseSchema(path, 'no whole number lies within the bounds, and no other would be written');
}

function integersIn(from: number, last: number): Expression {
  return choice(
    naturalsIn(Math.max(0, from), last),
    sequence(characterOf('-'), naturalsIn(Math.max(1, -last), -from)),
  );
}

/** Decimal spellings of [from, last], from >= 0; matches nothing if the range is empty. */
function naturalsIn(from: number, last: number): Expression {
  const options: Expression[] = [];
  for (let low = from; low <= last; ) {
    const { length } = String(low);
    const high = Math.min(last, 10 ** length - 1);
    options.push(...spellings(String(low), String(high)));
    low = high + 1;
  }
  return options.length === 0 ? nothing : choice(...options);
}

/**
 * Spellings between two of one length: where the first digits differ, digits in between are
 * followed by any digits.
 */
function spellings(low: string, high: string): Expression[] {
  const [first, last] = [Number(low[0]), Number(high[0])];
  const [lowRest, highRest] = [low.slice(1), high.slice(1)];
  const count = lowRest.length;
  if (count === 0) return [digitIn(first, last)];
  const headed = (head: string, tails: readonly Expression[]): Expression[] =>
    tails.map((tail) => sequence(exactText(head), tail));
  if (first === last) return headed(low[0]!, spellings(lowRest, highRest));
  const [zeros, nines] = ['0'.repeat(count), '9'.repeat(count)];
  const from = lowRest === zeros ? first : first + 1;
  const to = highRest === nines ? last : last - 1;
  return [
    ...(lowRest === zeros ? [] : headed(low[0]!, spellings(lowRest, nines))),
    ...(from <= to ? [sequence(digitIn(from, to), repeat(digit, count, count))] : []),
    ...(highRest === nines ? [] : headed(high[0]!, spellings(zeros, highRest))),
  ];
}

const zero = 0x30;
const digitIn = (from: number, last: number): Expression => byteIn([zero + from, zero + last]);
