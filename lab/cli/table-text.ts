// Prints a table of a result on a terminal.

import { formatTable } from '../../src/cli/screen/table.js';
import { captionOf, estimateText, headOf, keyText } from '../report/figures.js';
import type { Table } from '../report/result.js';

export function tableText(table: Table): string {
  const { keys, values, rows } = table;
  const head = [...keys, ...values].map((column) => headOf(column, table));
  const body = rows.map((row) => [...row.keys.map(keyText), ...row.values.map(estimateText)]);
  const align = [...keys.map(() => 'left' as const), ...values.map(() => 'right' as const)];
  return `${captionOf(table)}\n${formatTable([head, ...body], { align })}`;
}
