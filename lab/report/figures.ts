// Writes numbers and columns for people, the same on the Markdown page and in the browser.

import { type Estimate, exact } from '../../src/math/estimate.js';
import type { KeyColumn, Table, ValueColumn, ValueOrigin } from './result.js';

/** Three digits that count, and no powers of ten. */
export function figure(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  const places = 2 - Math.floor(Math.log10(size));
  if (size >= 10_000) return spaced(Math.round(value / 10 ** -places) * 10 ** -places);
  return value.toFixed(Math.max(0, Math.min(8, places)));
}

const spaced = (value: number): string => value.toFixed(0).replaceAll(/\B(?=(\d{3})+$)/g, ' ');

/** `1.02 to 1.48`: the least and the most of some numbers. */
export const spanText = (numbers: readonly number[]): string =>
  `${figure(Math.min(...numbers))} to ${figure(Math.max(...numbers))}`;

/** `12.3 [11.9, 12.8]`; no brackets where nothing is open; a count is whole. */
export function estimateText(estimate: Estimate | null): string {
  if (estimate === null) return '-';
  const { value, low, high } = estimate;
  if (low !== value || high !== value) return `${figure(value)} [${figure(low)}, ${figure(high)}]`;
  return Number.isInteger(value) && Math.abs(value) < 10_000 ? `${value}` : figure(value);
}

/** All cells of a row, by name. */
export const rowText = (row: Readonly<Record<string, string | number | Estimate | null>>): string =>
  Object.entries(row)
    .map(([name, cell]) => `${name} ${cellText(cell)}`)
    .join(', ');

function cellText(cell: string | number | Estimate | null): string {
  if (typeof cell === 'string') return cell;
  return estimateText(typeof cell === 'number' ? exact(cell) : cell);
}

/** Title, unit and, where the columns of values come from different places, this one's. */
export function headOf(column: KeyColumn | ValueColumn, table: Table): string {
  const unit = column.unit === '' ? '' : `, ${column.unit}`;
  const origin = 'origin' in column && originOf(table) === null ? ` (${column.origin})` : '';
  return `${column.title}${unit}${origin}`;
}

/** What all columns of values have in common; null: they differ. */
function originOf({ values }: Table): ValueOrigin | null {
  const [first] = values;
  return first && values.every(({ origin }) => origin === first.origin) ? first.origin : null;
}

/** What stands above a table: its title, and where its numbers come from if that is one place. */
export function captionOf(table: Table): string {
  const title = `${table.title[0]!.toUpperCase()}${table.title.slice(1)}`;
  const origin = originOf(table);
  return origin === null ? title : `${title} (all ${origin})`;
}

/** More rows than these are folded away. */
const rowsInSight = 14;
export const isLong = ({ rows }: Table): boolean => rows.length > rowsInSight;

/** Settings are written as they were given. */
export const keyText = (key: string | number): string => String(key);
