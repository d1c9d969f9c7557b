// Fills what a run measured into the words of lab/report/text. Refuses a value, column or row that
// only one side knows, so that no page prints NaN.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/cli/package-root.js';
import { type Estimate, exact } from '../../src/math/estimate.js';
import { figure } from './figures.js';
import type { Findings, KeyColumn, Plot, Row, Table, ValueColumn } from './result.js';

/** Behind `{{name}}`; an estimate by its value. Claims and notes on null are left out. */
export type Values = { readonly [name: string]: string | number | Estimate | null | Values };

/** One row by its columns. In a column of values a number is exact, null does not apply. */
export type Cells = Readonly<Record<string, string | number | Estimate | null>>;

/** What a run adds to the words of its experiment. */
export interface Measured {
  readonly values: Values;
  /** By table. */
  readonly tables: Readonly<Record<string, readonly Cells[]>>;
}

/** A file of lab/report. */
export const readIn = (...path: string[]): string =>
  readFileSync(join(packageRoot, 'lab', 'report', ...path), 'utf8');

const read = (id: string): string => readIn('text', `${id}.md`).trimEnd();

/** A page with its parts in their places. @param file in lab/report. */
export const framed = (
  file: string,
  parts: { readonly summary: string; readonly sections: string },
) =>
  readIn(file).replaceAll(
    /\{\{(summary|sections)\}\}/g,
    (_, name: keyof typeof parts) => parts[name],
  );

/** Title and question of an experiment. */
export function textHead(id: string, text = read(id)): Pick<Text, 'title' | 'question'> {
  const { title, question } = parse(text);
  return { title, question };
}

/** Words and numbers. @throws RangeError for names of one side only, and for no numbers. */
export function findingsOf(id: string, { values, tables }: Measured, text = read(id)): Findings {
  const words = parse(filled(id, text, values));
  const names = words.tables.map((table) => table.id);
  const [known, given] = [names, Object.keys(tables)].map((all) => all.toSorted().join(', '));
  demand(known === given, `${id} has the tables ${known}, not ${given}`);
  return {
    claims: words.claims.filter((claim) => isSaid(claim.text)),
    setUp: words.setUp,
    tables: words.tables.map((table) => withRows(id, table, tables)),
    plots: words.plots,
    papers: words.papers,
    notes: words.notes.filter(isSaid),
  };
}

/** Those tables of a benchmark of which there are rows. */
export const tablesFrom = (id: string, rows: Measured['tables']): Table[] =>
  parse(read(id))
    .tables.filter((table) => table.id in rows)
    .map((table) => withRows(id, table, rows));

/** The one row with these cells. @throws RangeError for none, and for several. */
export function rowWhere<One extends Cells>(rows: readonly One[], wanted: Partial<One>): One {
  const found = rows.filter((row) =>
    Object.entries(wanted).every(([name, cell]) => row[name] === cell),
  );
  demand(found.length === 1, `${found.length} rows with ${JSON.stringify(wanted)}`);
  return found[0]!;
}

function demand(isSo: boolean, message: string): asserts isSo {
  if (!isSo) throw new RangeError(message);
}

function filled(id: string, text: string, values: Values): string {
  const texts = new Map(textsOf(values, ''));
  const used = new Set<string>();
  const whole = text.replaceAll(/\{\{([^}]*)\}\}/g, (_, name: string) => {
    const value = texts.get(name);
    demand(value !== undefined, `${id}: no value {{${name}}}`);
    used.add(name);
    return value;
  });
  const unused = [...texts.keys()].filter((name) => !used.has(name));
  demand(unused.length === 0, `${id}: no text says ${unused.join(', ')}`);
  return whole;
}

/** Stands for null until the text is in parts. */
const absent = '\0';
const isSaid = (text: string): boolean => !text.includes(absent);

function textsOf(values: Values, prefix: string): [string, string][] {
  return Object.entries(values).flatMap(([name, value]): [string, string][] => {
    const path = `${prefix}${name}`;
    if (value === null) return [[path, absent]];
    if (typeof value === 'string') return [[path, value]];
    if (typeof value === 'object' && !isEstimate(value)) return textsOf(value, `${path}.`);
    const number = typeof value === 'number' ? value : value.value;
    demand(Number.isFinite(number), `{{${path}}} is ${number}`);
    return [[path, typeof value === 'number' ? `${value}` : figure(number)]];
  });
}

const isEstimate = (value: Estimate | Values): value is Estimate =>
  typeof value['value'] === 'number' && typeof value['low'] === 'number';

