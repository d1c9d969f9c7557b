// `oneOf` wants exactly one schema to hold. Writing along one of them is enough only where no text satisfies two, so that
// has to be evident: by type, by listed values, or by a required property that tells them apart.

import { follow, type Located, refuse, schemaAt } from './schema-document.js';

type Keywords = Readonly<Record<string, unknown>>;

/** What a schema's values have in common, as far as it is evident. */
interface Evidence {
  /** Words of JSON types, whole numbers as `number`; null: any. */
  readonly types: ReadonlySet<string> | null;
  /** JSON texts of the only values; null: not listed. */
  readonly values: ReadonlySet<string> | null;
  /** Of required properties with listed values. */
  readonly tags: ReadonlyMap<string, ReadonlySet<string>>;
}

/** References and single wrappers followed from one schema. */
const followMax = 16;

/** @throws PilotfishError `format-invalid` naming the first two that may overlap. */
export function checkDisjoint(root: Located, { path }: Located, parts: readonly Located[]): void {
  const evidence = parts.map((part) => evidenceOf(root, part, true));
  for (const [index, one] of evidence.entries()) {
    const other = evidence.findIndex((later, at) => at > index && !areDisjoint(one, later));
    if (other < 0) continue;
    throw refuse(
      `${path}/oneOf`,
      `schemas ${index} and ${other} may both hold; give them different types, or a required property with different constants, or use anyOf`,
    );
  }
}

function areDisjoint(one: Evidence, other: Evidence): boolean {
  if (shareNone(one.types, other.types) || shareNone(one.values, other.values)) return true;
  const areObjects = isOnlyObjects(one) && isOnlyObjects(other);
  return (
    areObjects &&
    [...one.tags].some(([name, values]) => shareNone(values, other.tags.get(name) ?? null))
  );
}

const isOnlyObjects = ({ types }: Evidence): boolean => types?.size === 1 && types.has('object');

/** Whether both are known and no member is shared. */
function shareNone(one: ReadonlySet<string> | null, other: ReadonlySet<string> | null): boolean {
  if (one === null || other === null) return false;
  return [...one].every((member) => !other.has(member));
}

const unknownEvidence: Evidence = { types: null, values: null, tags: new Map() };

/** @param withTags look into properties too. */
function evidenceOf(root: Located, located: Located, withTags: boolean): Evidence {
  let at = located;
  for (let count = 0; count < followMax; count++) {
    if (typeof at.schema === 'boolean') return unknownEvidence;
    const { $ref: reference } = at.schema;
    if (reference === undefined) return evidenceIn(root, at.schema, at.path, withTags);
    at = follow(root, at, reference);
  }
  return unknownEvidence;
}

function evidenceIn(root: Located, schema: Keywords, path: string, withTags: boolean): Evidence {
  const listed = Object.hasOwn(schema, 'const') ? [schema['const']] : schema['enum'];
  if (Array.isArray(listed)) {
    const values = new Set(listed.map((value) => JSON.stringify(value)));
    return { types: new Set(listed.map(typeWord)), values, tags: new Map() };
  }
  const { type } = schema;
  const named: readonly unknown[] = Array.isArray(type) ? type : [type];
  const types =
    type === undefined
      ? null
      : new Set(named.map((name) => (name === 'integer' ? 'number' : String(name))));
  return { types, values: null, tags: withTags ? tagsOf(root, schema, path) : new Map() };
}

function typeWord(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function tagsOf(root: Located, schema: Keywords, path: string): Map<string, ReadonlySet<string>> {
  const tags = new Map<string, ReadonlySet<string>>();
  const { properties, required } = schema;
  if (typeof properties !== 'object' || properties === null || !Array.isArray(required))
    return tags;
  for (const [name, value] of Object.entries(properties)) {
    if (!required.includes(name)) continue;
    const located = schemaAt(value, `${path}/properties/${name}`);
    const { values } = evidenceOf(root, located, false);
    if (values !== null) tags.set(name, values);
  }
  return tags;
}
