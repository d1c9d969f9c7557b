// The report as one HTML page with its pictures inside: opens from a disk, asks no network, follows the reader's colours.

import type { Estimate } from '../../src/math/estimate.js';
import { captionOf, estimateText, headOf, isLong, keyText } from './figures.js';
import type { PaperFigure, Plot, Result, SetUp, Table } from './result.js';

/** A result and its plots as SVG, by their ids. */
export interface Drawn {
  readonly result: Result;
  readonly svgs: ReadonlyMap<string, string>;
}

/** The report as one page of HTML that loads nothing. @param drawn experiments, in the order they are shown. */
export function reportPage(drawn: readonly Drawn[]): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Pilotfish: report</title>
<style>${style}</style>
</head>
<body>
<h1>Pilotfish: report</h1>
<p>What drafts of devices gain and cost, measured on this system: each question below is one command that anybody can run
again.</p>
<ul>${drawn.map(summaryOf).join('\n')}</ul>
<p class="from">Brackets hold 95 % intervals; a value without brackets is exact or the same in every run of its seed. Every number
says where it comes from: <b>measured</b> on shipped code, real models and sockets, <b>emulated</b> with an imitated link, device or
pass time, <b>simulated</b> with the shipped cores in virtual time, <b>calculated</b> from the others, or <b>cited</b>. Times of the
machine that measured mean nothing by themselves.</p>
${drawn.map(sectionOf).join('\n')}
</body>
</html>
`;
}

function summaryOf({ result: { id, title, claims } }: Drawn): string {
  const [first] = claims;
  const text = first === undefined ? '' : ` ${escaped(first.text)}`;
  return `<li><a href="#${id}">${escaped(title)}</a>.${text}</li>`;
}

const style = `
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 3rem; border-bottom: 1px solid var(--line); }
.claim { border-left: 4px solid #0072B2; padding: .2rem 1rem; background: var(--soft); }
.tag { font-size: .75rem; border: 1px solid; border-radius: .5rem; padding: 0 .4rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
td.value, th.value { text-align: right; } td.value { white-space: nowrap; line-height: 1.2; } small { opacity: .75; }
details { margin: 1rem 0; } summary { cursor: pointer; font-weight: bold; }
figure { margin: 1rem 0; overflow-x: auto; } figure svg { background: #fff; border-radius: .4rem; }
figcaption, .from { font-size: .85rem; opacity: .8; }
`;

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
