// REPORT.md: every result as headings, tables and pictures that a repository's page shows. Claims have headings of their
// own, so that other pages can point at them.

import { estimateText, headOf, keyText } from './figures.js';
import type { Result, Table } from './result.js';

/** @param plotsFolder relative to the page, with no slash at its end. */
export function reportMarkdown(results: readonly Result[], plotsFolder: string): string {
  const list = results.map(({ id, title, question }) => `- [${title}](#${id}): ${question}`);
  return [head, list.join('\n'), ...results.map((result) => sectionOf(result, plotsFolder))].join(
    '\n\n',
  );
}

const head = `# Report

Made by \`npm run bench -- report --out .\` from the files in [docs/results](docs/results); do not edit it. The same as one page
for a browser, with its pictures inside: \`npm run bench -- report --from docs/results --out .\` writes \`docs/report.html\`.

How to read it: brackets hold 95 % intervals; a value without brackets is exact or the same in every run of its seed. Behind each
column's title stands where its numbers come from. **measured**: shipped code on real models and sockets; **emulated**: measured
with a link, device or pass time that is imitated; **simulated**: the shipped server and device cores in virtual time;
**calculated**: arithmetic on the others; **cited**: somebody else's figure. Times of the machine that measured mean nothing by
themselves.`;

function sectionOf(result: Result, plotsFolder: string): string {
  const { id, question, provenance, claims, setUp, tables, plots, papers, notes } = result;
  const { seed, commit, machine, date, command, isQuick } = provenance;
  const quick = isQuick ? ', **quick run: wider intervals than a full one**' : '';
  return [
    `## ${id}`,
    `${question}`,
    `Seed ${seed}, commit ${commit}, ${date}, ${machine}${quick}. Again: \`${command}\`.`,
    ...claims.map((claim) => `### ${id} ${claim.id}\n\n${claim.text}`),
    `### ${id} set-up\n\n${bulletsOf(setUp.map(({ part, what, isEmulated }) => `${part}${isEmulated ? ' (emulated)' : ''}: ${what}`))}`,
    ...plots.map(
      ({ id: plot, title }) =>
        `### ${id} plot: ${title}\n\n![${title}](${plotsFolder}/${id}-${plot}.svg)`,
    ),
    ...tables.filter(({ isShown }) => isShown).map((table) => tableSection(id, table)),
    ...(papers.length === 0 ? [] : [papersSection(result)]),
    ...(notes.length === 0 ? [] : [`### ${id} notes\n\n${bulletsOf(notes)}`]),
  ]
    .join('\n\n')
    .concat('\n');
}

const bulletsOf = (lines: readonly string[]): string => lines.map((line) => `- ${line}`).join('\n');

function tableSection(id: string, { title, keys, values, rows }: Table): string {
  const columns = [...keys, ...values];
  const lines = [
    columns.map(headOf),
    columns.map((_, index) => (index < keys.length ? '---' : '---:')),
    ...rows.map((row) => [...row.keys.map(keyText), ...row.values.map(estimateText)]),
  ];
  return `### ${id} table: ${title}\n\n${lines.map(lineOf).join('\n')}`;
}

function papersSection({ id, papers }: Result): string {
  const lines = [
    ['paper', 'theirs (cited)', 'ours', 'can they be compared?'],
    ['---', '---', '---', '---'],
    ...papers.map(({ paper, theirs, ours, caveat }) => [paper, theirs, ours, caveat]),
  ];
  return `### ${id} and the papers\n\n${lines.map(lineOf).join('\n')}`;
}

const lineOf = (cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
