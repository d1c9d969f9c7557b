// Aligns small tables for the terminal by display width: colour codes count nothing, wide
// characters two. Never cuts a cell: a path that cannot be copied is worse than a long line.

import { stripVTControlCharacters } from 'node:util';

export type Align = 'left' | 'right';

export interface TableOptions {
  /** [columns]; missing ones are left-aligned. */
  readonly align?: readonly Align[];
  /** Spaces between columns. */
  readonly gap?: number;
  /** Text before every line. */
  readonly indent?: string;
}

const wide =
  /\p{Emoji_Presentation}|\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|[\uff01-\uff60]/u;
const zeroWidth = /\p{Mn}|\p{Me}|\p{Cf}/u;

/** Columns a text takes on a terminal. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of stripVTControlCharacters(text)) {
    if (zeroWidth.test(character)) continue;
    width += wide.test(character) ? 2 : 1;
  }
  return width;
}

/** Lines of a table, without trailing spaces. @param rows [rows][columns]; may be short. */
export function formatTable(
  rows: readonly (readonly string[])[],
  options: TableOptions = {},
): string {
  const { align = [], gap = 2, indent = '' } = options;
  const columnCount = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columnCount }, (_, column) =>
    Math.max(...rows.map((row) => displayWidth(row[column] ?? ''))),
  );
  const line = (row: readonly string[]) =>
    widths
      .map((width, column) => padCell(row[column] ?? '', width, align[column] ?? 'left'))
      .join(' '.repeat(gap));
  return rows.map((row) => (indent + line(row)).trimEnd()).join('\n');
}

function padCell(text: string, width: number, align: Align): string {
  const filler = ' '.repeat(width - displayWidth(text));
  return align === 'right' ? filler + text : text + filler;
}
