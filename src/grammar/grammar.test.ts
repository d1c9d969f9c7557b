// Tests the promises of grammars: a mask allows exactly the tokens that lead on, every text that
// ends satisfies its schema, and no hostile schema costs more than the limits.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { PilotfishError } from '../base/error.js';
import { isAllowed } from '../math/token-mask.js';
import type { GrammarState } from './grammar.js';
import { GrammarCache } from './grammar-cache.js';
import { schemas } from './random-schema.suite.js';
import { accepts, byteVocabulary, endToken, grammarOf, writeText } from './writer.suite.js';

const person = {
  type: 'object',
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 8 },
    age: { type: 'integer', minimum: 0, maximum: 130 },
    tags: { type: 'array', items: { enum: ['a', 'ab', 'b', 3] }, maxItems: 3 },
    next: { anyOf: [{ $ref: '#' }, { type: 'null' }] },
  },
  required: ['name', 'next'],
  additionalProperties: false,
};

const accepted: readonly (readonly [schema: unknown, text: string])[] = [
  [{ type: 'object' }, '{}'],
  [{ type: 'object' }, ' { "a": [1, -2.5e-3, {"b": "\\u00e9\\n"}, true, null, ""],\n  "a":{}}'],
  [person, '{"name": "Zoë", "age": 130, "tags": ["ab", 3], "next": {"name":"x","next":null}}'],
  [person, '{\n  "name": "\\"",\n  "next": null\n}'],
  [{ const: { a: [1, 'x'] } }, '{"a":[1,"x"]}'],
  [{ type: ['integer', 'null'], enum: [1, 'x', null] }, 'null'],
  [
    { type: 'array', prefixItems: [{ type: 'string' }, true], items: { type: 'number' } },
    '["", {"q":[]}, 0.5, 7]',
  ],
  [{ type: 'array', minItems: 2, maxItems: 2 }, '[[], {}]'],
  [{ type: 'string', pattern: '^(ab|c)+-[^a-y]{2,3}\\d$' }, '"abcab-zZ9"'],
  [{ type: 'string', pattern: 'needle' }, '"hay \\" needle\\\\ hay"'],
  [{ properties: { a: { type: 'null' } }, required: ['a'] }, '{"a":null,"ab":1,"":2}'],
  [{ type: 'integer', exclusiveMinimum: -12, maximum: 305 }, '-11'],
  [{ type: 'number', minimum: -2.5, exclusiveMaximum: 4 }, '2.999'],
  [{ type: 'number', minimum: -2.5, exclusiveMaximum: 4 }, '3.0'],
  [{ type: 'number', minimum: -2.5, exclusiveMaximum: 4 }, '-2.00'],
  [{ type: 'number', minimum: 0, maximum: 1 }, '1.0'],
  [{ oneOf: [{ type: 'null' }, { type: 'integer' }] }, '-7'],
  [{ $ref: '#/$defs/a~1b', $defs: { 'a/b': { type: 'boolean' } } }, 'true'],
];

const hostile: Readonly<Record<string, unknown>> = {
  ambiguous: {
    anyOf: Array.from({ length: 60 }, (_, minLength) => ({
      type: 'object',
      properties: { a: { type: 'string', minLength } },
    })),
  },
  exponential: {
    $ref: '#/$defs/d0',
    $defs: Object.fromEntries([
      ...Array.from({ length: 40 }, (_, index) => {
        const items = { $ref: `#/$defs/d${index + 1}` };
        return [
          `d${index}`,
          {
            anyOf: [
              { type: 'array', minItems: 1, items },
              { type: 'array', maxItems: 9, items },
            ],
          },
        ];
      }),
      ['d40', { type: 'string' }],
    ]),
  },
  counters: { type: 'string', pattern: '^((a{0,900}){0,900}){0,900}b$' },
  backtracking: { type: 'string', pattern: '^(([a-z]+)+|[a-z]*e[a-z]*){1,500}!$' },
  manyValues: { enum: Array.from({ length: 3000 }, (_, index) => `v${(index * 7919) % 100003}`) },
  leftRecursive: { anyOf: [{ $ref: '#' }, { anyOf: [{ $ref: '#' }, { type: 'null' }] }] },
  deepRecursion: { type: 'array', items: { $ref: '#' } },
};

