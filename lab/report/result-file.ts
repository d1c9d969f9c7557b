// Writes a result as text and reads it: JSON with one line for each row, so that a rerun shows as
// the rows that moved. Checks what is read, since a file may be anybody's.

import { z } from 'zod';
import { assert } from '../../src/base/assert.js';
import type { Estimate } from '../../src/math/estimate.js';
import { parsedAs, refused, rounded } from '../json-file.js';
import { type Result, resultHead, tableHead } from './result.js';

/** The form of the file; a reader refuses another. */
const format = 1;

const what = 'result of an experiment';
const digits = 5;

/** A number where nothing is left open, else [value, low, high]. */
type Cell = null | number | readonly [number, number, number];

function cellOf(estimate: Estimate | null): Cell {
  if (estimate === null) return null;
  const { value, low, high } = estimate;
  const short = (number: number): number => rounded(number, digits);
  return low === value && high === value ? short(value) : [short(value), short(low), short(high)];
}

function estimateOf(cell: Cell): Estimate | null {
  if (cell === null) return null;
  const [value, low, high] = typeof cell === 'number' ? [cell, cell, cell] : cell;
  return { value, low, high };
}

/** @returns JSON, a line for each row; numbers keep five digits. */
export function resultText(result: Result): string {
  const lines: string[] = [];
  const tables = result.tables.map(({ rows, ...table }) => ({
    ...table,
    rows: rows.map(({ keys, values }) => {
      lines.push(JSON.stringify([...keys, ...values.map(cellOf)]));
      return `row ${lines.length - 1}`;
    }),
  }));
  const text = JSON.stringify({ format, ...result, tables }, null, 1);
  const whole = `${text.replaceAll(/"row (\d+)"/g, (_, index) => lines[Number(index)]!)}\n`;
  // Told now, not when it is rendered half an hour later.
  const { success, error } = schema.safeParse(JSON.parse(whole));
  assert(success, `the result of ${result.id} cannot be read again: ${error?.message}`);
  return whole;
}

const number = z.number();
const cell = z.union([z.null(), z.string(), number, z.tuple([number, number, number])]);
const schema = resultHead.extend({
  format: z.literal(format),
  tables: z.array(tableHead.extend({ rows: z.array(z.array(cell)) })),
});

/** @throws PilotfishError `usage`, with the file's name, for what is no result. */
export function resultFrom(fileText: string, name: string): Result {
  const { format: _, tables, ...rest } = parsedAs(schema, fileText, name, what);
  return { ...rest, tables: tables.map((table) => tableFrom(table, name)) };
}

function tableFrom(
  { rows, ...table }: z.infer<typeof schema>['tables'][number],
  name: string,
): Result['tables'][number] {
  const keyCount = table.keys.length;
  const width = keyCount + table.values.length;
  const bad = rows.find((row) => row.length !== width);
  if (bad) {
    const why = `a row of table ${table.id} has ${bad.length} cells, not ${width}`;
    throw refused(name, what, why);
  }
  return {
    ...table,
    rows: rows.map((row) => ({
      keys: row.slice(0, keyCount) as (string | number)[],
      values: row.slice(keyCount).map((one) => estimateOf(one as Cell)),
    })),
  };
}
