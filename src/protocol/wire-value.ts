// Maps single values to bytes: numbers, texts, packed lists, words of a closed list. Reading never
// throws: a value that is too long or out of range is refused, and a harmless value takes its
// place.

import { assert } from '../base/assert.js';
import { toUtf8 } from '../base/utf8.js';
import type { WireCode } from './code.js';
import { type Limit, u32Max } from './limits.js';
import { type WireReader, type WireType, wireTypes } from './wire-reader.js';
import type { WireWriter } from './wire-writer.js';

/** Encoding of one value, without its field number. */
export interface Value<T> {
  readonly wireType: WireType;
  /** The result is meaningless if the reader has a complaint. */
  read(reader: WireReader): T;
  write(writer: WireWriter, value: T): void;
}

/** A number in [0, 2^32). */
export const u32: Value<number> = {
  wireType: wireTypes.varint,
  read: (reader) => reader.u32(),
  write(writer, value) {
    assert(
      Number.isInteger(value) && value >= 0 && value <= u32Max,
      `${value} is outside [0, 2^32)`,
    );
    writer.u32(value);
  },
};

export const bool: Value<boolean> = {
  wireType: wireTypes.varint,
  read(reader) {
    const value = reader.u32();
    if (value > 1) reader.break(`truth value ${value}`);
    return value === 1;
  },
  write: (writer, value) => writer.u32(value ? 1 : 0),
};

export const f64: Value<number> = {
  wireType: wireTypes.fixed64,
  read: (reader) => reader.f64(),
  write: (writer, value) => writer.f64(value),
};

export const u64: Value<bigint> = {
  wireType: wireTypes.fixed64,
  read: (reader) => reader.u64(),
  write: (writer, value) => writer.u64(value),
};

/** Exactly `length` bytes. */
export function byteString(length: number, name: string): Value<Uint8Array> {
  return {
    wireType: wireTypes.bytes,
    read(reader) {
      const bytes = reader.bytes(length);
      if (bytes?.length === length) return bytes;
      return fallbackFor(reader, 'limit-exceeded', `${name} is not ${length} bytes`, noBytes);
    },
    write(writer, value) {
      assert(value.length === length, `${name} has ${value.length} bytes, not ${length}`);
      writer.bytes(value);
    },
  };
}

/** At least one byte, at most `limit`. */
export function bytesUpTo(limit: Limit, name: string): Value<Uint8Array> {
  return {
    wireType: wireTypes.bytes,
    read(reader) {
      return (
        reader.bytes(limit.value) ?? fallbackFor(reader, limit.code, beyond(name, limit), noBytes)
      );
    },
    write(writer, value) {
      assertWithin(value.length, limit, name);
      writer.bytes(value);
    },
  };
}

/** UTF-8 of at most `limit` bytes. */
export function text(limit: Limit, name: string): Value<string> {
  return {
    wireType: wireTypes.bytes,
    read(reader) {
      const value = reader.text(limit.value);
      return value ?? fallbackFor(reader, limit.code, beyond(name, limit), '');
    },
    write(writer, value) {
      const bytes = toUtf8(value);
      assertWithin(bytes.length, limit, name);
      writer.bytes(bytes);
    },
  };
}

/** Token ids, at most `limit` of them, each in [0, tokenMax]. */
export function tokens(limit: Limit, tokenMax: number, name: string): Value<Int32Array> {
  return {
    wireType: wireTypes.bytes,
    read(reader) {
      const values = reader.packedU32(limit.value);
      if (values === null) return fallbackFor(reader, limit.code, beyond(name, limit), noTokens);
      for (let index = 0; index < values.length; index++) {
        // Ids of 2^31 and more have wrapped to negative numbers.
        const id = values[index]! >>> 0;
        if (id <= tokenMax) continue;
        reader.refuse('token-out-of-range', `${name}[${index}] ${id} is above ${tokenMax}`);
        return noTokens;
      }
      return values;
    },
    write(writer, values) {
      assertWithin(values.length, limit, name);
      writer.delimited(() => {
        for (const value of values) {
          assert(
            value >= 0 && value <= tokenMax,
            `${name}: id ${value} is outside [0, ${tokenMax}]`,
          );
          writer.u32(value);
        }
      });
    },
  };
}

