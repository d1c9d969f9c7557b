// What a report promises: a result survives its file, a file of another kind is refused in words, pages say where every
// number comes from, and intervals cover what they should.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import fc from 'fast-check';
import type { PilotfishError } from '../../src/base/error.js';
import { exact, meanEstimate, ratioEstimate, scaled } from '../../src/math/estimate.js';
import { noiseKey, uniform } from '../../src/math/noise.js';
import { draw } from './draw.js';
import { estimateText, figure } from './figures.js';
import { reportMarkdown } from './markdown.js';
import { reportPage } from './page.js';
import { readResults, writeResult } from './report-files.js';
import { type Result, recordsOf } from './result.js';
import { resultFrom, resultText } from './result-file.js';

const sample: Result = {
  id: 'ferry',
  title: 'Ferries',
  question: 'How fast is a ferry?',
  provenance: {
    seed: 7,
    commit: 'abc',
    machine: 'two oars',
    date: '2026-01-02',
    command: 'npm run lab -- ferry',
    isQuick: true,
  },
  claims: [{ id: 'slow', text: 'Ferries are < slow.' }],
  setUp: [{ part: 'river', what: 'a | bath tub', isEmulated: true }],
  tables: [
    {
      id: 'speeds',
      title: 'speeds',
      keys: [{ name: 'boat', title: 'boat', unit: '' }],
      values: [{ name: 'speed', title: 'speed', unit: 'knots', origin: 'emulated' }],
      rows: [
        { keys: ['tug'], values: [{ value: 1.25, low: 1, high: 1.5 }] },
        { keys: ['raft'], values: [exact(12_345)] },
        { keys: [3], values: [null] },
      ],
      isShown: true,
    },
  ],
  plots: [
    {
      id: 'speeds',
      title: 'Speeds',
      table: 'speeds',
      spec: {
        mark: 'bar',
        encoding: {
          x: { field: 'boat', type: 'nominal' },
          y: { field: 'speed', type: 'quantitative' },
        },
      },
    },
  ],
  papers: [{ paper: 'Noah', theirs: '40 days', ours: '2', caveat: 'other water' }],
  notes: ['A note.'],
};

it('a result that no reader would take is not written', () => {
  const [table] = sample.tables;
  const unreadable = { ...sample, tables: [{ ...table!, id: 'rowShares' }] };
  assert.throws(() => resultText(unreadable), /ferry cannot be read again/);
});

it('a result comes out of its file as it went in, with a line for each row', () => {
  const text = resultText(sample);
  assert.deepEqual(resultFrom(text, 'ferry.json'), sample);
  assert.ok(
    text.split('\n').some((line) => line.trim() === '["tug",[1.25,1,1.5]],'),
    text,
  );
});

it('what is no result is refused with the name of the file and of the field', () => {
  const refused = (text: string, pattern: RegExp): void =>
    assert.throws(
      () => resultFrom(text, 'x.json'),
      (error: PilotfishError) => error.code === 'usage' && pattern.test(error.message),
    );
  refused('{', /x\.json is no result/);
  refused('{}', /format/);
  const { tables, ...rest } = JSON.parse(resultText(sample));
  refused(
    JSON.stringify({ ...rest, tables: [{ ...tables[0], rows: [['tug']] }] }),
    /1 cells, not 2/,
  );
  refused(JSON.stringify({ ...rest, id: '../../etc', tables }), /id/);
});

it('the pages name origin, interval, seed, commit, emulation and haste of what they show', () => {
  const markdown = reportMarkdown([sample], 'plots');
  const page = reportPage([{ result: sample, svgs: new Map([['speeds', '<svg id="drawn"/>']]) }]);
  for (const text of [markdown, page]) {
    for (const part of ['Speeds (all emulated)', '[1.00, 1.50]', '12 300', 'quick run']) {
      assert.ok(text.includes(part), part);
    }
    for (const pattern of [/seed 7/i, /commit abc/, /2026-01-02/, /two oars/, /bath tub/]) {
      assert.match(text, pattern);
    }
  }
  assert.match(markdown, /river \(emulated\)/);
  assert.ok(markdown.includes('### ferry: slow'), 'a claim has a heading that links can name');
  assert.ok(markdown.includes('- **[Ferries](#ferry).** Ferries are < slow.'), 'and a summary');
  assert.ok(markdown.includes('plots/ferry-speeds.svg'));
  assert.ok(page.includes('<svg id="drawn"/>') && page.includes('Ferries are &lt; slow.'));
});

