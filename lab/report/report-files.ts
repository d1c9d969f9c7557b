// Reads and writes results, plots and pages: one layout for the repository and for anybody's
// folder. Renders nothing itself.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PilotfishError } from '../../src/base/error.js';
import { withPath } from '../json-file.js';
import { draw } from './draw.js';
import { type ReportFolders, reportMarkdown, tablesMarkdown } from './markdown.js';
import { type Drawn, reportPage } from './page.js';
import type { Result } from './result.js';
import { resultFrom, resultText } from './result-file.js';

const resultsFolder = 'results';
export const folders: ReportFolders = { plots: 'plots', tables: 'tables' };

/** The order in which people read them; others come behind, by name. */
const readingOrder = ['auto', 'race', 'robot', 'sled', 'dssd', 'schemes', 'early-exit', 'cost'];

/** Writes one result under `folder`. @returns its path. */
export function writeResult(folder: string, result: Result): string {
  return write(join(folder, resultsFolder, `${result.id}.json`), resultText(result));
}

/** In reading order. @throws PilotfishError `usage` where the folder holds none, or others. */
export function readResults(folder: string): Result[] {
  const all = withPath(folder, 'read', () => readdirSync(folder));
  const names = all.filter((name) => name.endsWith('.json'));
  if (names.length === 0) {
    throw new PilotfishError('usage', `${folder} holds no results (*.json)`);
  }
  const results = names.map((name) => resultFrom(readFileSync(join(folder, name), 'utf8'), name));
  const place = ({ id }: Result): number => (readingOrder.indexOf(id) + 99) % 99;
  return results.sort((a, b) => place(a) - place(b) || (a.id < b.id ? -1 : 1));
}

/** Draws under `folder`. @returns their paths, and the pictures for a page. */
export async function writePlots(
  folder: string,
  result: Result,
): Promise<{ readonly paths: string[]; readonly drawn: Drawn }> {
  const svgs = new Map<string, string>();
  const paths: string[] = [];
  for (const plot of result.plots) {
    const svg = await draw(result, plot);
    svgs.set(plot.id, svg);
    paths.push(write(join(folder, folders.plots, `${result.id}-${plot.id}.svg`), svg));
  }
  return { paths, drawn: { result, svgs } };
}

/** Writes REPORT.md, report.html and the pages of tables under `folder`. @returns the paths. */
export function writePages(folder: string, drawn: readonly Drawn[]): string[] {
  const results = drawn.map(({ result }) => result);
  return [
    write(join(folder, 'REPORT.md'), reportMarkdown(results, folders)),
    write(join(folder, 'report.html'), reportPage(drawn)),
    ...results.map((result) =>
      write(
        join(folder, folders.tables, `${result.id}.md`),
        tablesMarkdown(result, '../REPORT.md'),
      ),
    ),
  ];
}

function write(path: string, text: string): string {
  withPath(path, 'written', () => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  });
  return path;
}
