// What the numbers of the early-exit experiment say, and how they are drawn: claims, columns, plots, the paper's figures.

import { figure } from '../../report/figures.js';
import type { Findings, KeyColumn, Row, Table, ValueColumn } from '../../report/result.js';
import type { EarlyExitRows } from '../early-exit.js';
import { exitVariants } from './fixture.js';

const key = (name: string, title: string, unit = ''): KeyColumn => ({ name, title, unit });
const column = (
  name: string,
  title: string,
  unit = '',
  origin: ValueColumn['origin'] = 'simulated',
): ValueColumn => ({ name, title, unit, origin });

const mode = key('mode', 'mode');
const variant = key('way', 'drafted ahead');
const speed = column('speed', 'speed');
const runnerUpHits = column('runnerUpHits', 'corrections foreseen by runners-up');
const hintHits = column('hintHits', 'by hints');
const effort = [
  column('drafted', 'drafted a token'),
  column('wasted', 'of it wasted'),
  column('energy', 'energy a token', 'J', 'calculated'),
];

/** Claims, set-up, tables and plots of what was played; owned by the caller. */
export function earlyExitFindings(rows: EarlyExitRows): Findings {
  return {
    claims: claimsOf(rows),
    setUp,
    tables: tablesOf(rows),
    plots: [
      {
        id: 'ways',
        title: 'Speed over round trip, by what is drafted ahead; 4 drafted a round',
        table: 'usual-length',
        spec: variantsSpec,
      },
    ],
    papers: papersOf(rows),
    notes,
  };
}

const setUp: Findings['setUp'] = [
  {
    part: 'models',
    what: 'bundled target (Q8_0), draft (F16) and trained exit heads behind 2, 4 and 6 of its 8 blocks: every token, runner-up and hint is theirs',
    isEmulated: false,
  },
  { part: 'cores', what: 'both shipped cores, codec included, in virtual time', isEmulated: false },
  {
    part: 'times',
    what: 'a drafted token 8 ms, of a further branch in the same pass of the draft model a quarter of that, a pass of the target 30 ms whatever its rows, the link an even delay; a hint comes at the share of the pass that lies below its exit',
    isEmulated: true,
  },
  {
    part: 'sockets',
    what: "one table: both shells over WebSocket, the bundled target at the cost of 210 M weights (inflated) in a process of its own, real passes and hints; of the device its pace, 8 ms a drafted token of the draft model's recorded choices and runners-up and 2 for one beside it, and of the link an even delay are emulated",
    isEmulated: true,
  },
  {
    part: 'texts',
    what: '8 prompts, 40 tokens each, coupled at temperature 0.8 with top-k 40 and greedy; the same under every setting of a scheme',
    isEmulated: false,
  },
];

const cellKeys = [
  mode,
  key('draftLength', 'drafted a round'),
  key('roundTripMs', 'round trip', 'ms'),
];
const variantKeys = [...cellKeys, variant];

const tablesOf = (rows: EarlyExitRows): Table[] => [
  socketsTable(rows),
  ...variantTables(rows),
  ...sweepTables(rows),
  paperTable(rows),
];

const socketsTable = ({ sockets }: EarlyExitRows): Table =>
  table(
    'sockets',
    'over real sockets: the inflated target with an exit behind 8 of its 16 blocks, passes that take what they take; speed in units of the first of its mode',
    variantKeys,
    [
      column('tokenMs', 'a token', 'ms', 'emulated'),
      column('speed', 'speed', '', 'emulated'),
      column('speedOfNone', 'of stop-and-wait, none', '', 'emulated'),
      column('passMs', 'pass', 'ms', 'measured'),
      column('right', 'hints that name the outcome', '', 'measured'),
      column('leadMs', 'hint before verdict', 'ms', 'measured'),
      column('runnerUpHits', 'corrections foreseen by runners-up', '', 'emulated'),
      column('hintHits', 'by hints', '', 'emulated'),
    ],
    sockets,
  );

/** Virtual time: what is drafted ahead, in every cell. */
function variantTables({ ways: rows }: EarlyExitRows): Table[] {
  const schemeKey = key('scheme', 'scheme');
  const variantValues = [
    column('tokenMs', 'a token', 'ms'),
    speed,
    runnerUpHits,
    hintHits,
    ...effort,
  ];
  return [
    table(
      'speeds',
      'in virtual time: speed by what is drafted ahead, in units of none in stop-and-wait, of own elsewhere',
      [schemeKey, ...cellKeys],
      exitVariants.slice(1).map((one) => column(one, one)),
      speedRows(rows),
    ),
    table(
      'usual-length',
      'the same in detail: coupled, 4 drafted a round',
      variantKeys,
      variantValues,
      usualRows(rows),
    ),
    {
      ...table('ways', 'every cell in detail', [schemeKey, ...variantKeys], variantValues, rows),
      isShown: false,
    },
  ];
}

