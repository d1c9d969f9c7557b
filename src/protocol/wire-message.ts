// Defines numbered fields, and messages as tables of fields. One table reads and writes, so the two
// always agree. Knows no message of the protocol; those are in the files that end in -shape and
// -shapes.

import { assert } from '../base/assert.js';
import type { WireCode } from './code.js';
import type { Limit } from './limits.js';
import { type Complaint, type WireReader, wireTypes } from './wire-reader.js';
import { beyond, type Value } from './wire-value.js';
import type { WireWriter } from './wire-writer.js';

/** One property of a message. */
export interface Field<T> {
  /** Field numbers in rising order with their values; more than one for a oneof. */
  readonly values: ReadonlyMap<number, Value<unknown>>;
  /** The property if no field was sent. Unused if `missing` is set. */
  readonly none: T | null;
  /** Fault if a peer leaves it out; null: it is optional. */
  readonly missing: Complaint | null;
  /** For lists with one field per value: limit and name; null: at most one field. */
  readonly repeats: { readonly limit: Limit; readonly name: string } | null;
  /** Writes tag and value, or nothing. */
  write(writer: WireWriter, content: T): void;
}

/** A field for each property except `kind`, which the frame's field number gives. */
export type Fields<T> = { readonly [Name in Exclude<keyof T, 'kind'>]: Field<T[Name]> };

function single<T>(
  number: number,
  value: Value<T>,
  none: T | null,
  isLeftOut: (content: T) => boolean,
  missing: Complaint | null = null,
): Field<T> {
  return {
    values: new Map([[number, value as Value<unknown>]]),
    none,
    missing,
    repeats: null,
    write(writer, content) {
      if (!isLeftOut(content)) writeTagged(writer, number, value, content);
    },
  };
}

/** Left out if it equals `zero`, protobuf's default of its type. */
export function plain<T>(number: number, value: Value<T>, zero: T): Field<T> {
  // Not ===: minus zero is a value.
  return single(number, value, zero, (content) => Object.is(content, zero));
}

/** A packed list, left out if it is empty. */
export function listed<T extends { readonly length: number }>(
  number: number,
  value: Value<T>,
  none: T,
): Field<T> {
  return single(number, value, none, (content) => content.length === 0);
}

/** Null if left out; zero is written like any other value. */
export function optional<T>(number: number, value: Value<T>): Field<T | null> {
  return single<T | null>(number, value as Value<T | null>, null, (content) => content === null);
}

/** Always sent; a peer that leaves it out is refused with `code`. */
export function required<T>(
  number: number,
  value: Value<T>,
  code: WireCode,
  name: string,
): Field<T> {
  return single(number, value, null, () => false, { code, message: `${name} is missing` });
}

/** Up to `limit` values under one number, each with its own tag; null if there are none. */
export function repeated<T>(
  number: number,
  value: Value<T>,
  limit: Limit,
  name: string,
): Field<readonly T[] | null> {
  return {
    values: new Map([[number, value as Value<unknown>]]),
    none: null,
    missing: null,
    repeats: { limit, name },
    write(writer, items) {
      if (items === null) return;
      assert(items.length <= limit.value, `${items.length} ${name}, more than ${limit.value}`);
      for (const item of items) writeTagged(writer, number, value, item);
    },
  };
}

/** One kind of a property with several kinds. */
export interface OneOfVariant<T> {
  readonly number: number;
  readonly value: Value<T>;
  /** Whether the content is of this kind. */
  has(content: T): boolean;
}

export function variant<T, Kind extends T>(
  number: number,
  value: Value<Kind>,
  has: (content: T) => content is Kind,
): OneOfVariant<T> {
  // Written only if `has` is true.
  return { number, value: value as unknown as Value<T>, has };
}

/** A property of several kinds, each under its own number; null if none was sent. */
export function oneOf<T>(...variants: readonly OneOfVariant<T>[]): Field<T | null> {
  return {
    values: new Map(variants.map(({ number, value }) => [number, value as Value<unknown>])),
    none: null,
    missing: null,
    repeats: null,
    write(writer, content) {
      if (content === null) return;
      const chosen = variants.find(({ has }) => has(content));
      assert(chosen !== undefined, 'a oneof content of no kind');
      writeTagged(writer, chosen.number, chosen.value, content);
    },
  };
}