export function f64List(limit: Limit, name: string): Value<Float64Array> {
  return {
    wireType: wireTypes.bytes,
    read(reader) {
      const values = reader.packedF64(limit.value);
      return values ?? fallbackFor(reader, limit.code, beyond(name, limit), noF64);
    },
    write(writer, values) {
      assertWithin(values.length, limit, name);
      writer.packedF64(values);
    },
  };
}

export function f32List(limit: Limit, name: string): Value<Float32Array> {
  return {
    wireType: wireTypes.bytes,
    read(reader) {
      const values = reader.packedF32(limit.value);
      return values ?? fallbackFor(reader, limit.code, beyond(name, limit), noF32);
    },
    write(writer, values) {
      assertWithin(values.length, limit, name);
      writer.delimited(() => {
        for (const value of values) writer.f32(value);
      });
    },
  };
}

export function fixed32List(limit: Limit, name: string): Value<Uint32Array> {
  return {
    wireType: wireTypes.bytes,
    read(reader) {
      const values = reader.packedFixed32(limit.value);
      return values ?? fallbackFor(reader, limit.code, beyond(name, limit), noU32);
    },
    write(writer, values) {
      assertWithin(values.length, limit, name);
      writer.delimited(() => {
        for (const value of values) writer.fixed32(value);
      });
    },
  };
}

/** One of a closed list of words, sent as its place in the list, counted from 1. */
export function word<Word extends string>(
  words: readonly Word[],
  code: WireCode,
  name: string,
): Value<Word> {
  return {
    wireType: wireTypes.varint,
    read(reader) {
      const number = reader.u32();
      return (
        words[number - 1] ?? fallbackFor(reader, code, `${name} ${number} is unknown`, words[0]!)
      );
    },
    write: (writer, value) => writer.u32(words.indexOf(value) + 1),
  };
}

/** Packed words; unknown ones are left out. */
export function words<Word extends string>(
  known: readonly Word[],
  limit: Limit,
  name: string,
): Value<readonly Word[]> {
  return {
    wireType: wireTypes.bytes,
    read(reader) {
      const numbers = reader.packedU32(limit.value);
      if (numbers === null) return fallbackFor(reader, limit.code, beyond(name, limit), []);
      return Array.from(numbers, (number) => known[number - 1]).filter(
        (item) => item !== undefined,
      );
    },
    write: (writer, items) =>
      writer.delimited(() => {
        for (const item of items) writer.u32(known.indexOf(item) + 1);
      }),
  };
}

/** A value encoded like another one. @param from may refuse. */
export function mapped<Inner, Outer>(
  inner: Value<Inner>,
  to: (value: Inner, reader: WireReader) => Outer,
  from: (value: Outer) => Inner,
): Value<Outer> {
  return {
    wireType: inner.wireType,
    read: (reader) => to(inner.read(reader), reader),
    write: (writer, value) => inner.write(writer, from(value)),
  };
}

/** Refuses a missing value and returns `fallback`, which is never used. */
export function fallbackFor<T>(
  reader: WireReader,
  code: WireCode,
  message: string,
  fallback: T,
): T {
  reader.refuse(code, message);
  return fallback;
}

function assertWithin(count: number, limit: Limit, name: string): void {
  assert(count <= limit.value, `${name} has ${count}, more than ${limit.value} ${limit.unit}`);
}

export const beyond = (name: string, limit: Limit): string =>
  `${name} exceeds ${limit.value} ${limit.unit}`;

/** An empty array cannot change, so all share one. */
const noBytes = new Uint8Array(0);
export const noTokens = new Int32Array(0);
export const noF64 = new Float64Array(0);
export const noF32 = new Float32Array(0);
export const noU32 = new Uint32Array(0);
