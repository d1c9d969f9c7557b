// Defines the flags that hide lengths and times of messages from observers, the same at both ends.

import { PilotfishError } from '../../base/error.js';
import type { TrafficShaping } from '../../protocol/frame.js';
import { shapingMin } from '../../protocol/frame-check.js';
import { limits } from '../../protocol/limits.js';
import { flag, wholeNumber } from './flags.js';

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

const usage = (message: string): PilotfishError => new PilotfishError('usage', message);

function padBytes(text: string): number {
  const value = wholeNumber('--pad', 0, limits.padBytes.value)(text);
  if (value === 0 || (value >= shapingMin.padBytes && Number.isInteger(Math.log2(value))))
    return value;
  throw usage(
    `--pad takes 0 or a power of two from ${shapingMin.padBytes} to ${limits.padBytes.value}, not '${text}'`,
  );
}

function aggregateMs(text: string): number {
  const value = wholeNumber('--aggregate', 0, limits.aggregateMs.value)(text);
  if (value === 0 || value >= shapingMin.aggregateMs) return value;
  throw usage(
    `--aggregate takes 0 or ${shapingMin.aggregateMs} to ${limits.aggregateMs.value} milliseconds, not '${text}'`,
  );
}

export const shapingOf = ({ pad, aggregate }: ShapingOptions): TrafficShaping => ({
  padBytes: pad,
  aggregateMs: aggregate,
});
