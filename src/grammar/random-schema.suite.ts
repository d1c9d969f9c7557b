// Generates random schemas from every supported keyword. Some text satisfies each of them.

import fc from 'fast-check';

const names = fc.constantFrom('a', 'ab', 'b', 'é', '"', '', 'next', '\\', '1');
const counts = fc.tuple(fc.nat(3), fc.nat(3)).map(([min, more]) => [min, min + more] as const);
const scalars = fc.constantFrom<unknown>(
  null,
  true,
  0,
  1,
  12,
  -1.5,
  1e21,
  '',
  'a',
  'ab',
  'é"\\',
  '😀',
);
const listed = fc.oneof(
  scalars,
  fc.array(scalars, { maxLength: 2 }),
  fc.dictionary(names, scalars, { maxKeys: 2, noNullPrototype: true }),
);

/** A part of a schema's keywords: any number of those given. */
const some = (
  schema: Record<string, unknown>,
  keys: readonly string[],
): fc.Arbitrary<Record<string, unknown>> =>
  fc.subarray([...keys]).map((left) => {
    const rest = Object.entries(schema).filter(([key]) => !left.includes(key));
    return Object.fromEntries(rest);
  });

const strings = counts.chain(([minLength, maxLength]) =>
  some({ type: 'string', minLength, maxLength }, ['minLength', 'maxLength']),
);
const patterns = fc
  .constantFrom(
    '^[a-c]+$',
    'b',
    '^(a|é){2,3}$',
    '^\\d{2}-\\w\\s?$',
    '^$|x',
    '^[^"]"\\n?$',
    '.',
    '^\\u{1F600}?\\x41*$',
  )
  .map((pattern) => ({ type: 'string', pattern }));
const numbers = fc
  .tuple(fc.constantFrom('integer', 'number'), fc.integer({ min: -1200, max: 1200 }), fc.nat(2000))
  .chain(([type, minimum, more]) =>
    some({ type, minimum, maximum: minimum + more }, ['minimum', 'maximum']),
  );

/** JSON Schemas (draft 2020-12). */
export const schemas: fc.Arbitrary<unknown> = fc.letrec<{
  any: unknown;
  leaf: unknown;
  node: unknown;
}>((tie) => ({
  leaf: fc.oneof(
    fc.constantFrom<unknown>(
      true,
      {},
      { type: 'boolean' },
      { type: 'null' },
      { type: ['string', 'null'] },
    ),
    strings,
    patterns,
    numbers,
    fc
      .uniqueArray(listed, { minLength: 1, maxLength: 4, selector: JSON.stringify })
      .map((values) => ({ enum: values })),
    listed.map((value) => ({ const: value })),
  ),
  node: fc.oneof(
    fc
      .tuple(
        fc.dictionary(names, tie('any'), { maxKeys: 4, noNullPrototype: true }),
        fc.subarray(['a', 'b', 'next', 'z']),
        fc.oneof(fc.constant(true), fc.constant(undefined), tie('leaf')),
      )
      .map(([properties, required, additionalProperties]) => ({
        type: 'object',
        properties,
        required,
        ...(additionalProperties !== undefined && { additionalProperties }),
      })),
    fc.dictionary(names, tie('any'), { maxKeys: 4, noNullPrototype: true }).chain((properties) =>
      fc.subarray(Object.keys(properties)).map((required) => ({
        type: 'object',
        properties,
        required,
        additionalProperties: false,
      })),
    ),
    fc
      .tuple(counts, tie('any'), fc.array(tie('any'), { minLength: 1, maxLength: 2 }))
      .chain(([[minItems, maxItems], items, prefixItems]) =>
        some({ type: 'array', items, prefixItems, minItems, maxItems }, [
          'prefixItems',
          'minItems',
          'maxItems',
        ]),
      ),
    fc.array(tie('any'), { minLength: 1, maxLength: 3 }).map((anyOf) => ({ anyOf })),
    tie('any').map((part) => ({ allOf: [part] })),
    tie('any').map((part) => ({ oneOf: [{ type: 'null' }, { type: 'array', items: part }] })),
    tie('any').map((part) => ({
      type: 'object',
      properties: { value: part, next: { anyOf: [{ type: 'null' }, { $ref: '#' }] } },
      required: ['value'],
    })),
  ),
  any: fc.oneof({ maxDepth: 3, depthIdentifier: 'schema' }, tie('leaf'), tie('node')),
})).any;
