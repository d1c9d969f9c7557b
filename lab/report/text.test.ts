// Words and numbers of a result fit together, or are refused: no page prints a name in place of a
// number, or NaN.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { packageRoot } from '../../src/cli/package-root.js';
import { trials } from '../cli/report.js';
import { experiments } from '../experiments/index.js';
import { resultText } from './result-file.js';
import { findingsOf, type Measured, rowWhere, textHead, type Values } from './text.js';

const folder = join(packageRoot, 'lab', 'report', 'text');
const text = `# Ferries

How fast is
a ferry?

## Claims

### fast

A ferry makes {{speed}} knots on {{river.name}}.

### slow

A raft makes {{raft}} knots.

## Set-up

- river (emulated): a bath tub,
  {{river.depth}} m
- boats: made of wood

## Tables

### speeds (not shown)

speeds

| name | title | unit | origin |
| --- | --- | --- | --- |
| boat | boat | | key |
| speed | speed | knots | measured |

## Plots

### speeds of speeds

Speeds

\`\`\`json
{ "mark": "bar" }
\`\`\`

## Papers

### Noah: a ship

- theirs: 40 days
- ours: 2
- caveat: other water

## Notes

- A note.
- Of {{raft}}.
`;
const speed = { value: 12.345, low: 12, high: 13 };
const values: Values = { speed, raft: null, river: { name: 'the Tub', depth: 0.25 } };
const measured: Measured = { values, tables: { speeds: [{ boat: 'tug', speed }] } };
const found = (changes: Partial<Measured> = {}) =>
  findingsOf('ferry', { ...measured, ...changes }, text);

describe('a text and a run', () => {
  it('make claims, set-up, tables, plots, papers and notes', () => {
    assert.deepEqual(textHead('ferry', text), {
      title: 'Ferries',
      question: 'How fast is a ferry?',
    });
    assert.deepEqual(found(), {
      claims: [{ id: 'fast', text: 'A ferry makes 12.3 knots on the Tub.' }],
      setUp: [
        { part: 'river', what: 'a bath tub, 0.25 m', isEmulated: true },
        { part: 'boats', what: 'made of wood', isEmulated: false },
      ],
      tables: [
        {
          id: 'speeds',
          title: 'speeds',
          keys: [{ name: 'boat', title: 'boat', unit: '' }],
          values: [{ name: 'speed', title: 'speed', unit: 'knots', origin: 'measured' }],
          isShown: false,
          rows: [{ keys: ['tug'], values: [speed] }],
        },
      ],
      plots: [{ id: 'speeds', title: 'Speeds', table: 'speeds', spec: { mark: 'bar' } }],
      papers: [{ paper: 'Noah: a ship', theirs: '40 days', ours: '2', caveat: 'other water' }],
      notes: ['A note.'],
    });
  });

  it('are refused where one names what the other does not know', () => {
    const { speed: _, ...fewer } = values;
    assert.throws(() => found({ values: fewer }), /no value \{\{speed\}\}/);
    assert.throws(() => found({ values: { ...values, spare: 1 } }), /no text says spare/);
    assert.throws(() => found({ tables: {} }), /has the tables speeds, not/);
    assert.throws(
      () => found({ tables: { speeds: [{ boat: 'tug', speed, crew: 2 }] } }),
      /no column crew/,
    );
  });

  it('are refused where a number is missing or is none', () => {
    const nan = { ...speed, low: Number.NaN };
    assert.throws(() => found({ values: { ...values, speed: Number.NaN } }), /is NaN/);
    for (const cells of [{ boat: 'tug' }, { boat: 'tug', speed: nan }, { boat: 'tug', speed: 'x' }])
      assert.throws(() => found({ tables: { speeds: [cells] } }), /speeds, speed: .* is no value/);
    assert.throws(() => found({ tables: { speeds: [{ speed }] } }), /boat: undefined names no row/);
  });

  it('find a row by its cells, and refuse one that is not there', () => {
    const rows = [
      { boat: 'tug', speed: 1 },
      { boat: 'raft', speed: 2 },
    ];
    assert.equal(rowWhere(rows, { boat: 'raft' }).speed, 2);
    assert.throws(() => rowWhere(rows, { boat: 'ark' }), /0 rows with/);
  });
});

describe('the texts of the lab', () => {
  const withResults = [...[...experiments, ...trials].map(({ id }) => id), 'peer'];

  it('are one for each experiment, trial and benchmark', () => {
    const commands = [...withResults, 'engine', 'loop'];
    const files = readdirSync(folder).filter((name) => name !== 'README.md');
    assert.deepEqual(files.sort(), commands.map((id) => `${id}.md`).sort());
  });

  for (const id of withResults) {
    it(`${id}: draws only columns of its tables, and fits the form of a result`, () => {
      const source = readFileSync(join(folder, `${id}.md`), 'utf8').trimEnd();
      const plain = source.replaceAll(/\{\{[^}]*\}\}/g, '1');
      const tables = Object.fromEntries(
        [...plain.matchAll(/^### (\S+)(?: \(not shown\))?\n[^#]*?\n\| name/gm)].map(([, name]) => [
          name!,
          [],
        ]),
      );
      const findings = findingsOf(id, { values: {}, tables }, plain);
      const provenance = { seed: 1, commit: '', machine: '', date: '', command: '', isQuick: true };
      resultText({ id, ...textHead(id), provenance, ...findings });
      for (const plot of findings.plots) {
        const table = findings.tables.find((one) => one.id === plot.table)!;
        const names = [...table.keys, ...table.values].map(({ name }) => name);
        const made = [...JSON.stringify(plot.spec).matchAll(/"as":"(\w+)"/g)].map(([, as]) => as!);
        for (const [, field] of JSON.stringify(plot.spec).matchAll(/"field":"(\w+)"/g)) {
          const column = field!.replace(/(Low|High)$/, '');
          assert.ok([...names, ...made].includes(column), `${plot.id}: ${field}`);
        }
      }
    });
  }
});
