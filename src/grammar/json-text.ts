// Defines the parts of JSON as bytes: white space, strings, numbers, literals. RFC 8259, but
// narrower where a model could write forever or a reader could misread.

import { complement, everyPoint, intersection, type PointRange, utf8In } from './code-points.js';
import {
  bytes,
  characterOf,
  choice,
  type Expression,
  empty,
  exactText,
  maybe,
  repeat,
  sequence,
  shared,
  utf8Of,
} from './expression.js';
import { grammarLimits } from './grammar-limits.js';

/**
 * Nothing, a space, or a line break with an indentation: enough for every usual layout, and
 * bounded.
 */
export const whiteSpace = shared(
  choice(
    characterOf(' '),
    sequence(characterOf('\n'), repeat(characterOf(' '), 0, grammarLimits.indent)),
    empty,
  ),
);

const hex = '0123456789abcdefABCDEF';

/** Characters that a string may hold unescaped. */
export const plainPoints = complement([
  [0, 0x1f],
  [0x22, 0x22],
  [0x5c, 0x5c],
]);

/** Code points with an escape of one letter. */
const shortEscapes: ReadonlyMap<number, string> = new Map([
  [0x22, '"'],
  [0x5c, '\\'],
  [0x08, 'b'],
  [0x0c, 'f'],
  [0x0a, 'n'],
  [0x0d, 'r'],
  [0x09, 't'],
]);

/**
 * One character, plain or escaped. No surrogate: a single one is not a character, a pair has a
 * plain form.
 */
const anyCharacter = choice(
  utf8In(plainPoints),
  sequence(
    characterOf('\\'),
    choice(characterOf('"\\/bfnrt'), sequence(characterOf('u'), unicodeEscape())),
  ),
);

/** Between `min` and `max` characters of a string. */
export const characters = (min: number, max: number): Expression => repeat(anyCharacter, min, max);

/** The inside of any string. */
export const freeText = shared(characters(0, Infinity));

function unicodeEscape(): Expression {
  const digit = characterOf(hex);
  return choice(
    sequence(characterOf('0123456789abcABCeEfF'), digit, digit, digit),
    sequence(characterOf('dD'), characterOf('01234567'), digit, digit),
  );
}

/**
 * One character of a set, in its usual spelling; a control character without a short escape as
 * \u00xx.
 */
export function characterIn(ranges: readonly PointRange[]): Expression {
  const allowed = intersection(ranges, everyPoint);
  const escaped = [
    ...points(
      intersection(allowed, [
        [0, 0x1f],
        [0x22, 0x22],
        [0x5c, 0x5c],
      ]),
    ),
  ];
  return choice(
    utf8In(intersection(allowed, plainPoints)),
    ...escaped.map((code) => exactText(escapeOf(code))),
  );
}

function* points(ranges: readonly PointRange[]): Generator<number> {
  for (const [from, last] of ranges) for (let code = from; code <= last; code++) yield code;
}

function escapeOf(code: number): string {
  const letter = shortEscapes.get(code);
  return letter === undefined ? `\\u${code.toString(16).padStart(4, '0')}` : `\\${letter}`;
}

export const quote = characterOf('"');

export const digit = characterOf('0123456789');
const whole = sequence(
  maybe(characterOf('-')),
  choice(
    characterOf('0'),
    sequence(characterOf('123456789'), repeat(digit, 0, grammarLimits.digits - 1)),
  ),
);

/** A whole number without point or exponent. */
export const integer = shared(whole);

/** A number that no reader overflows to infinity. */
export const number = shared(
  sequence(
    whole,
    maybe(sequence(characterOf('.'), repeat(digit, 1, grammarLimits.digits))),
    maybe(sequence(characterOf('eE'), maybe(characterOf('+-')), repeat(digit, 1, 2))),
  ),
);

/** A value in its shortest spelling. @param value result of JSON.parse. */
export const literal = (value: unknown): Expression => bytes(utf8Of(JSON.stringify(value)));

/** One of several values, each in its shortest spelling; common beginnings are read once. */
export function literals(values: readonly unknown[]): Expression {
  const spellings = new Set(values.map((value) => JSON.stringify(value)));
  return oneOfTexts(Array.from(spellings, utf8Of));
}

/** @param texts distinct. */
function oneOfTexts(texts: readonly (readonly number[])[]): Expression {
  const byFirst = new Map<number, (readonly number[])[]>();
  for (const one of texts) {
    if (one.length === 0) continue;
    const alike = byFirst.get(one[0]!);
    if (alike === undefined) byFirst.set(one[0]!, [one]);
    else alike.push(one);
  }
  const options = Array.from(byFirst.values(), (alike) => {
    const shared = sharedLength(alike);
    const rests = alike.map((one) => one.slice(shared));
    return sequence(
      bytes(alike[0]!.slice(0, shared)),
      ...(alike.length > 1 ? [oneOfTexts(rests)] : []),
    );
  });
  return choice(...options, ...(texts.some((one) => one.length === 0) ? [empty] : []));
}

function sharedLength([first, ...others]: readonly (readonly number[])[]): number {
  return others.reduce((shared, other) => {
    const differing = other.findIndex((byte, index) => index >= shared || byte !== first![index]);
    return differing < 0 ? Math.min(shared, other.length) : differing;
  }, first!.length);
}
