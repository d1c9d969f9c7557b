// `npm run lab -- report` as a user runs it on results that are there: pages and plots, or pages
// alone, and refusals that name the file. And the results and the report of this repository, which
// must belong together.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { runSetHere } from '../../src/cli/in-process.suite.js';
import { packageRoot } from '../../src/cli/package-root.js';
import { experiments } from '../experiments/index.js';
import { reportMarkdown, tablesMarkdown } from '../report/markdown.js';
import { folders, readResults } from '../report/report-files.js';
import { lab } from './program.js';

const results = join(packageRoot, 'lab', 'results');

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pilotfish-report-'));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('npm run lab -- report', () => {
  it('renders pages from results without running anything, and no pictures where none are wanted', () =>
    inFolder(async (folder) => {
      const args = ['report', '--from', results, '--out', folder, '--no-plots'];
      const { code, out } = await runSetHere(lab, args);
      assert.equal(code, 0);
      assert.match(out, /wrote .*REPORT\.md\nwrote .*report\.html\n/);
      assert.ok(!existsSync(join(folder, 'plots')));
      assert.doesNotMatch(readFileSync(join(folder, 'REPORT.md'), 'utf8'), /!\[/);
    }));

  it('writes nothing into a folder that nobody named', async () => {
    const { code, err } = await runSetHere(lab, ['report', '--from', results]);
    assert.equal(code, 2);
    assert.match(err, /--out <folder>/);
  });

  it('names the file that is no result', () =>
    inFolder(async (folder) => {
      writeFileSync(join(folder, 'dssd.json'), '{"format":2}');
      const { code, err } = await runSetHere(lab, ['report', '--from', folder, '--out', folder]);
      assert.equal(code, 2);
      assert.match(err, /dssd\.json is no result of an experiment/);
    }));
});

describe('the report of this repository', () => {
  it('is what its results say', () => {
    const page = readFileSync(join(packageRoot, 'lab', 'REPORT.md'), 'utf8');
    const remedy = 'run `npm run lab -- report --from lab/results --out lab`';
    const all = readResults(results);
    assert.equal(page, reportMarkdown(all, folders), remedy);
    for (const result of all) {
      const tables = readFileSync(join(packageRoot, 'lab', 'tables', `${result.id}.md`), 'utf8');
      assert.equal(tables, tablesMarkdown(result, '../REPORT.md'), remedy);
    }
  });

  it('has every experiment, and every plot that it shows', () => {
    const all = readResults(results);
    for (const { id } of experiments)
      assert.ok(
        all.some((result) => result.id === id),
        id,
      );
    for (const { id, plots } of all) {
      for (const plot of plots) {
        assert.ok(existsSync(join(packageRoot, 'lab', 'plots', `${id}-${plot.id}.svg`)), plot.id);
      }
    }
  });
});
