// Keeps compiled schemas, refusals too, for each key by itself: the time of an answer tells nothing
// of the schemas of another key, and no key crowds out those of another.

import { createHash } from 'node:crypto';
import { PilotfishError } from '../../base/error.js';
import { type CompiledSchema, compiledBytes } from '../../grammar/compiled-schema.js';

export type KnownSchema = CompiledSchema | PilotfishError;

/** Bytes kept for a key: four of the largest schemas, or hundreds of usual ones. */
const keyBytesMax = 4 * 2 ** 20;
/** Keys that schemas are kept for: 128 MiB at most. */
const keysMax = 32;
/** Of a refusal, and of an entry beside its tables. */
const entryBytes = 2048;

interface Shelf {
  /** By hash, least recently used first. */
  readonly schemas: Map<string, KnownSchema>;
  bytes: number;
}

export class SchemaStore {
  /** Least recently used first. */
  readonly #shelves = new Map<string | null, Shelf>();

  get(key: string | null, schema: string): KnownSchema | null {
    const shelf = this.#shelves.get(key);
    const hash = hashOf(schema);
    const known = shelf?.schemas.get(hash);
    if (shelf === undefined || known === undefined) return null;
    shelf.schemas.delete(hash);
    shelf.schemas.set(hash, known);
    return known;
  }

  set(key: string | null, schema: string, known: KnownSchema): void {
    const shelf = this.#shelves.get(key) ?? { schemas: new Map(), bytes: 0 };
    this.#shelves.delete(key);
    this.#shelves.set(key, shelf);
    if (this.#shelves.size > keysMax) this.#shelves.delete(this.#shelves.keys().next().value!);
    const hash = hashOf(schema);
    drop(shelf, hash);
    shelf.schemas.set(hash, known);
    shelf.bytes += bytesOf(known);
    while (shelf.bytes > keyBytesMax) drop(shelf, shelf.schemas.keys().next().value!);
  }
}

function drop(shelf: Shelf, hash: string): void {
  const known = shelf.schemas.get(hash);
  if (known === undefined) return;
  shelf.bytes -= bytesOf(known);
  shelf.schemas.delete(hash);
}

const bytesOf = (known: KnownSchema): number =>
  entryBytes + (known instanceof PilotfishError ? 0 : compiledBytes(known));

const hashOf = (schema: string): string => createHash('sha256').update(schema).digest('base64');