/** Virtual time: one thing changed at a time. */
const sweepTables = (rows: EarlyExitRows): Table[] => [
  table(
    'layers',
    'exits by the blocks below them, at a round trip of 20 ms',
    [mode, key('layer', 'blocks below'), variant],
    [
      speed,
      column('right', 'hints that name the outcome'),
      column('leadMs', 'hint before verdict', 'ms'),
      hintHits,
    ],
    rows.layers,
  ),
  table(
    'row-shares',
    'branches side by side in one pass of the draft model, by what a further row of it costs; coupled, 4 drafted a round; speed in units of none in stop-and-wait, of own elsewhere',
    [mode, key('roundTripMs', 'round trip', 'ms'), key('rowShare', 'a row, of a pass')],
    [
      column('speed', 'speed of all'),
      column('width', 'tokens a pass'),
      runnerUpHits,
      hintHits,
      ...effort,
    ],
    rows.rowShares,
  ),
  table(
    'budgets',
    'branches by budget, at a round trip of 50 ms; speed in units of own',
    [mode, key('tokensMax', 'tokens held'), key('chanceMin', 'least chance')],
    [speed, runnerUpHits, ...effort],
    rows.budgets,
  ),
];

const paperTable = ({ paper }: EarlyExitRows): Table =>
  table(
    'paper',
    "rounds at the paper's times: 4 drafts in 301 ms, verification 522 ms, link 96 ms",
    [variant],
    [
      column('draftMs', 'draft left', 'ms'),
      column('verifyMs', 'verify', 'ms'),
      column('linkMs', 'communication', 'ms'),
      column('roundMs', 'round', 'ms'),
      column('tokens', 'tokens a round'),
      column('speedOfCloud', 'of cloud with a round trip a token'),
      speed,
    ],
    paper,
  );

/** A row for each cell, with the speed of each way but none. */
function speedRows(rows: readonly Row[]): Row[] {
  const cells = new Map<string, readonly Row[]>();
  for (const row of rows) {
    const name = `${row.keys.slice(0, -1)}`;
    cells.set(name, [...(cells.get(name) ?? []), row]);
  }
  return [...cells.values()].map((cell) => ({
    keys: cell[0]!.keys.slice(0, -1),
    values: exitVariants
      .slice(1)
      .map((one) => cell.find(({ keys }) => keys.at(-1) === one)?.values[1] ?? null),
  }));
}

/** Without the scheme, which is the same in all. */
const usualRows = (rows: readonly Row[]): Row[] =>
  rows
    .filter(({ keys }) => keys[0] === 'coupled' && keys[2] === 4)
    .map(({ keys, values }) => ({ keys: keys.slice(1), values }));

const table = (
  id: string,
  title: string,
  keys: readonly KeyColumn[],
  values: readonly ValueColumn[],
  rows: readonly Row[],
): Table => ({ id, title, keys, values, rows, isShown: true });

const at = (rows: readonly Row[], ...keys: readonly (string | number)[]): Row =>
  rows.find((row) => keys.every((one, index) => row.keys[index] === one))!;

/** Gain in percent of the value in a column over 1. */
const gain = (row: Row, index: number): string => (100 * (row.values[index]!.value - 1)).toFixed(1);

const rowGain = (rows: readonly Row[], mode: string, share: number): string =>
  gain(at(rows, mode, 20, share), 0);

