// REPORT.md: what was found in one place, then every result as question, answers, pictures, tables and set-up, as a
// repository's page shows them. Answers have headings of their own, so that other pages can point at them.

import { captionOf, estimateText, headOf, isLong, keyText } from './figures.js';
import type { Claim, Result, Table } from './result.js';

/** @param plotsFolder relative to the page, with no slash at its end. */
export function reportMarkdown(results: readonly Result[], plotsFolder: string): string {
  return [
    head,
    `## Summary\n\n${results.map(summaryOf).join('\n')}`,
    howToRead,
    ...results.map((result) => sectionOf(result, plotsFolder)),
  ].join('\n\n');
}

const head = `# Report

What drafts of devices gain and cost, measured on this system: each question below is one command that anybody can run again.`;

const howToRead = `## How to read it

Made by \`npm run lab -- report --out lab\`, in half an hour on two cores; do not edit it. The numbers are in
[results](results); \`npm run lab -- report --from lab/results --out lab\` renders them again, and writes the same as one
page for a browser, \`report.html\`.

Brackets hold 95 % intervals; a value without brackets is exact or the same in every run of its seed. Every number says where it
comes from. **measured**: shipped code on real models and sockets; **emulated**: measured with a link, device or pass time that
is imitated; **simulated**: the shipped server and device cores in virtual time; **calculated**: arithmetic on the others;
**cited**: somebody else's figure. Times of the machine that measured mean nothing by themselves.`;

function summaryOf({ id, title, claims }: Result): string {
  const [first] = claims;
  return `- **[${title}](#${id}).**${first === undefined ? '' : ` ${first.text}`}`;
}

function sectionOf(result: Result, plotsFolder: string): string {
  const { id, title, question, claims, setUp, tables, plots, papers, notes } = result;
  return [
    `## ${id}`,
    `**${title}.** ${question}`,
    provenanceOf(result),
    ...claims.map((claim) => `### ${headingOf(id, claim)}\n\n${claim.text}`),
    ...plots.map(
      (plot) => `![${plot.title}](${plotsFolder}/${id}-${plot.id}.svg)\n\n*${plot.title}.*`,
    ),
    ...tables.filter(({ isShown }) => isShown).map(tableSection),
    ...(papers.length === 0 ? [] : [papersSection(result)]),
    `**How it was asked**\n\n${bulletsOf(setUp.map(({ part, what, isEmulated }) => `${part}${isEmulated ? ' (emulated)' : ''}: ${what}`))}`,
    ...(notes.length === 0 ? [] : [`**Notes**\n\n${bulletsOf(notes)}`]),
  ]
    .join('\n\n')
    .concat('\n');
}

/** Its anchor is the result's id, a dash and the claim's. */
const headingOf = (id: string, claim: Claim): string => `${id}: ${claim.id.replaceAll('-', ' ')}`;

function provenanceOf({ provenance }: Result): string {
  const { seed, commit, machine, date, command, isQuick } = provenance;
  const quick = isQuick ? ', **quick run: wider intervals than a full one**' : '';
  return `Again: \`${command}\`. Below: seed ${seed}, commit ${commit}, ${date}, ${machine}${quick}.`;
}

const bulletsOf = (lines: readonly string[]): string => lines.map((line) => `- ${line}`).join('\n');

function tableSection(table: Table): string {
  const { keys, values, rows } = table;
  const columns = [...keys, ...values];
  const lines = [
    columns.map((column) => headOf(column, table)),
    columns.map((_, index) => (index < keys.length ? '---' : '---:')),
    ...rows.map((row) => [...row.keys.map(keyText), ...row.values.map(estimateText)]),
  ];
  const caption = captionOf(table);
  const text = lines.map(lineOf).join('\n');
  if (!isLong(table)) return `**${caption}**\n\n${text}`;
  return `<details><summary>${caption}: ${rows.length} rows</summary>\n\n${text}\n\n</details>`;
}

function papersSection({ papers }: Result): string {
  const lines = [
    ['paper', 'theirs (cited)', 'ours', 'can they be compared?'],
    ['---', '---', '---', '---'],
    ...papers.map(({ paper, theirs, ours, caveat }) => [paper, theirs, ours, caveat]),
  ];
  return `**Beside the papers**\n\n${lines.map(lineOf).join('\n')}`;
}

const lineOf = (cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
