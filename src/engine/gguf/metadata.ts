// Reads metadata with types: a key has the type that llama.cpp reads and a value in range, or is
// refused. Never fills in a default; an absent key gives null.

import { arrayNumbers } from './decode.js';
import type { GgufArray, GgufValue } from './format.js';
import { demand, quoted } from './model-error.js';

export type Metadata = ReadonlyMap<string, GgufValue>;

/** Inclusive bounds of a number. */
export interface ValueRange {
  readonly min: number;
  readonly max: number;
}

/** @throws PilotfishError `model-malformed` when the key is absent, not a string, or empty. */
export function requiredText(metadata: Metadata, key: string): string {
  const text = optionalText(metadata, key);
  demand(text !== null, `metadata key ${key} is missing`);
  demand(text !== '', `metadata key ${key} is empty`);
  return text;
}

/** Null when the key is absent. @throws PilotfishError `model-malformed` for another type. */
function typedValue<Type extends GgufValue['type']>(metadata: Metadata, key: string, type: Type) {
  const value = metadata.get(key);
  demand(
    value === undefined || value.type === type,
    `metadata key ${quoted(key)} has type ${value?.type}, must be ${type}`,
  );
  return (value as (GgufValue & { readonly type: Type }) | undefined) ?? null;
}

export const optionalText = (metadata: Metadata, key: string): string | null =>
  typedValue(metadata, key, 'string')?.value ?? null;

export const optionalBool = (metadata: Metadata, key: string): boolean | null =>
  typedValue(metadata, key, 'bool')?.value ?? null;

export const optionalArray = (metadata: Metadata, key: string): GgufArray | null =>
  typedValue(metadata, key, 'array');

/** @throws PilotfishError `model-malformed` when the key is absent, not uint32, or out of range. */
export function requiredCount(metadata: Metadata, key: string, range: ValueRange): number {
  const count = optionalCount(metadata, key, range);
  demand(count !== null, `metadata key ${key} is missing`);
  return count;
}

export function optionalCount(metadata: Metadata, key: string, range: ValueRange): number | null {
  const value = typedValue(metadata, key, 'uint32');
  return value && inRange(key, value.value, range);
}

export function optionalFloat(metadata: Metadata, key: string, range: ValueRange): number | null {
  const value = typedValue(metadata, key, 'float32');
  return value && inRange(key, value.value, range);
}

/**
 * [blockCount] counts from one number for all blocks or an array with one for each; null when
 * absent.
 */
export function optionalCounts(
  metadata: Metadata,
  key: string,
  blockCount: number,
  range: ValueRange,
): number[] | null {
  const value = metadata.get(key);
  if (value === undefined) return null;
  if (value.type !== 'array') {
    return new Array<number>(blockCount).fill(optionalCount(metadata, key, range)!);
  }
  demand(
    value.elementType === 'uint32' || value.elementType === 'int32',
    `metadata key ${key} is an array of ${value.elementType}, must be of uint32 or int32`,
  );
  demand(
    value.count === blockCount,
    `metadata key ${key} has ${value.count} elements, must have one for each of ${blockCount} blocks`,
  );
  return Array.from(arrayNumbers(value), (count, i) => inRange(`${key}[${i}]`, count, range));
}

/** The value itself; NaN is in no range. */
function inRange(key: string, value: number, { min, max }: ValueRange): number {
  const fits = value >= min && value <= max;
  demand(fits, `metadata key ${key} is ${value}, must be in [${min}, ${max}]`);
  return value;
}