function withRows(id: string, table: Omit<Table, 'rows'>, tables: Measured['tables']): Table {
  const place = `${id}, table ${table.id}`;
  const names = new Set([...table.keys, ...table.values].map(({ name }) => name));
  const rows = (tables[table.id] ?? []).map((row): Row => {
    const unknown = Object.keys(row).filter((name) => !names.has(name));
    demand(unknown.length === 0, `${place}: no column ${unknown.join(', ')}`);
    const keys = table.keys.map(({ name }) => {
      const cell = row[name];
      demand(isKey(cell), `${place}, ${name}: ${cell} names no row`);
      return cell;
    });
    const values = table.values.map(({ name }) => {
      const cell = typeof row[name] === 'number' ? exact(row[name]) : row[name];
      demand(isValue(cell), `${place}, ${name}: ${JSON.stringify(cell)} is no value`);
      return cell;
    });
    return { keys, values };
  });
  return { ...table, rows };
}

type Cell = Cells[string] | undefined;
const isKey = (cell: Cell): cell is string | number =>
  typeof cell === 'string' || typeof cell === 'number';
const isValue = (cell: Cell): cell is Estimate | null =>
  cell === null ||
  (typeof cell === 'object' && [cell.value, cell.low, cell.high].every(Number.isFinite));

interface Text extends Omit<Findings, 'tables'> {
  readonly title: string;
  readonly question: string;
  readonly tables: readonly Omit<Table, 'rows'>[];
}

/** The form of a text is that of lab/report/text/README.md. */
function parse(text: string): Text {
  const { title, body, parts } = sectionOf(text, 1);
  const part = (name: string): Section =>
    sectionOf(parts.find((one) => one.startsWith(`## ${name}\n`)) ?? `## ${name}\n`, 2);
  const subsections = (name: string): Section[] => part(name).parts.map((one) => sectionOf(one, 3));
  return {
    title,
    question: paragraph(body),
    claims: subsections('Claims').map((one) => ({ id: one.title, text: paragraph(one.body) })),
    setUp: bullets(part('Set-up').body).map(setUpOf),
    tables: subsections('Tables').map(tableOf),
    plots: subsections('Plots').map(plotOf),
    papers: subsections('Papers').map(paperOf),
    notes: bullets(part('Notes').body),
  };
}

interface Section {
  readonly title: string;
  /** Before the first section below it. */
  readonly body: string;
  readonly parts: readonly string[];
}

/** @param depth count of `#` before its title. */
function sectionOf(text: string, depth: number): Section {
  const [own = '', ...parts] = text.split(new RegExp(`^(?=#{${depth + 1}} )`, 'm'));
  const [title = '', ...lines] = own.split('\n');
  return { title: title.slice(depth + 1), body: lines.join('\n').trim(), parts };
}

const paragraph = (text: string): string => text.trim().replaceAll(/\s*\n\s*/g, ' ');

const bullets = (text: string): string[] => text.split(/^- /m).slice(1).map(paragraph);

function paperOf({ title, body }: Section): Text['papers'][number] {
  const form = /^theirs: (.*)\nours: (.*)\ncaveat: (.*)$/;
  const [, theirs, ours, caveat] = form.exec(bullets(body).join('\n')) ?? [];
  demand(theirs !== undefined, `paper '${title}'`);
  return { paper: title, theirs, ours: ours!, caveat: caveat! };
}

function setUpOf(bullet: string): Text['setUp'][number] {
  const [, part, tag, what] = /^([^:]*?)( \(emulated\))?: (.*)$/.exec(bullet) ?? [];
  demand(part !== undefined && what !== undefined, `set-up '${bullet}'`);
  return { part, what, isEmulated: tag !== undefined };
}

/** A row `| name | title | unit | origin |` a column; the origin `key` names the row. */
function tableOf({ title, body }: Section): Text['tables'][number] {
  const [head, lines] = split(body, '\n|');
  const columns = lines
    .split('\n')
    .slice(2)
    .map((line): KeyColumn & { readonly origin: string } => {
      const cells = line.split('|').map((cell) => cell.trim());
      const [, name, columnTitle, unit, origin] = cells as [string, string, string, string, string];
      return { name, title: columnTitle, unit, origin };
    });
  const id = title.replace(' (not shown)', '');
  return {
    id,
    title: paragraph(head),
    keys: columns.filter(({ origin }) => origin === 'key').map(({ origin: _, ...key }) => key),
    values: columns.filter(({ origin }) => origin !== 'key') as ValueColumn[],
    isShown: id === title,
  };
}

/** Its heading is `id of table`; the block is Vega-Lite without data. */
function plotOf({ title, body }: Section): Plot {
  const [id, table] = title.split(' of ');
  const [head, block] = split(body, '\n```json\n');
  const spec = JSON.parse(block.slice(0, block.lastIndexOf('```'))) as Plot['spec'];
  return { id: id!, title: paragraph(head), table: table!, spec };
}

function split(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  demand(at >= 0, `no '${mark.trim()}' in '${text.slice(0, 60)}'`);
  return [text.slice(0, at), text.slice(at + mark.length)];
}