/** Makes a nullable field required. */
export function demanded<T>(inner: Field<T | null>, code: WireCode, name: string): Field<T> {
  const missing = { code, message: `${name} is missing` };
  return { ...inner, missing, write: (writer, content) => inner.write(writer, content) };
}

/** Makes a nullable list empty instead of null. */
export function orEmpty<T>(inner: Field<readonly T[] | null>): Field<readonly T[]> {
  return { ...inner, none: [], write: (writer, content) => inner.write(writer, content) };
}

/** A message inside a message. */
export function embedded<T>(message: Message<T>): Value<T> {
  return {
    wireType: wireTypes.bytes,
    read: (reader) => reader.nested(() => message.read(reader)),
    write: (writer, value) => writer.delimited(() => message.write(writer, value)),
  };
}

function writeTagged<T>(writer: WireWriter, number: number, value: Value<T>, content: T): void {
  writer.tag(number, value.wireType);
  value.write(writer, content);
}

/** A property, in the form the reader needs. */
interface Property {
  readonly name: string;
  readonly field: Field<unknown>;
  readonly bit: number;
}

/** A message as a table of fields. */
export class Message<T> {
  readonly fields: Fields<T>;
  readonly #properties: readonly Property[];
  readonly #demanded: readonly Property[];
  /** By field number. */
  readonly #byNumber = new Map<number, Property & { readonly value: Value<unknown> }>();
  /** The empty message. Every frame starts as a copy, so all of a kind share one hidden class. */
  readonly #none: Readonly<Record<string, unknown>>;

  /**
   * @param fields in the order of their numbers.
   * @param kind value of the property `kind`, if the message is a frame.
   */
  constructor(fields: Fields<T>, kind?: string) {
    this.fields = fields;
    const named = Object.entries<Field<unknown>>(fields as Record<string, Field<unknown>>);
    this.#properties = named.map(([name, field], index) => ({ name, field, bit: 1 << index }));
    this.#demanded = this.#properties.filter(({ field }) => field.missing !== null);
    assert(named.length < 32, `${named.length} properties have no bit each`);
    for (const property of this.#properties) {
      for (const [number, value] of property.field.values) {
        this.#byNumber.set(number, { ...property, value });
      }
    }
    const none = Object.fromEntries(named.map(([name, field]) => [name, field.none]));
    this.#none = kind === undefined ? none : { kind, ...none };
  }

  /** Reads up to the reader's end. The result is meaningless if the reader has a complaint. */
  read(reader: WireReader): T {
    const content: Record<string, unknown> = { ...this.#none };
    let seen = 0;
    while (reader.hasMore) seen |= this.#readField(reader, content, seen);
    for (const { name, field } of this.#demanded) {
      if (content[name] === null) reader.refuse(field.missing!.code, field.missing!.message);
    }
    // The table has a field of the right type for each property of T.
    return content as T;
  }

  /**
   * @param seen bits of the earlier properties.
   * @returns the bit of this one; 0 for an unknown field.
   */
  #readField(reader: WireReader, content: Record<string, unknown>, seen: number): number {
    const tag = reader.tag();
    const property = this.#byNumber.get(tag >>> 3);
    if (property === undefined) {
      reader.skip(tag & 7);
      return 0;
    }
    const { name, field, value, bit } = property;
    if ((tag & 7) !== value.wireType) {
      reader.break(`${name} with wire type ${tag & 7}`);
    } else if (field.repeats !== null) {
      const before = seen & bit ? (content[name] as unknown[]) : [];
      content[name] = withNext(reader, value, field.repeats, before);
    } else if (seen & bit) {
      reader.break(`${name} twice`);
    } else {
      content[name] = value.read(reader);
    }
    return bit;
  }

  write(writer: WireWriter, content: T): void {
    const record = content as Record<string, unknown>;
    for (const { name, field } of this.#properties) field.write(writer, record[name]);
  }
}

/** Reads the next value into a list; values beyond the limit are skipped. */
function withNext(
  reader: WireReader,
  value: Value<unknown>,
  { limit, name }: { readonly limit: Limit; readonly name: string },
  items: unknown[],
): unknown[] {
  if (items.length < limit.value) {
    items.push(value.read(reader));
  } else {
    reader.skip(value.wireType);
    reader.refuse(limit.code, beyond(name, limit));
  }
  return items;
}
