// Makes the values of GGUF that only tests and the lab write: arrays and truth values.

import { type NumberType, putNumber, textBytes } from './encode.js';
import { elementBytes, type GgufArray, type GgufScalar } from './format.js';

export const boolValue = (value: boolean): GgufScalar => ({ type: 'bool', value });

/** Strings given as bytes are written unchanged. */
export function textArray(texts: readonly (string | Uint8Array)[]): GgufArray {
  const bytes = Buffer.concat(texts.map(textBytes));
  return { type: 'array', elementType: 'string', count: texts.length, bytes };
}

export function numberArray(elementType: NumberType, numbers: ArrayLike<number>): GgufArray {
  const step = elementBytes[elementType];
  const bytes = new Uint8Array(numbers.length * step);
  const view = new DataView(bytes.buffer);
  const put = putNumber[elementType];
  for (let i = 0; i < numbers.length; i++) put(view, i * step, numbers[i]!);
  return { type: 'array', elementType, count: numbers.length, bytes };
}
