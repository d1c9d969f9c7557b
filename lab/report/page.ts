// Renders the report as one HTML page with its pictures inside: opens from a disk, asks no network,
// follows the reader's colours. Its frame is page.html.

import type { Estimate } from '../../src/math/estimate.js';
import { captionOf, estimateText, headOf, isLong, keyText } from './figures.js';
import type { PaperFigure, Plot, Result, SetUp, Table } from './result.js';
import { framed } from './text.js';

/** A result and its plots as SVG, by their ids. */
export interface Drawn {
  readonly result: Result;
  readonly svgs: ReadonlyMap<string, string>;
}

/** One page of HTML that loads nothing. */
export function reportPage(drawn: readonly Drawn[]): string {
  const [summary, sections] = [summaryOf, sectionOf].map((of) => drawn.map(of).join('\n'));
  return framed('page.html', { summary: summary!, sections: sections! });
}

function summaryOf({ result: { id, title, claims } }: Drawn): string {
  const [first] = claims;
  const text = first === undefined ? '' : ` ${escaped(first.text)}`;
  return `<li><a href="#${id}">${escaped(title)}</a>.${text}</li>`;
}

function sectionOf({ result, svgs }: Drawn): string {
  const { id, title, question, claims, setUp, tables, plots, papers, notes } = result;
  const shown = tables.filter(({ isShown }) => isShown);
  return [
    `<h2 id="${id}">${escaped(title)}</h2><p>${escaped(question)}</p>`,
    provenanceOf(result),
    ...claims.map((claim) => `<p class="claim" id="${id}-${claim.id}">${escaped(claim.text)}</p>`),
    ...plots.map((plot) => figureOf(plot, svgs.get(plot.id) ?? '')),
    ...shown.map((table) => (isLong(table) ? folded(table) : tableOf(table))),
    papersOf(papers),
    setUpOf(setUp),
    notes.length === 0
      ? ''
      : `<ul>${notes.map((note) => `<li>${escaped(note)}</li>`).join('')}</ul>`,
  ].join('\n');
}

function provenanceOf({ provenance }: Result): string {
  const { seed, commit, machine, date, command, isQuick } = provenance;
  const quick = isQuick ? '; quick run: wider intervals than a full one' : '';
  const where = escaped(`seed ${seed}, commit ${commit}, ${date}, ${machine}${quick}`);
  return `<p class="from">${where}; again: <code>${escaped(command)}</code></p>`;
}

const figureOf = ({ title }: Plot, svg: string): string =>
  `<figure>${svg}<figcaption>${escaped(title)}</figcaption></figure>`;

const folded = (table: Table): string =>
  `<details><summary>${escaped(captionOf(table))}: ${table.rows.length} rows</summary>${gridOf(table)}</details>`;

const tableOf = (table: Table): string => `<h3>${escaped(captionOf(table))}</h3>${gridOf(table)}`;

function gridOf(table: Table): string {
  const { keys, values, rows } = table;
  const head = [...keys, ...values].map((column, index) => {
    const side = index < keys.length ? '' : ' class="value"';
    return `<th${side}>${escaped(headOf(column, table))}</th>`;
  });
  const body = rows.map(({ keys: names, values: cells }) => {
    const first = names.map((name) => `<td>${escaped(keyText(name))}</td>`);
    const rest = cells.map((cell) => `<td class="value">${cellOf(cell)}</td>`);
    return `<tr>${[...first, ...rest].join('')}</tr>`;
  });
  return grid(head, body);
}

/** The interval below its value, so that wide tables fit a page. */
const cellOf = (cell: Estimate | null): string =>
  escaped(estimateText(cell)).replace(/ (\[.*\])$/, '<br><small>$1</small>');

function papersOf(papers: readonly PaperFigure[]): string {
  if (papers.length === 0) return '';
  const head = ['paper', 'theirs (cited)', 'ours', 'can they be compared?'];
  const body = papers.map(({ paper, theirs, ours, caveat }) =>
    rowOf([paper, theirs, ours, caveat]),
  );
  return `<h3>Beside the papers</h3>${grid(
    head.map((title) => `<th>${title}</th>`),
    body,
  )}`;
}

function setUpOf(setUp: readonly SetUp[]): string {
  const parts = setUp.map(({ part, what, isEmulated }) => {
    const tag = isEmulated ? ' <span class="tag">emulated</span>' : '';
    return `<li>${escaped(part)}${tag}: ${escaped(what)}</li>`;
  });
  return `<h3>Set-up</h3><ul>${parts.join('')}</ul>`;
}

const rowOf = (cells: readonly string[]): string =>
  `<tr>${cells.map((cell) => `<td>${escaped(cell)}</td>`).join('')}</tr>`;

const grid = (head: readonly string[], body: readonly string[]): string =>
  `<div class="scroll"><table><thead><tr>${head.join('')}</tr></thead><tbody>${body.join('\n')}</tbody></table></div>`;

const escaped = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
