// How a number and a column are written for people, the same on the Markdown page and in the browser.

import type { Estimate, KeyColumn, ValueColumn } from './result.js';

/** Three digits that count, and no powers of ten. */
export function figure(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  const places = Math.max(0, Math.min(8, 2 - Math.floor(Math.log10(size))));
  const text = value.toFixed(places);
  return size >= 10_000 ? text.replaceAll(/\B(?=(\d{3})+$)/g, ' ') : text;
}

/** `12.3 [11.9, 12.8]`; without brackets where nothing is left open. */
export function estimateText(estimate: Estimate | null): string {
  if (estimate === null) return '-';
  const { value, low, high } = estimate;
  const isExact = low === value && high === value;
  return isExact ? figure(value) : `${figure(value)} [${figure(low)}, ${figure(high)}]`;
}

/** Title, unit and, for values, where they come from. */
export function headOf(column: KeyColumn | ValueColumn): string {
  const unit = column.unit === '' ? '' : `, ${column.unit}`;
  return 'origin' in column
    ? `${column.title}${unit} (${column.origin})`
    : `${column.title}${unit}`;
}

/** Settings are written as they were given. */
export const keyText = (key: string | number): string => String(key);
