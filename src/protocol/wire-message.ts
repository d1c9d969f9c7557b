// Fields with a number, and messages as a table of fields: one table reads and writes, so the two cannot part. Knows no
// message of the protocol; those are in device-shapes.ts and server-shapes.ts.

import { assert } from '../base/assert.js';
import type { WireCode } from './code.js';
import type { Limit } from './limits.js';
import { type WireReader, wireTypes } from './wire-reader.js';
import { beyond, fallbackFor, type Value } from './wire-value.js';
import type { WireWriter } from './wire-writer.js';

/** One property of a message. */
export interface Field<T> {
  /** Field numbers in rising order with the values that come under them; more than one for a oneof. */
  readonly values: ReadonlyMap<number, Value<unknown>>;
  /** The property when no field came; may refuse. */
  absent(reader: WireReader): T;
  /** The property after a field came. @param before undefined at the first. */
  read(reader: WireReader, number: number, before: T | undefined): T;
  /** Writes tag and value, or nothing. */
  write(writer: WireWriter, value: T): void;
  /** Whether a second field of the property is legal. */
  readonly isList: boolean;
}

/** A field for each property but `kind`, which the frame's own field number says. */
export type Fields<T> = { readonly [Name in Exclude<keyof T, 'kind'>]: Field<T[Name]> };

function field<T>(
  number: number,
  value: Value<T>,
  absent: (reader: WireReader) => T,
  isAbsent: (content: T) => boolean,
): Field<T> {
  return {
    values: new Map([[number, value as Value<unknown>]]),
    isList: false,
    absent,
    read: (reader) => value.read(reader),
    write(writer, content) {
      if (!isAbsent(content)) tagged(writer, number, value, content);
    },
  };
}

/** Left out where it equals `zero`, protobuf's default of its type. */
export function plain<T>(number: number, value: Value<T>, zero: T): Field<T> {
  return field(
    number,
    value,
    () => zero,
    // Not ===: minus zero is a value.
    (content) => Object.is(content, zero),
  );
}

/** A packed list or byte string, left out where it has no entries. */
export function listed<T extends { readonly length: number }>(
  number: number,
  value: Value<T>,
  none: T,
): Field<T> {
  return field(
    number,
    value,
    () => none,
    (content) => content.length === 0,
  );
}

/** Null where it is left out; zero is a value like any other. */
export function optional<T>(number: number, value: Value<T>): Field<T | null> {
  return {
    values: new Map([[number, value as Value<unknown>]]),
    isList: false,
    absent: () => null,
    read: (reader) => value.read(reader),
    write(writer, content) {
      if (content !== null) tagged(writer, number, value, content);
    },
  };
}

/** Never left out; a sender that does is refused with `code`. */
export function required<T>(
  number: number,
  value: Value<T>,
  code: WireCode,
  name: string,
  fallback: T,
): Field<T> {
  return field(
    number,
    value,
    (reader) => fallbackFor(reader, code, `${name} is missing`, fallback),
    () => false,
  );
}

/** Up to `limit` values under one number, each with its own tag; null where there are none. */
export function repeated<T>(
  number: number,
  value: Value<T>,
  limit: Limit,
  name: string,
): Field<readonly T[] | null> {
  return {
    values: new Map([[number, value as Value<unknown>]]),
    isList: true,
    absent: () => null,
    read(reader, _number, before) {
      // Our own array from the call before: nobody has seen it yet.
      const items = (before ?? []) as T[];
      if (items.length >= limit.value) {
        reader.skip(value.wireType);
        reader.refuse(limit.code, beyond(name, limit));
      } else {
        items.push(value.read(reader));
      }
      return items;
    },
    write(writer, items) {
      if (items === null) return;
      assert(items.length <= limit.value, `${items.length} ${name}, more than ${limit.value}`);
      for (const item of items) tagged(writer, number, value, item);
    },
  };
}

/** One kind of a property that has several. */
export interface Variant<T> {
  readonly number: number;
  readonly value: Value<T>;
  /** Whether a content is of this kind. */
  has(content: T): boolean;
}

