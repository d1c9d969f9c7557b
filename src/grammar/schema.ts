// Compiles a JSON Schema (draft 2020-12, and the common part of older drafts) to rules of an
// automaton. Every text of those rules satisfies the schema, but not every valid text can be
// written: properties come in the order of the schema, and the layout is bounded. Unknown keywords
// are refused, never ignored.

import { AutomatonBuilder } from './automaton.js';
import { choice, type Expression, nothing, ruleOf, sequence } from './expression.js';
import { literals, whiteSpace } from './json-text.js';
import { DisjointCheck } from './schema-disjoint.js';
import {
  follow,
  type Located,
  parseSchema,
  refuseSchema,
  type Schema,
  subschemas,
} from './schema-document.js';
import { allTypes, type JsonType, SchemaTypes, typesOf } from './schema-types.js';

/** Keywords that assert nothing. */
export const annotations: ReadonlySet<string> = new Set([
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
  '$comment',
  '$schema',
  '$defs',
  'definitions',
]);

/** Keywords of single types, used with `type`. */
export const typed = [
  'type',
  'properties',
  'required',
  'additionalProperties',
  'items',
  'prefixItems',
  'minItems',
  'maxItems',
  'minLength',
  'maxLength',
  'pattern',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
];

/** Keywords used alone; `enum` and `const` may come with `type`. */
export const alone = ['$ref', 'anyOf', 'oneOf', 'allOf', 'enum', 'const'] as const;

/**
 * The automaton of a schema, not yet bound to a vocabulary.
 *
 * @param text JSON text of the schema.
 * @throws PilotfishError `format-invalid` naming the keyword and its place, or the limit.
 */
export function compileSchema(text: string): AutomatonBuilder {
  return new SchemaCompiler(parseSchema(text)).compile();
}

class SchemaCompiler {
  readonly #root: Located;
  readonly #builder = new AutomatonBuilder();
  readonly #types: SchemaTypes;
  readonly #disjoint: DisjointCheck;
  /** By the text of the schema: equal texts are compiled once. */
  readonly #rules = new Map<string, number>();
  /** By identity too: a reference to the whole schema must not cost its length each time. */
  readonly #ruleAt = new Map<Schema, number>();
  /**
   * Declared and not yet defined. A list instead of recursion, since references may nest without
   * bound.
   */
  readonly #pending: { readonly rule: number; readonly located: Located }[] = [];

  constructor(root: Located) {
    this.#root = root;
    this.#disjoint = new DisjointCheck(root);
    this.#types = new SchemaTypes(this.#builder, (located) => ruleOf(this.#ruleOf(located)));
  }

  compile(): AutomatonBuilder {
    const start = this.#builder.declare();
    this.#builder.define(start, sequence(whiteSpace, ruleOf(this.#ruleOf(this.#root))));
    for (let next = this.#pending.pop(); next !== undefined; next = this.#pending.pop()) {
      this.#builder.define(next.rule, this.#expressionOf(next.located));
    }
    return this.#builder;
  }

  #ruleOf(located: Located): number {
    const met = this.#ruleAt.get(located.schema);
    if (met !== undefined) return met;
    const key = JSON.stringify(located.schema);
    const known = this.#rules.get(key);
    const rule = known ?? this.#builder.declare();
    this.#ruleAt.set(located.schema, rule);
    if (known !== undefined) return rule;
    this.#rules.set(key, rule);
    this.#pending.push({ rule, located });
    return rule;
  }

  #expressionOf(located: Located): Expression {
    const { schema } = located;
    if (typeof schema === 'boolean') return schema ? this.#types.anyOf(allTypes, located) : nothing;
    if (Object.hasOwn(schema, '$ref')) {
      checkAlone(located, ['$ref']);
      return ruleOf(this.#ruleOf(follow(this.#root, located, schema['$ref'])));
    }
    for (const keyword of ['anyOf', 'oneOf', 'allOf'] as const) {
      if (!Object.hasOwn(schema, keyword)) continue;
      checkAlone(located, [keyword]);
      return this.#combined(located, keyword, subschemas(located, keyword, schema[keyword]));
    }
    if (Object.hasOwn(schema, 'enum') || Object.hasOwn(schema, 'const')) return listed(located);
    checkAlone(located, typed);
    return this.#types.anyOf(typesOf(located), located);
  }

  #combined(located: Located, keyword: 'anyOf' | 'oneOf' | 'allOf', parts: Located[]): Expression {
    if (keyword === 'allOf' && parts.length > 1) {
      throw refuseSchema(`${located.path}/allOf`, 'more than one schema is not supported');
    }
    if (keyword === 'oneOf') this.#disjoint.check(located, parts);
    return choice(...parts.map((part) => ruleOf(this.#ruleOf(part))));
  }
}

/** `enum` or `const`, which may come with `type`. */
function listed(located: Located): Expression {
  const values = listedValues(located);
  checkAlone(located, ['enum', 'const', 'type']);
  const types = typesOf(located);
  return literals(values.filter((value) => hasType(value, types)));
}

/** The values of `enum` or `const`. */
function listedValues({ schema, path }: Located): readonly unknown[] {
  const { enum: values, const: value } = schema as Readonly<Record<string, unknown>>;
  if (values === undefined) return [value];
  if (value !== undefined) throw refuseSchema(`${path}/const`, 'not supported beside enum');
  if (Array.isArray(values) && values.length > 0) return values;
  throw refuseSchema(`${path}/enum`, 'not a list with at least one value');
}

function hasType(value: unknown, types: readonly JsonType[]): boolean {
  if (Number.isInteger(value) && types.includes('integer')) return true;
  return types.includes(typeOf(value));
}

function typeOf(value: unknown): JsonType {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value as JsonType;
}

/** Refuses every keyword except `known`, annotations, and the schema's own name. */
function checkAlone({ schema, path }: Located, known: readonly string[]): void {
  for (const keyword of Object.keys(schema)) {
    if (known.includes(keyword) || annotations.has(keyword)) continue;
    if (keyword === '$id' && path === '#') continue;
    const beside = known.length === 1 ? ` beside ${known[0]}` : '';
    throw refuseSchema(`${path}/${keyword}`, `the keyword ${keyword} is not supported${beside}`);
  }
}