const rejected: readonly (readonly [schema: unknown, text: string])[] = [
  [{ type: 'object' }, '{"a":1,}'],
  [{ type: 'object' }, '{} '],
  [{ type: 'object' }, '{"a":01}'],
  [{ type: 'object' }, '{"a":"\n"}'],
  [{ type: 'object' }, '{"a":"\\ud800"}'],
  [{ type: 'object' }, '{"a":1e999}'],
  [person, '{"next":null}'],
  [person, '{"name":"","next":null}'],
  [person, '{"name":"123456789","next":null}'],
  [person, '{"name":"a","age":131,"next":null}'],
  [person, '{"name":"a","next":null,"more":1}'],
  [person, '{"name":"a","tags":["c"],"next":null}'],
  [
    { properties: { a: { type: 'null' } }, additionalProperties: true, type: 'object' },
    '{"a":null,"a":1}',
  ],
  [{ type: 'object', properties: { a: { type: 'null' } } }, '{"\\u0061":1}'],
  [{ type: 'integer', exclusiveMinimum: -12, maximum: 305 }, '-12'],
  [{ type: 'integer', exclusiveMinimum: -12, maximum: 305 }, '306'],
  [{ type: 'number', minimum: -2.5, exclusiveMaximum: 4 }, '-2.6'],
  [{ type: 'number', minimum: -2.5, exclusiveMaximum: 4 }, '4'],
  [{ type: 'number', minimum: -2.5, exclusiveMaximum: 4 }, '3.1'],
  [{ type: 'number', minimum: -2.5, exclusiveMaximum: 4 }, '-2.01'],
  [{ type: 'number', minimum: 0, maximum: 1 }, '1.01'],
  [{ type: 'string', pattern: '^a$' }, '"aa"'],
  [{ type: 'array', prefixItems: [{ type: 'string' }], items: false }, '["a",1]'],
];

