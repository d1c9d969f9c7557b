// Defines the language of grammars: regular expressions over bytes that may refer to rules, which
// makes them context-free.

export interface ByteRange {
  readonly from: number;
  /** Inclusive, unlike elsewhere: a range may end at 255. */
  readonly last: number;
}

export type Expression =
  | { readonly kind: 'byte'; readonly ranges: readonly ByteRange[] }
  | { readonly kind: 'sequence'; readonly parts: readonly Expression[] }
  /** Without options: matches nothing, not even the empty text. */
  | { readonly kind: 'choice'; readonly options: readonly Expression[] }
  | {
      readonly kind: 'repeat';
      readonly part: Expression;
      readonly min: number;
      /** Infinity: no maximum. */
      readonly max: number;
    }
  | { readonly kind: 'rule'; readonly rule: number }
  /** Used in many places: each such object becomes one rule. */
  | { readonly kind: 'shared'; readonly part: Expression }
  /**
   * Made only when it becomes nodes, so the node limit also bounds the work for a hostile schema.
   */
  | { readonly kind: 'later'; readonly make: () => Expression };

export const sequence = (...parts: readonly Expression[]): Expression => ({
  kind: 'sequence',
  parts,
});

export const choice = (...options: readonly Expression[]): Expression => ({
  kind: 'choice',
  options,
});

export const empty = sequence();
export const nothing = choice();

export const repeat = (part: Expression, min: number, max: number): Expression => ({
  kind: 'repeat',
  part,
  min,
  max,
});

export const maybe = (part: Expression): Expression => choice(part, empty);

export const shared = (part: Expression): Expression => ({ kind: 'shared', part });

export const later = (make: () => Expression): Expression => ({ kind: 'later', make });

export const ruleOf = (rule: number): Expression => ({ kind: 'rule', rule });

/** One byte out of inclusive ranges. */
export const byteIn = (
  ...pairs: readonly (readonly [from: number, last: number])[]
): Expression => ({
  kind: 'byte',
  ranges: pairs.map(([from, last]) => ({ from, last })),
});

/** Exactly these bytes. */
export const bytes = (values: Iterable<number>): Expression =>
  sequence(...Array.from(values, (value) => byteIn([value, value])));

/** Exactly this text, as UTF-8. */
export const exactText = (value: string): Expression => bytes(utf8Of(value));

/** One of these ASCII characters. */
export const characterOf = (characters: string): Expression => ({
  kind: 'byte',
  ranges: Array.from(characters, (character) => {
    const code = character.charCodeAt(0);
    return { from: code, last: code };
  }),
});

/** UTF-8 of a text; lone surrogates become U+FFFD. */
export function utf8Of(value: string): number[] {
  return Array.from(value, (character) => {
    const code = character.codePointAt(0)!;
    return encodePoint(code >= 0xd800 && code <= 0xdfff ? 0xfffd : code);
  }).flat();
}

/** UTF-8 of one code point. @param code in [0, 0x10FFFF]. */
export function encodePoint(code: number): number[] {
  if (code < 0x80) return [code];
  const tail = (shift: number): number => 0x80 | ((code >> shift) & 0x3f);
  if (code < 0x800) return [0xc0 | (code >> 6), tail(0)];
  if (code < 0x10000) return [0xe0 | (code >> 12), tail(6), tail(0)];
  return [0xf0 | (code >> 18), tail(12), tail(6), tail(0)];
}
