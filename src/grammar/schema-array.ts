// Compiles arrays of a schema: the prefix elements one by one, then equal elements within the
// counts.

import {
  characterOf,
  choice,
  type Expression,
  empty,
  maybe,
  nothing,
  repeat,
  sequence,
} from './expression.js';
import { whiteSpace } from './json-text.js';
import {
  countKeyword,
  type Located,
  refuseSchema,
  subschema,
  subschemas,
} from './schema-document.js';

/** Most prefix elements of an array: each nests in the previous one. */
const prefixMax = 256;

export function arrayOf(located: Located, compile: (located: Located) => Expression): Expression {
  const [min, max] = [
    countKeyword(located, 'minItems', 0),
    countKeyword(located, 'maxItems', Infinity),
  ];
  if (min > max) return nothing;
  const { prefix, item } = elementsOf(located, compile);
  const elements = elementsBetween(prefix.slice(0, max), item, min, max);
  const filled = max === 0 ? nothing : sequence(elements, whiteSpace);
  const content = min === 0 ? maybe(filled) : filled;
  return sequence(characterOf('['), whiteSpace, content, characterOf(']'));
}

function elementsOf(
  located: Located,
  compile: (located: Located) => Expression,
): { readonly prefix: readonly Expression[]; readonly item: Expression } {
  const { prefixItems, items = true } = located.schema as Readonly<Record<string, unknown>>;
  if (Array.isArray(items)) {
    throw refuseSchema(`${located.path}/items`, 'a list is not supported; prefixItems is');
  }
  const prefix =
    prefixItems === undefined ? [] : subschemas(located, 'prefixItems', prefixItems).map(compile);
  if (prefix.length > prefixMax) {
    throw refuseSchema(`${located.path}/prefixItems`, `more than ${prefixMax} schemas`);
  }
  return { prefix, item: compile(subschema(located, 'items', items)) };
}

/** At least one element, from the last to the first. @param prefix [<= max] */
function elementsBetween(
  prefix: readonly Expression[],
  item: Expression,
  min: number,
  max: number,
): Expression {
  const ahead = prefix.length > 0 ? prefix : [item];
  const follower = (element: Expression): Expression =>
    sequence(characterOf(','), whiteSpace, element);
  const count = ahead.length;
  const rest = count >= max ? empty : repeat(follower(item), Math.max(0, min - count), max - count);
  const tail = ahead.slice(1).reduceRight((after, element, index) => {
    const more = sequence(follower(element), after);
    // Element index + 1 and all later ones may be missing if the earlier ones are enough.
    return index + 1 >= min ? choice(more, empty) : more;
  }, rest);
  return sequence(ahead[0]!, tail);
}