function claimsOf({
  ways: rows,
  rowShares,
  paper,
  sockets,
  isSameText,
}: EarlyExitRows): Findings['claims'] {
  const usual = (one: string, modeName = 'stop-and-wait', scheme = 'coupled'): Row =>
    at(rows, scheme, modeName, 4, 20, one);
  return [
    {
      id: 'texts',
      text: isSameText
        ? 'Texts are the same to the last token under every way, mode, round trip, exit and budget played.'
        : 'TEXTS DIFFER between ways: a bug.',
    },
    {
      id: 'stop-and-wait',
      text:
        `In stop-and-wait at 20 ms and 4 drafts the own continuation gains ${gain(usual('own'), 1)} %, branches with it ` +
        `${gain(usual('branches'), 1)} %, hints alone ${gain(usual('hints'), 1)} %, all together ${gain(usual('all'), 1)} %; ` +
        `an exit that knew everything when the pass begins would gain ${gain(usual('oracle'), 1)} %.`,
    },
    {
      id: 'greedy',
      text:
        `Greedy, at 20 ms and 4 drafts, all together gain ${gain(usual('all', 'stop-and-wait', 'greedy'), 1)} % in stop-and-wait; over the own ` +
        `continuation ${gain(usual('all', 'pipeline', 'greedy'), 1)} % in the pipeline, where coupled gains ${gain(usual('all', 'pipeline'), 1)} %.`,
    },
    {
      id: 'side-by-side',
      text:
        `Where a further row of a draft pass costs 0, 0.25, 1 of it, all together gain ` +
        `${[0, 0.25, 1].map((share) => rowGain(rowShares, 'stop-and-wait', share)).join(', ')} % in stop-and-wait at 20 ms, ` +
        `${[0, 0.25, 1].map((share) => rowGain(rowShares, 'pipeline', share)).join(', ')} % over own in the pipeline.`,
    },
    {
      id: 'race',
      text:
        `In race at 20 ms all together gain ${gain(usual('all', 'race'), 1)} % over the own continuation, and the perfect exit ` +
        `${gain(usual('oracle', 'race'), 1)} %: the server writes on while a correction is under way.`,
    },
    {
      id: 'sockets',
      text: `Over real sockets at a round trip of 20 ms all together gain over the first of their mode, with 95 % confidence, ${socketGain(sockets)}.`,
    },
    {
      id: 'paper',
      text: `At the paper's times the own continuation gains ${gain(at(paper, 'own'), 6)} % over no pre-drafting, hints alone ${gain(at(paper, 'hints'), 6)} %, all together ${gain(at(paper, 'all'), 6)} %.`,
    },
  ];
}

/** By mode, with the interval: few texts on a machine that does other things. */
function socketGain(rows: readonly Row[]): string {
  const gains = (['stop-and-wait', 'pipeline', 'race'] as const).map((mode) => {
    const { low, high } = at(rows, mode, 4, 20, 'all').values[1]!;
    const ends = [low, high].map((one) => (100 * (one - 1)).toFixed(1));
    return `${ends.join(' to ')} % in ${mode}`;
  });
  return gains.join(', ');
}

function papersOf({ paper }: EarlyExitRows): Findings['papers'] {
  return [
    {
      paper: 'arXiv 2505.21594, edge-cloud speculation against the cloud alone, Jetson',
      theirs: '1.35 times on average',
      ours: `${figure(at(paper, 'none').values[5]!.value)} times against a cloud with a round trip for each token`,
      caveat:
        'their models (68 M drafting for 7 B) accept more than our pair; against a streaming cloud the factor is less, see the table',
    },
    {
      paper: 'arXiv 2505.21594, pre-drafting from exits on top',
      theirs: '1.04 to 1.11 times; heads behind all 31 layers',
      ours: `hints ${figure(at(paper, 'hints').values[6]!.value)}, own continuation ${figure(at(paper, 'own').values[6]!.value)}, all ${figure(at(paper, 'all').values[6]!.value)} times`,
      caveat:
        'they draft on threads in parallel, we in one pass; ours is one head at half of the blocks, of a model of 8',
    },
  ];
}

const notes = [
  'none: the device rests while a verdict is awaited. own: its chain goes on. branches: and likely corrections, by its runners-up. hints: branches that the exit names, and nothing else, as in the paper. all: own, branches and hints. oracle: all, with an exit that tells the last layer at the start of the pass: the bound of any exit.',
  'A correction is foreseen where a branch for it, of whatever length, was there when it came; of corrections and overtakings.',
  'energy: 7.3 W while it drafts (Jetson Orin Nano), times the time of its passes: a further row of one takes its share of a pass.',
  'Pipeline and race draft ahead without a pause: for them own is the baseline and none does not exist; a draft length only bounds their branches.',
];

const variantsSpec = {
  facet: { column: { field: 'mode', title: null, sort: null } },
  spec: {
    width: 190,
    height: 220,
    mark: { type: 'line', point: true },
    encoding: {
      x: { field: 'roundTripMs', type: 'quantitative', title: 'round trip, ms' },
      y: { field: 'speed', type: 'quantitative', title: 'speed', scale: { zero: false } },
      color: { field: 'way', sort: null, title: null },
    },
  },
};
