// Compiles objects of a schema: the named properties in the schema's order, optional ones at the
// writer's choice, then others if the schema allows them. No name occurs twice, so a reader keeps
// exactly the values that were checked.

import type { AutomatonBuilder } from './automaton.js';
import { complement, intersection, type PointRange, utf8In } from './code-points.js';
import {
  characterOf,
  choice,
  type Expression,
  later,
  nothing,
  repeat,
  ruleOf,
  sequence,
  shared,
} from './expression.js';
import { freeText, literal, plainPoints, quote, whiteSpace } from './json-text.js';
import { type Located, refuseSchema, schemaAt, subschema } from './schema-document.js';

/**
 * Longest name of a property, in characters: each character nests a level, because other names must
 * differ from it.
 */
const nameMax = 256;

interface Property {
  readonly name: string;
  readonly isRequired: boolean;
  readonly value: Expression;
}

export function objectOf(
  located: Located,
  builder: AutomatonBuilder,
  compile: (located: Located) => Expression,
): Expression {
  const { additionalProperties = true } = located.schema as Readonly<Record<string, unknown>>;
  const other = subschema(located, 'additionalProperties', additionalProperties);
  const properties = propertiesOf(located, other, compile);
  const isClosed = other.schema === false;
  const names = properties.map(({ name }) => name);
  const othersName = names.length === 0 ? sequence(quote, freeText) : otherName(names);
  const pair = isClosed ? nothing : pairOf(sequence(othersName, quote), compile(other));
  return sequence(characterOf('{'), whiteSpace, contentOf(properties, pair, builder));
}

const pairOf = (name: Expression, value: Expression): Expression =>
  sequence(name, characterOf(':'), whiteSpace, value);

function propertiesOf(
  located: Located,
  other: Located,
  compile: (located: Located) => Expression,
): Property[] {
  const { properties = {}, required = [] } = located.schema as Readonly<Record<string, unknown>>;
  const { schema, path } = schemaAt(properties, `${located.path}/properties`);
  const needed = namesOf(required, `${located.path}/required`);
  const named = Object.entries(schema).map(([name, value]) => ({
    name,
    located: subschema({ schema, path }, name, value),
  }));
  const unnamed = [...needed].filter((name) => !Object.hasOwn(schema as object, name));
  return [...named, ...unnamed.map((name) => ({ name, located: other }))].map((one) => {
    if (one.name.length > nameMax)
      throw refuseSchema(path, `a name of more than ${nameMax} characters`);
    return {
      name: one.name,
      isRequired: needed.has(one.name),
      value: compile(one.located),
    };
  });
}

function namesOf(value: unknown, path: string): Set<string> {
  if (Array.isArray(value) && value.every((name) => typeof name === 'string')) {
    return new Set(value);
  }
  throw refuseSchema(path, 'not a list of names');
}

/**
 * The content after the opening brace and its white space. Two rules for each property: one that
 * demands this property or a later one, and one after a property, where the object may also end.
 */
function contentOf(
  properties: readonly Property[],
  pair: Expression,
  builder: AutomatonBuilder,
): Expression {
  const end = sequence(whiteSpace, characterOf('}'));
  const others = builder.declare();
  const behindLast = builder.declare();
  builder.define(others, sequence(pair, ruleOf(behindLast)));
  builder.define(behindLast, choice(sequence(characterOf(','), whiteSpace, ruleOf(others)), end));
  let [choose, after, canEnd] = [others, behindLast, true];
  for (const { name, isRequired, value } of [...properties].reverse()) {
    const own = sequence(pairOf(literal(name), value), ruleOf(after));
    const next = builder.declare();
    builder.define(next, isRequired ? own : choice(own, ruleOf(choose)));
    choose = next;
    canEnd &&= !isRequired;
    after = builder.declare();
    const more = sequence(characterOf(','), whiteSpace, ruleOf(choose));
    builder.define(after, canEnd ? choice(more, end) : more);
  }
  return canEnd ? choice(ruleOf(choose), characterOf('}')) : ruleOf(choose);
}

const plainText = shared(repeat(utf8In(plainPoints), 0, Infinity));

/**
 * A name that is none of `names`, with its opening quote only. Has no escapes, which could spell
 * one of `names`.
 */
function otherName(names: readonly string[]): Expression {
  const points = names.map((name) => Array.from(name, (letter) => letter.codePointAt(0)!));
  return sequence(quote, differing(points, 0));
}

/** Any text that is none of `texts`, after the `depth` characters that all of them share. */
function differing(texts: readonly (readonly number[])[], depth: number): Expression {
  const byNext = new Map<number, (readonly number[])[]>();
  for (const text of texts) {
    const next = text[depth];
    if (next === undefined) continue;
    const alike = byNext.get(next);
    if (alike === undefined) byNext.set(next, [text]);
    else alike.push(text);
  }
  const nexts = [...byNext.keys()].map((point): PointRange => [point, point]);
  const strangers = complement([...nexts, ...complement(plainPoints)]);
  return choice(
    ...Array.from(byNext, ([point, alike]) => {
      const own = utf8In(intersection([[point, point]], plainPoints));
      return sequence(
        own,
        later(() => differing(alike, depth + 1)),
      );
    }),
    sequence(utf8In(strangers), plainText),
    // The text may end here unless it is one of `texts`.
    texts.some((text) => text.length === depth) ? nothing : sequence(),
  );
}
