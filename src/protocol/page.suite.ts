// Prints the parts of PROTOCOL.md that come from the code: tables of limits, codes and states, and
// the golden vectors.

import { closeCodeOf, codeTable, wireCodes } from './code.js';
import type { FrameKind } from './frame.js';
import { limits } from './limits.js';
import { late, moves, sessionStates } from './session-state.js';
import { type Vector, vectors } from './vectors.suite.js';

const row = (...cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;

const grouped = (value: number): string => value.toLocaleString('en-US').replaceAll(',', ' ');

const states = sessionStates.map((state) => {
  const legal = Object.entries(moves[state]).map(([event, next]) =>
    next === state ? event : `${event} → ${next}`,
  );
  const crossing = Object.entries(late[state]).map(([event, use]) => `${event} (${use})`);
  return row(`\`${state}\``, legal.join(', '), crossing.join(', '));
});

/** Tables of the page by their place, head first. */
export const pageRows = {
  limits: [
    row('limit', 'value', 'unit', 'why', 'beyond it'),
    '|---|---|---|---|---|',
    ...Object.entries(limits).map(([name, { value, unit, why, code }]) =>
      row(`\`${name}\``, grouped(value), unit, why, `\`${code}\``),
    ),
  ],
  codes: [
    row('number', 'code', 'ends', 'close', 'HTTP', 'again', 'meaning', 'remedy'),
    '|---|---|---|---|---|---|---|---|',
    ...wireCodes.map((code) => {
      const { number, ends, httpStatus, retryable, meaning, remedy } = codeTable[code];
      const again = retryable ? 'yes' : 'no';
      return row(
        number,
        `\`${code}\``,
        ends,
        closeCodeOf(code),
        httpStatus,
        again,
        meaning,
        remedy,
      );
    }),
  ],
  states: [row('state', 'legal, and where it leads', 'late'), '|---|---|---|', ...states],
} as const;

export function vectorsOf(kind: FrameKind): readonly Vector[] {
  return vectors.filter(({ frame }) => frame.kind === kind);
}

/** Bytes in one block are grouped so that a reader can count them. */
const bytesPerLine = 32;

/** A golden vector in the form of the page. */
export function exampleOf({ title, hex }: Vector): string {
  const bytes = hex.match(/../g) ?? [];
  const lines: string[] = [];
  for (let from = 0; from < bytes.length; from += bytesPerLine) {
    lines.push(bytes.slice(from, from + bytesPerLine).join(' '));
  }
  return [`Example, ${bytes.length} bytes: ${title}.`, '```hex', ...lines, '```'].join('\n');
}
