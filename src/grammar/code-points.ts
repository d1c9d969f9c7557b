// Represents sets of Unicode code points as sorted ranges, and encodes them in UTF-8: a range of
// code points becomes a few sequences of byte ranges. Surrogates are not characters and have no
// encoding.

import { byteIn, choice, type Expression, encodePoint, sequence, shared } from './expression.js';

/** Inclusive at both ends. */
export type PointRange = readonly [from: number, last: number];

const lastPoint = 0x10ffff;
export const everyPoint: readonly PointRange[] = [
  [0, 0xd7ff],
  [0xe000, lastPoint],
];

/** Sorted, without overlaps. */
export function union(ranges: readonly PointRange[]): PointRange[] {
  const merged: [number, number][] = [];
  for (const [from, last] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const previous = merged.at(-1);
    if (previous !== undefined && from <= previous[1] + 1) {
      previous[1] = Math.max(previous[1], last);
    } else merged.push([from, last]);
  }
  return merged;
}

export function intersection(
  left: readonly PointRange[],
  right: readonly PointRange[],
): PointRange[] {
  const shared = left.flatMap(([from, last]) =>
    right.map(
      ([otherFrom, otherLast]): PointRange => [
        Math.max(from, otherFrom),
        Math.min(last, otherLast),
      ],
    ),
  );
  return union(shared.filter(([from, last]) => from <= last));
}

/** All characters except these. */
export function complement(ranges: readonly PointRange[]): PointRange[] {
  const gaps: PointRange[] = [];
  let next = 0;
  for (const [from, last] of union(ranges)) {
    if (from > next) gaps.push([next, from - 1]);
    next = Math.max(next, last + 1);
  }
  if (next <= lastPoint) gaps.push([next, lastPoint]);
  return intersection(gaps, everyPoint);
}

/** Where the length of the UTF-8 changes. */
const lengthEnds = [0x7f, 0x7ff, 0xffff, lastPoint];

const beyondAscii: readonly PointRange[] = [
  [0x80, 0xd7ff],
  [0xe000, lastPoint],
];
const anyBeyondAscii = shared(choice(...beyondAscii.flatMap(spellingsOf)));

/** The UTF-8 of any one of these characters. */
export function utf8In(ranges: readonly PointRange[]): Expression {
  const ascii = intersection(ranges, [[0, 0x7f]]);
  const beyond = intersection(ranges, beyondAscii);
  const isAll = JSON.stringify(beyond) === JSON.stringify(beyondAscii);
  return choice(
    ...(ascii.length > 0 ? [byteIn(...ascii)] : []),
    ...(isAll ? [anyBeyondAscii] : beyond.flatMap(spellingsOf)),
  );
}

function spellingsOf([from, last]: PointRange): Expression[] {
  return lengthEnds.flatMap((end, index) => {
    const low = Math.max(from, index === 0 ? 0 : lengthEnds[index - 1]! + 1);
    const high = Math.min(last, end);
    return low <= high ? spellings(encodePoint(low), encodePoint(high)) : [];
  });
}

/**
 * Sequences of byte ranges for all encodings between two of one length: where the first bytes
 * differ, the ends are split off; first bytes in between take any continuation bytes.
 */
function spellings(low: readonly number[], high: readonly number[]): Expression[] {
  const [first, ...lowRest] = low;
  const [last, ...highRest] = high;
  if (lowRest.length === 0) return [byteIn([first!, last!])];
  if (first === last) {
    return spellings(lowRest, highRest).map((rest) => sequence(byteIn([first!, first!]), rest));
  }
  const isWholeStart = lowRest.every((byte) => byte === 0x80);
  const isWholeEnd = highRest.every((byte) => byte === 0xbf);
  const from = isWholeStart ? first! : first! + 1;
  const to = isWholeEnd ? last! : last! - 1;
  const full = (byte: number): number[] => lowRest.map(() => byte);
  return [
    ...(isWholeStart ? [] : prefixed(first!, spellings(lowRest, full(0xbf)))),
    ...(from <= to
      ? [sequence(byteIn([from, to]), ...lowRest.map(() => byteIn([0x80, 0xbf])))]
      : []),
    ...(isWholeEnd ? [] : prefixed(last!, spellings(full(0x80), highRest))),
  ];
}

function prefixed(byte: number, rest: readonly Expression[]): Expression[] {
  return rest.map((expression) => sequence(byteIn([byte, byte]), expression));
}
