// Compiles the keywords of each JSON type into expressions: objects, arrays, strings and the
// others.

import type { AutomatonBuilder } from './automaton.js';
import { choice, type Expression, exactText, nothing, sequence } from './expression.js';
import { characters, freeText, quote } from './json-text.js';
import { patternText } from './pattern.js';
import { arrayOf } from './schema-array.js';
import { countKeyword, type Located, refuseSchema } from './schema-document.js';
import { integerOf, numberOf } from './schema-number.js';
import { objectOf } from './schema-object.js';

export const allTypes = ['object', 'array', 'string', 'number', 'boolean', 'null'] as const;
export type JsonType = (typeof allTypes)[number] | 'integer';

/** The types of a schema; all if it names none. */
export function typesOf({ schema, path }: Located): readonly JsonType[] {
  const type = (schema as Readonly<Record<string, unknown>>)['type'];
  if (type === undefined) return allTypes;
  const named: readonly unknown[] = Array.isArray(type) ? type : [type];
  const known: readonly unknown[] = [...allTypes, 'integer'];
  const strange = named.find((name) => !known.includes(name));
  if (strange !== undefined || named.length === 0) {
    throw refuseSchema(`${path}/type`, `${JSON.stringify(strange ?? type)} is not a type`);
  }
  return [...new Set(named)] as JsonType[];
}

/** Expression of a schema by itself. */
export type Compile = (located: Located) => Expression;

export class SchemaTypes {
  readonly #builder: AutomatonBuilder;
  readonly #compile: Compile;

  constructor(builder: AutomatonBuilder, compile: Compile) {
    this.#builder = builder;
    this.#compile = compile;
  }

  /** A value of one of the types that satisfies the keywords of its type. */
  anyOf(types: readonly JsonType[], located: Located): Expression {
    const bare: Located =
      typeof located.schema === 'boolean' ? { schema: {}, path: located.path } : located;
    // Every whole number is a number.
    const needed = types.includes('number') ? types.filter((type) => type !== 'integer') : types;
    return choice(...needed.map((type) => this.#valueOf(type, bare)));
  }

  #valueOf(type: JsonType, located: Located): Expression {
    switch (type) {
      case 'object':
        return objectOf(located, this.#builder, this.#compile);
      case 'array':
        return arrayOf(located, this.#compile);
      case 'string':
        return this.#string(located);
      case 'number':
        return numberOf(located);
      case 'integer':
        return integerOf(located);
      case 'boolean':
        return choice(exactText('true'), exactText('false'));
      case 'null':
        return exactText('null');
    }
  }

  #string(located: Located): Expression {
    const { pattern } = located.schema as Readonly<Record<string, unknown>>;
    const [min, max] = [
      countKeyword(located, 'minLength', 0),
      countKeyword(located, 'maxLength', Infinity),
    ];
    if (pattern !== undefined) {
      if (min > 0 || max < Infinity) {
        throw refuseSchema(
          `${located.path}/pattern`,
          'not supported beside minLength or maxLength',
        );
      }
      return sequence(quote, patternText(located, pattern), quote);
    }
    if (min > max) return nothing;
    if (min === 0 && max === Infinity) return sequence(quote, freeText, quote);
    return sequence(quote, characters(min, max), quote);
  }
}