export function variant<T, Kind extends T>(
  number: number,
  value: Value<Kind>,
  has: (content: T) => content is Kind,
): Variant<T> {
  // Written only after `has` said so.
  return { number, value: value as unknown as Value<T>, has };
}

/** A property of several kinds, each under its own number; null where none came. */
export function oneOf<T>(...variants: readonly Variant<T>[]): Field<T | null> {
  const values = new Map(variants.map(({ number, value }) => [number, value]));
  return {
    values: values as ReadonlyMap<number, Value<unknown>>,
    isList: false,
    absent: () => null,
    read: (reader, number) => values.get(number)!.read(reader),
    write(writer, content) {
      if (content === null) return;
      const chosen = variants.find(({ has }) => has(content));
      assert(chosen !== undefined, 'a oneof content of no kind');
      tagged(writer, chosen.number, chosen.value, content);
    },
  };
}

/** A property that may not be null, made of a field that may. */
export function demanded<T>(inner: Field<T | null>, absent: (reader: WireReader) => T): Field<T> {
  return {
    values: inner.values,
    isList: inner.isList,
    absent,
    // A field that came is never null.
    read: (reader, number, before) => inner.read(reader, number, before) as T,
    write: (writer, content) => inner.write(writer, content),
  };
}

/** A message as a table of fields. */
export class Message<T> {
  readonly fields: Fields<T>;
  readonly #entries: readonly (readonly [string, Field<unknown>])[];
  /** Field number -> index in #entries. */
  readonly #indexOf = new Map<number, number>();

  /** @param fields in the order of their numbers. */
  constructor(fields: Fields<T>) {
    this.fields = fields;
    this.#entries = Object.entries<Field<unknown>>(fields as Record<string, Field<unknown>>);
    this.#entries.forEach(([, { values }], index) => {
      for (const number of values.keys()) this.#indexOf.set(number, index);
    });
  }

  /** @param kind becomes the property `kind`, where the message is a frame. */
  read(reader: WireReader, kind?: string): T {
    const content: Record<string, unknown> = kind === undefined ? {} : { kind };
    // Every property from the start, so that all frames of a kind have one hidden class.
    for (const [name] of this.#entries) content[name] = undefined;
    while (reader.hasMore) this.#readField(reader, content);
    return this.#complete(reader, content);
  }

  /** The message of no bytes. */
  absent(reader: WireReader): T {
    return this.#complete(reader, {});
  }

  #complete(reader: WireReader, content: Record<string, unknown>): T {
    for (const [name, { absent }] of this.#entries) {
      if (content[name] === undefined) content[name] = absent(reader);
    }
    // The table has a field of the right type for each property of T.
    return content as T;
  }

  #readField(reader: WireReader, content: Record<string, unknown>): void {
    const tag = reader.tag();
    const number = tag >>> 3;
    const index = this.#indexOf.get(number);
    if (index === undefined) {
      reader.skip(tag & 7);
      return;
    }
    const [name, field] = this.#entries[index]!;
    const before = content[name];
    if ((tag & 7) !== field.values.get(number)!.wireType) {
      reader.break(`${name} with wire type ${tag & 7}`);
    } else if (before !== undefined && !field.isList) {
      reader.break(`${name} twice`);
    } else {
      content[name] = field.read(reader, number, before);
    }
  }

  write(writer: WireWriter, content: T): void {
    const record = content as Record<string, unknown>;
    for (const [name, field] of this.#entries) field.write(writer, record[name]);
  }
}

/** A message inside a message. */
export function embedded<T>(message: Message<T>): Value<T> {
  return {
    wireType: wireTypes.bytes,
    read: (reader) => reader.nested(() => message.read(reader)),
    write: (writer, value) => writer.delimited(() => message.write(writer, value)),
  };
}

function tagged<T>(writer: WireWriter, number: number, value: Value<T>, content: T): void {
  writer.tag(number, value.wireType);
  value.write(writer, content);
}
