// Checks that the schemas of a `oneOf` are disjoint. `oneOf` demands that exactly one holds, and a
// writer follows only one of them. So disjointness must be evident: by type, by listed values, or
// by a required property that tells them apart.

import { grammarLimits } from './grammar-limits.js';
import { follow, type Located, refuseSchema, type Schema, schemaAt } from './schema-document.js';

type Keywords = Readonly<Record<string, unknown>>;

/** Evident properties of all values of a schema. */
interface Evidence {
  /** Names of JSON types, whole numbers as `number`; null: any. */
  readonly types: ReadonlySet<string> | null;
  /** JSON texts of the allowed values; null: not listed. */
  readonly values: ReadonlySet<string> | null;
  /** Allowed values of required properties. */
  readonly tags: ReadonlyMap<string, ReadonlySet<string>>;
}

/** References and single wrappers followed from one schema. */
const followMax = 16;

/** Compares each pair of alternatives of each `oneOf` of a document, within one work limit. */
export class DisjointCheck {
  readonly #root: Located;
  readonly #evidence = new Map<Schema, Evidence>();
  #workLeft: number = grammarLimits.disjointWork;

  constructor(root: Located) {
    this.#root = root;
  }

  /**
   * @throws PilotfishError `format-invalid` naming the first two that may overlap, or the limit.
   */
  check({ path }: Located, parts: readonly Located[]): void {
    const evidence = parts.map((part) => this.#evidenceOf(part));
    for (const [index, one] of evidence.entries()) {
      for (let other = index + 1; other < evidence.length; other++) {
        if (this.#workLeft <= 0)
          throw refuseSchema(`${path}/oneOf`, 'too many schemas to tell apart');
        if (this.#areDisjoint(one, evidence[other]!)) continue;
        throw refuseSchema(
          `${path}/oneOf`,
          `schemas ${index} and ${other} may both hold; give them different types, or a required property with different constants, or use anyOf`,
        );
      }
    }
  }

  #evidenceOf(located: Located): Evidence {
    const known = this.#evidence.get(located.schema);
    if (known !== undefined) return known;
    const evidence = evidenceOf(this.#root, located, true);
    this.#evidence.set(located.schema, evidence);
    return evidence;
  }

  #areDisjoint(one: Evidence, other: Evidence): boolean {
    if (this.#shareNone(one.types, other.types) || this.#shareNone(one.values, other.values)) {
      return true;
    }
    if (!isOnlyObjects(one) || !isOnlyObjects(other)) return false;
    for (const [name, values] of one.tags) {
      if (this.#shareNone(values, other.tags.get(name) ?? null)) return true;
    }
    return false;
  }

  /** Whether both are known and share no member. */
  #shareNone(one: ReadonlySet<string> | null, other: ReadonlySet<string> | null): boolean {
    this.#workLeft--;
    if (one === null || other === null) return false;
    const [few, many] = one.size < other.size ? [one, other] : [other, one];
    for (const member of few) {
      this.#workLeft--;
      if (many.has(member)) return false;
    }
    return true;
  }
}

const isOnlyObjects = ({ types }: Evidence): boolean => types?.size === 1 && types.has('object');

const unknownEvidence: Evidence = { types: null, values: null, tags: new Map() };

/** @param withTags also look into properties. */
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
  const needed = new Set<unknown>(required);
  for (const [name, value] of Object.entries(properties)) {
    if (!needed.has(name)) continue;
    const located = schemaAt(value, `${path}/properties/${name}`);
    const { values } = evidenceOf(root, located, false);
    if (values !== null) tags.set(name, values);
  }
  return tags;
}
