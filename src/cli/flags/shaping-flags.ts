// Defines the flags that hide lengths and times of messages from observers, the same at both ends.

import type { TrafficShaping } from '../../protocol/frame.js';
import { shapingMin } from '../../protocol/frame-check.js';
import { limits } from '../../protocol/limits.js';
import { flag, usageError, wholeNumber } from './flags.js';

export interface ShapingOptions {
  readonly pad: number;
  readonly aggregate: number;
}

/** @param messages the messages that the help says are padded or delayed. */
export const shapingFlags = (messages: string) => [
  flag(
    '--pad <bytes>',
    `pad ${messages} to this length, or twice, four times and so on; a power of two; 0 is off`,
    padBytes,
  ).default(0),
  flag(
    '--aggregate <ms>',
    `send ${messages} at this interval only, fillers included; 0 sends at once`,
    aggregateMs,
  ).default(0),
];

function padBytes(text: string, name: string): number {
  const { value: max } = limits.padBytes;
  const value = wholeNumber(0, max)(text, name);
  const isPower = Number.isInteger(Math.log2(value));
  if (value === 0 || (value >= shapingMin.padBytes && isPower)) return value;
  const range = `${shapingMin.padBytes} to ${max}`;
  throw usageError(`${name} takes 0 or a power of two from ${range}, not '${text}'`);
}

function aggregateMs(text: string, name: string): number {
  const { value: max } = limits.aggregateMs;
  const value = wholeNumber(0, max)(text, name);
  if (value === 0 || value >= shapingMin.aggregateMs) return value;
  const range = `${shapingMin.aggregateMs} to ${max}`;
  throw usageError(`${name} takes 0 or ${range} milliseconds, not '${text}'`);
}

export const shapingOf = ({ pad, aggregate }: ShapingOptions): TrafficShaping => ({
  padBytes: pad,
  aggregateMs: aggregate,
});