const refused: readonly (readonly [schema: unknown, message: RegExp])[] = [
  [{ type: 'string', format: 'email' }, /#\/format: the keyword format/],
  [{ properties: { a: { not: {} } } }, /#\/properties\/a\/not/],
  [{ type: 'array', uniqueItems: true }, /uniqueItems/],
  [{ type: 'number', multipleOf: 2 }, /multipleOf/],
  [{ $ref: 'other.json' }, /#\/\$ref/],
  [{ $ref: '#/$defs/none' }, /names nothing/],
  [{ $ref: '#', type: 'object' }, /type is not supported beside \$ref/],
  [{ anyOf: [] }, /anyOf/],
  [{ type: 'text' }, /"text" is not a type/],
  [{ type: 'string', minLength: -1 }, /minLength/],
  [{ type: 'string', pattern: '(?=a)' }, /look-around/],
  [{ type: 'string', pattern: '(a)\\1' }, /\\1 is not supported/],
  [{ type: 'string', pattern: 'a', maxLength: 3 }, /beside minLength or maxLength/],
  [{ oneOf: [{ type: 'number' }, { type: 'integer' }] }, /schemas 0 and 1 may both hold/],
  [{ allOf: [true, true] }, /allOf/],
  [false, /no text satisfies/],
  [{ $ref: '#' }, /no text satisfies/],
  [{ type: 'object', required: ['a'], properties: { a: { $ref: '#' } } }, /no text satisfies/],
  [{ type: 'number', minimum: 0.2, maximum: 0.8 }, /no whole number/],
  [7, /neither an object/],
];

/** JSON text of a schema. */
const plain = (schema: unknown): object => JSON.parse(JSON.stringify(schema)) as object;

describe('grammar', () => {
  it('lets every text of these be written', () => {
    for (const [schema, text] of accepted) {
      assert.ok(accepts(grammarOf(schema), text), `${JSON.stringify(schema)}: ${text}`);
      JSON.parse(text);
    }
  });

  it('lets none of these be written', () => {
    for (const [schema, text] of rejected) {
      assert.ok(!accepts(grammarOf(schema), text), `${JSON.stringify(schema)}: ${text}`);
    }
  });

  it('refuses what it does not understand, naming the keyword and where it stands', () => {
    for (const [schema, message] of refused) {
      assert.throws(
        () => grammarOf(schema),
        (reason) =>
          reason instanceof PilotfishError &&
          reason.code === 'format-invalid' &&
          message.test(reason.message),
        JSON.stringify(schema),
      );
    }
  });

  it('ends with texts that the schema accepts, whatever the model prefers', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    fc.assert(
      fc.property(schemas, fc.infiniteStream(fc.nat()), (schema, chance) => {
        const grammar = grammarOf(schema);
        const choose = (count: number): number => (chance.next().value as number) % count;
        const text = writeText(grammar, choose, 40);
        assert.ok(ajv.validate(plain(schema), JSON.parse(text)), text);
      }),
      { numRuns: Number(process.env['PILOTFISH_RUNS'] ?? 60) },
    );
  });

  it('masks exactly the tokens whose bytes lead on, and the end but where it is complete', () => {
    fc.assert(
      fc.property(fc.constantFrom(...accepted), fc.infiniteStream(fc.nat()), ([schema], chance) => {
        const grammar = grammarOf(schema);
        let state: GrammarState = grammar.start;
        for (let count = 0; count < 30 && state !== null; count++) {
          const mask = grammar.mask(state);
          const allowed: number[] = [];
          for (let token = 0; token < byteVocabulary.size; token++) {
            const leadsOn: boolean =
              token === endToken ? state.isComplete : grammar.advance(state, token) !== null;
            assert.equal(isAllowed(mask, token), leadsOn, `token ${token}`);
            if (leadsOn) allowed.push(token);
          }
          assert.ok(allowed.length > 0);
          state = grammar.advance(
            state,
            allowed[(chance.next().value as number) % allowed.length]!,
          );
        }
      }),
      { numRuns: 40 },
    );
  });

  it('bounds what hostile schemas cost, and still masks only tokens that lead on', () => {
    for (const [name, schema] of Object.entries(hostile)) {
      const [grammar, twin] = [1, 2].map(() =>
        new GrammarCache(byteVocabulary).grammarOf(JSON.stringify(schema)),
      );
      let state = grammar!.start;
      for (let count = 0; count < 12 && state !== null; count++) {
        const mask = grammar!.mask(state);
        const allowed = Array.from({ length: endToken }, (_, token) => token).filter((token) =>
          isAllowed(mask, token),
        );
        for (const token of allowed) assert.ok(grammar!.advance(state, token) !== null, name);
        state = grammar!.advance(state, allowed[(count * 7) % allowed.length] ?? endToken);
      }
      // Earlier questions change no mask.
      assert.deepEqual(twin!.mask(twin!.start), grammar!.mask(grammar!.start), name);
    }
  });

  it('refuses schemas beyond its limits', () => {
    const nested = (levels: number): unknown =>
      levels === 0 ? true : { items: nested(levels - 1) };
    assert.throws(() => grammarOf(nested(100)), /deeper than 64 levels/);
    assert.throws(() => grammarOf({ const: 'x'.repeat(70_000) }), /longer than 65536 bytes/);
    assert.throws(() => grammarOf({ type: 'string', maxLength: 1e6 }), /more than 65536 nodes/);
    assert.throws(() => grammarOf({ const: '\u20ac'.repeat(22_000) }), /longer than 65536 bytes/);
  });

  it('reads what it refuses, and what it takes, in moments', () => {
    const count = <T>(length: number, one: (index: number) => T): T[] =>
      Array.from({ length }, (_, index) => one(index));
    const slow: Readonly<Record<string, unknown>> = {
      classes: { type: 'string', pattern: '.'.repeat(60_000) },
      alternatives: { type: 'string', pattern: 'a|'.repeat(30_000) },
      references: { anyOf: count(1500, (index) => ({ $ref: '#', title: String(index) })) },
      pairs: { oneOf: count(5000, (value) => ({ const: value })) },
      tags: {
        oneOf: count(1100, (value) => ({
          type: 'object',
          required: ['k'],
          properties: { k: { const: value } },
        })),
      },
      names: {
        properties: Object.fromEntries(
          count(240, (index) => [`${'a'.repeat(250)}${index}`, true] as const),
        ),
      },
    };
    for (const [name, schema] of Object.entries(slow)) {
      const begun = process.cpuUsage();
      try {
        grammarOf(schema);
      } catch (reason) {
        assert.ok(reason instanceof PilotfishError, name);
      }
      // Tens of milliseconds; each of them once took seconds, which blocked the server.
      assert.ok(process.cpuUsage(begun).user < 2_000_000, name);
    }
  });

  it('splits no character of more than one byte', () => {
    const grammar = grammarOf({ type: 'string' });
    const [open, e, copyright, face, rest] = ['"', '\u00e9', '\ud83d\ude00'].flatMap((text) => [
      ...new TextEncoder().encode(text),
    ]);
    const inside = grammar.advance(grammar.start, open!)!;
    const half = grammar.advance(inside, e!)!;
    for (let byte = 0; byte < 256; byte++) {
      assert.equal(isAllowed(grammar.mask(half), byte), byte >= 0x80 && byte < 0xc0);
      // Neither continuation bytes first, nor bytes that UTF-8 never uses.
      if (byte >= 0x80)
        assert.equal(
          isAllowed(grammar.mask(inside), byte),
          byte >= 0xc2 && byte <= 0xf4,
          `${byte}`,
        );
    }
    assert.equal(grammar.advance(half, copyright!), inside);
    assert.ok(grammar.advance(grammar.advance(inside, face!), rest!) !== null);
  });

  it('lets a text that has left the format end, and nothing else', () => {
    const grammar = grammarOf(person);
    const state = grammar.advance(grammar.start, 'x'.charCodeAt(0));
    assert.equal(state, null);
    const mask = grammar.mask(state);
    for (let token = 0; token < byteVocabulary.size; token++) {
      assert.equal(isAllowed(mask, token), token === endToken);
    }
  });

  it('leaves out what the vocabulary cannot write', () => {
    const letters = '{}":abc01,nul ';
    const narrow = {
      size: letters.length + 1,
      endOfText: new Set([letters.length]),
      tokenBytes: (token: number) =>
        Uint8Array.from(letters.slice(token, token + 1), (one) => one.charCodeAt(0)),
    };
    const cache = new GrammarCache(narrow);
    assert.throws(() => cache.grammarOf('{"type":"boolean"}'), { code: 'format-invalid' });
    const grammar = cache.grammarOf('{"type":["boolean","null","array"]}');
    const allowed = Array.from(letters).filter((_, token) =>
      isAllowed(grammar.mask(grammar.start), token),
    );
    assert.deepEqual(allowed, ['n', ' ']);
  });

  it('keeps a schema once for each scope', () => {
    const cache = new GrammarCache(byteVocabulary);
    const of = (scope: number) => cache.grammarOf('{"type":"null"}', null, scope);
    assert.equal(of(1), of(1));
    assert.notEqual(of(1), of(2));
  });
});
