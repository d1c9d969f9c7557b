// Reads a JSON Schema as written: parses it, checks its bounds, follows references, reads keywords
// with their types. Every error names its place.

import { PilotfishError } from '../base/error.js';
import { grammarLimits } from './grammar-limits.js';

export type Schema = boolean | Readonly<Record<string, unknown>>;

/** A schema and its place, as a JSON pointer with a leading #. */
export interface Located {
  readonly schema: Schema;
  readonly path: string;
}

export const refuseSchema = (path: string, complaint: string): PilotfishError =>
  new PilotfishError('format-invalid', `the schema at ${path}: ${complaint}`);

/** @throws PilotfishError `format-invalid` for a text that is no schema, too long or too deep. */
export function parseSchema(text: string): Located {
  const { schemaBytes } = grammarLimits;
  // A character takes at least one byte, so the cheap test comes first.
  if (text.length > schemaBytes || utf8Length(text) > schemaBytes) {
    throw refuseSchema('#', `longer than ${schemaBytes} bytes`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new PilotfishError('format-invalid', 'the schema is not JSON', { cause });
  }
  checkDepth(value, '#', 0);
  return schemaAt(value, '#');
}

function utf8Length(text: string): number {
  let length = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    length += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return length;
}

function checkDepth(value: unknown, path: string, depth: number): void {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw refuseSchema(path, 'a number is too large');
  }
  if (typeof value !== 'object' || value === null) return;
  if (depth >= grammarLimits.depth) {
    throw refuseSchema(path, `nested deeper than ${grammarLimits.depth} levels`);
  }
  for (const [key, part] of Object.entries(value)) {
    checkDepth(part, `${path}/${escapePointer(key)}`, depth + 1);
  }
}

const escapePointer = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');

export function schemaAt(value: unknown, path: string): Located {
  if (typeof value === 'boolean') return { schema: value, path };
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return { schema: value as Readonly<Record<string, unknown>>, path };
  }
  throw refuseSchema(path, 'neither an object nor true or false');
}

/** The schema under a keyword. */
export const subschema = ({ path }: Located, keyword: string, value: unknown): Located =>
  schemaAt(value, `${path}/${escapePointer(keyword)}`);

/** The schemas of a list under a keyword. */
export function subschemas({ path }: Located, keyword: string, value: unknown): Located[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw refuseSchema(`${path}/${keyword}`, 'not a list with at least one schema');
  }
  return value.map((one: unknown, index) => schemaAt(one, `${path}/${keyword}/${index}`));
}

/** The schema that `$ref` names within the document. */
export function follow(root: Located, { path }: Located, reference: unknown): Located {
  const at = `${path}/$ref`;
  if (typeof reference !== 'string' || !/^#(\/|$)/.test(reference)) {
    throw refuseSchema(at, 'only references within the schema are supported: # or #/...');
  }
  let value: unknown = root.schema;
  for (const part of reference.split('/').slice(1)) {
    const key = decodePart(part, at);
    const isThere = typeof value === 'object' && value !== null && Object.hasOwn(value, key);
    if (!isThere) throw refuseSchema(at, `${reference} names nothing`);
    value = (value as Readonly<Record<string, unknown>>)[key];
  }
  return schemaAt(value, reference);
}

function decodePart(part: string, at: string): string {
  try {
    return decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch (cause) {
    throw new PilotfishError('format-invalid', `the schema at ${at}: a bad escape`, { cause });
  }
}

/** A count under a keyword, or its default `without`. */
export function countKeyword({ schema, path }: Located, keyword: string, without: number): number {
  const value = (schema as Readonly<Record<string, unknown>>)[keyword];
  if (value === undefined) return without;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw refuseSchema(`${path}/${keyword}`, `${JSON.stringify(value)} is not a whole number >= 0`);
}
