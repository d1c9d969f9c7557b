// Writes the baseline of the regression gate as text and reads it: a line for each reading, so that
// an update shows what moved.

import { z } from 'zod';
import { parsedAs, rounded } from '../json-file.js';
import type { BaselineEntry } from './judge.js';

export interface Baseline {
  readonly machine: string;
  readonly commit: string;
  /** ISO 8601, day only. */
  readonly date: string;
  /** By the id of a reading. */
  readonly entries: ReadonlyMap<string, BaselineEntry>;
}

const digits = 6;

/** @returns JSON; numbers keep six digits. */
export function baselineText({ entries, ...head }: Baseline): string {
  const lines = [...entries].map(([id, { value, tolerance }]) => {
    const numbers = [value.value, value.low, value.high].map((one) => rounded(one, digits));
    return `  ${JSON.stringify(id)}: ${JSON.stringify({ value: numbers, tolerance })}`;
  });
  const [open] = JSON.stringify(head, null, 1).split('\n}');
  return `${open},\n "readings": {\n${lines.join(',\n')}\n }\n}\n`;
}

const positive = z.number().positive();
const schema = z.object({
  machine: z.string(),
  commit: z.string(),
  date: z.string(),
  readings: z.record(
    z.string(),
    z.object({ value: z.tuple([positive, positive, positive]), tolerance: positive }),
  ),
});

/** @throws PilotfishError `usage`, with the file's name, for what is no baseline. */
export function baselineFrom(text: string, name: string): Baseline {
  const { readings, ...head } = parsedAs(schema, text, name, 'baseline of the gate');
  const entries = Object.entries(readings).map(([id, { value, tolerance }]) => {
    const [middle, low, high] = value;
    return [id, { value: { value: middle, low, high }, tolerance }] as const;
  });
  return { ...head, entries: new Map(entries) };
}