it('columns of several origins each say theirs, and a long table is folded away', () => {
  const [table] = sample.tables;
  const [value] = table!.values;
  const values = [value!, { ...value!, name: 'cited', origin: 'cited' as const }];
  const rows = Array.from({ length: 20 }, () => ({ keys: ['tug'], values: [exact(1), null] }));
  const result = { ...sample, tables: [{ ...table!, values, rows }] };
  const markdown = reportMarkdown([result], 'plots');
  assert.match(markdown, /speed, knots \(emulated\) \| speed, knots \(cited\)/);
  assert.match(markdown, /<details><summary>Speeds: 20 rows<\/summary>\n\n\|/);
  const page = reportPage([{ result, svgs: new Map() }]);
  assert.match(page, /<details><summary>Speeds: 20 rows<\/summary>/);
});

it('facets that are not sorted stand in the order of the table', async () => {
  const { spec, ...plot } = sample.plots[0]!;
  const faceted = { facet: { row: { field: 'boat', sort: null, title: null } }, spec };
  const svg = await draw(sample, { ...plot, spec: faceted });
  const [tug, raft] = ['tug', 'raft'].map((name) => svg.indexOf(`Title text '${name}'`));
  assert.ok(tug! > 0 && raft! > tug!, `${tug}, ${raft}`);
});

it('a table becomes records with the ends of the intervals, and those become a picture', async () => {
  assert.deepEqual(recordsOf(sample.tables[0]!)[0], {
    boat: 'tug',
    speed: 1.25,
    speedLow: 1,
    speedHigh: 1.5,
  });
  const svg = await draw(sample, sample.plots[0]!);
  assert.match(svg, /^<svg/);
  assert.ok(svg.includes('knots') === false && svg.includes('raft'));
});

it('results are found in their folder, and an empty one is told', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pilotfish-report-'));
  try {
    assert.throws(() => readResults(folder), /holds no results/);
    assert.throws(() => readResults(join(folder, 'none')), /cannot be read \(ENOENT\)/);
    writeResult(folder, sample);
    writeResult(folder, { ...sample, id: 'dssd' });
    const results = readResults(join(folder, 'results'));
    assert.deepEqual(
      results.map(({ id }) => id),
      ['dssd', 'ferry'],
    );
    writeFileSync(join(folder, 'results', 'zz.json'), '[]');
    assert.throws(() => readResults(join(folder, 'results')), /zz\.json/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('intervals of ratios and means cover the truth about as often as they say', () => {
  // 200 trials of 95 %: fewer than 170 come up with chance below 1e-6 even at a true coverage of 93 %.
  const key = noiseKey(3n, 'accept');
  let ratios = 0;
  let means = 0;
  for (let trial = 0; trial < 200; trial++) {
    const pieces = Array.from({ length: 30 }, (_, index) => {
      const whole = 10 + Math.floor(20 * uniform(key, 2 * trial, index));
      const part = whole * (0.3 + 0.4 * uniform(key, 2 * trial + 1, index));
      return { part, whole };
    });
    const ratio = ratioEstimate(pieces);
    if (ratio.low <= 0.5 && 0.5 <= ratio.high) ratios++;
    const mean = meanEstimate(pieces.map(({ part, whole }) => part / whole));
    if (mean.low <= 0.5 && 0.5 <= mean.high) means++;
  }
  assert.ok(ratios >= 170, `${ratios} of 200`);
  assert.ok(means >= 170, `${means} of 200`);
});

it('figures keep three digits that count, and never turn an interval round', () => {
  assert.equal(figure(0.012345), '0.0123');
  assert.equal(figure(1_234.5), '1235');
  assert.equal(figure(1_234_567), '1 230 000');
  assert.equal(estimateText(exact(3)), '3');
  assert.equal(estimateText(exact(0.5)), '0.500');
  assert.equal(estimateText(null), '-');
  assert.deepEqual(scaled({ value: 2, low: 1, high: 3 }, -1), { value: -2, low: -3, high: -1 });
  fc.assert(
    fc.property(fc.double({ min: 1e-5, max: 1e7, noNaN: true }), (value) => {
      const read = Number(figure(value).replaceAll(' ', ''));
      assert.ok(Math.abs(read - value) <= 0.006 * value, `${value} as ${figure(value)}`);
    }),
  );
});
