// What the numbers of the DSSD experiment say, and how they are drawn: claims, columns, plots, the paper's figures.

import type { Estimate } from '../../../src/math/estimate.js';
import { figure } from '../../report/figures.js';
import type { Findings, KeyColumn, Row, Table, ValueColumn } from '../../report/result.js';
import type { DssdRows } from '../dssd.js';
import type { CheckRow } from './link.js';

const key = (name: string, title: string, unit = ''): KeyColumn => ({ name, title, unit });
const column = (
  name: string,
  title: string,
  unit: string,
  origin: ValueColumn['origin'],
): ValueColumn => ({ name, title, unit, origin });

const keys = [
  key('vocabulary', 'vocabulary'),
  key('filter', 'filter'),
  key('scheme', 'scheme'),
] as const;
const speed = column('tokensPerSecond', 'tokens a second', '', 'calculated');
const acceptance = column('acceptance', 'accepted / tested', '', 'measured');

const byteColumns = [
  acceptance,
  column('upBytes', 'up a round', 'bytes', 'measured'),
  column('downBytes', 'down a round', 'bytes', 'measured'),
  column('upWire', 'up a token, all layers', 'bytes', 'calculated'),
  column('downWire', 'down a token, all layers', 'bytes', 'calculated'),
];

/** Claims, set-up, tables and plots of what was played; owned by the caller. @param checks shown as a table. */
export function dssdFindings(rows: DssdRows, checks: readonly CheckRow[]): Findings {
  return {
    claims: claimsOf(rows),
    setUp,
    tables: [...tablesOf(rows), checksTable(checks)],
    plots: [
      {
        id: 'bandwidth',
        title: 'Tokens a second over bandwidth, no filter, 4 drafted; dashed: streaming',
        table: 'over-bandwidth',
        spec: bandwidthSpec,
      },
      {
        id: 'length',
        title: 'Tokens a second over draft length at 10 Mbit/s and 20 ms',
        table: 'over-length',
        spec: lengthSpec,
      },
    ],
    papers: papersOf(rows),
    notes,
  };
}

const setUp: Findings['setUp'] = [
  {
    part: 'models',
    what: 'bundled target (Q8_0) and draft (F16); scripted laws of Zipf form for vocabularies of 32 000 and 128 000, at an acceptance like that of the bundled pair',
    isEmulated: false,
  },
  {
    part: 'bytes',
    what: 'of the shipped codec for every round that was played; a law is ids and float64 probabilities',
    isEmulated: false,
  },
  {
    part: 'device',
    what: '6.05 ms a drafted token: Jetson Orin Nano Super with SmolLM2 135M, cited in src/sim/profiles/device-profiles.ts',
    isEmulated: true,
  },
  { part: 'target', what: '30 ms a pass, whatever its rows', isEmulated: true },
  {
    part: 'link',
    what: 'the same rate both ways, no jitter, no loss; 70 bytes of TCP/IP, TLS and WebSocket for a short message, 40 more for every segment of 1448',
    isEmulated: true,
  },
  {
    part: 'mode',
    what: 'stop-and-wait with a fixed draft length, as in the paper',
    isEmulated: false,
  },
];

function tablesOf(rows: DssdRows): Table[] {
  return [
    {
      id: 'bytes',
      title: 'bytes of one round, 4 drafted',
      keys,
      values: byteColumns,
      rows: rows.bytes,
      isShown: true,
    },
    {
      id: 'speed',
      title: 'speed at 10 Mbit/s and 20 ms, 4 drafted, beside doing without',
      keys,
      values: [
        column('communicationMs', 'on the link a token', 'ms', 'calculated'),
        speed,
        column('ofStreaming', 'of streaming', '', 'calculated'),
      ],
      rows: rows.speed,
      isShown: true,
    },
    {
      id: 'over-bandwidth',
      title: 'speed over bandwidth and round trip',
      keys: [...keys, key('roundTripMs', 'round trip', 'ms'), key('mbps', 'bandwidth', 'Mbit/s')],
      values: [speed],
      rows: rows.overBandwidth,
      isShown: false,
    },
    {
      id: 'over-length',
      title: 'speed over draft length',
      keys: [...keys, key('draftLength', 'draft length')],
      values: [speed, acceptance],
      rows: rows.overLength,
      isShown: false,
    },
  ];
}

const checksTable = (checks: readonly CheckRow[]): Table => ({
  id: 'checks',
  title: 'the arithmetic against the real loop, bundled pair, top-k 40, 4 drafted',
  keys: [
    key('scheme', 'scheme'),
    key('roundTripMs', 'round trip', 'ms'),
    key('mbps', 'bandwidth', 'Mbit/s'),
  ],
  values: [
    column('ofForetold', 'time a token / calculated', '', 'emulated'),
    column('ofStreaming', 'of streaming', '', 'emulated'),
  ],
  rows: checks.map(({ way: variant, link, ratio, ofStreaming }) => ({
    keys: [variant, link.roundTripMs, link.upMbps],
    values: [ratio, ofStreaming],
  })),
  isShown: true,
});

/** One cell of the rows. */
function cellOf(
  rows: readonly Row[],
  wanted: readonly (string | number)[],
  index: number,
): Estimate {
  const row = rows.find(({ keys: names }) =>
    wanted.every((word) => names.some((name) => `${name}` === `${word}`)),
  );
  return row?.values[index] ?? { value: Number.NaN, low: Number.NaN, high: Number.NaN };
}

function claimsOf(rows: DssdRows): Findings['claims'] {
  const large = '128000 (scripted)';
  const bytes = (filter: string, scheme: string, index: number): string =>
    figure(cellOf(rows.bytes, [large, filter, scheme], index).value);
  const at = (roundTripMs: number, mbps: number, scheme: string): string =>
    figure(cellOf(rows.overBandwidth, [large, 'no filter', scheme, roundTripMs, mbps], 0).value);
  const cut = 'split, law cut to 32';
  const coupledOf = (roundTripMs: number): string =>
    figure(
      (30 / 1_000) *
        cellOf(rows.overBandwidth, ['4096 (bundled)', 'no filter', 'coupled', roundTripMs, 10], 0)
          .value,
    );
  return [
    {
      id: 'bytes',
      text:
        `With a vocabulary of 128 000 and no filter, a round of 4 drafts takes ${bytes('no filter', 'full', 1)} bytes up under ` +
        `full; under split ${bytes('no filter', 'split', 1)} up and ${bytes('no filter', 'split', 2)} down, with the law cut ` +
        `${bytes('no filter', cut, 2)} down; under coupled ${bytes('no filter', 'coupled', 1)} up and ` +
        `${bytes('no filter', 'coupled', 2)} down. A filter of top-k 40 brings full to ${bytes('top-k 40', 'full', 1)} up and ` +
        `split to ${bytes('top-k 40', 'split', 2)} down.`,
    },
    {
      id: 'bandwidth',
      text:
        `At 10 Mbit/s and a round trip of 20 ms, that vocabulary writes ${at(20, 10, 'full')} tokens/s under full, ` +
        `${at(20, 10, 'split')} under split, ${at(20, 10, cut)} with the law cut and ${at(20, 10, 'coupled')} under coupled; ` +
        `at 100 Mbit/s ${at(20, 100, 'full')}, ${at(20, 100, 'split')}, ${at(20, 100, cut)} and ${at(20, 100, 'coupled')}.`,
    },
    {
      id: 'streaming',
      text:
        `Stop-and-wait beats a streaming cloud only on short ways: coupled on the bundled pair runs at ${coupledOf(0)} of ` +
        `streaming without a round trip, ${coupledOf(20)} at 20 ms and ${coupledOf(50)} at 50 ms (10 Mbit/s, 4 drafted). The race ` +
        'experiment is about that.',
    },
  ];
}

/** Ours beside the paper's: its own setting where that was played. */
function papersOf(rows: DssdRows): Findings['papers'] {
  const middle = '32000 (scripted)';
  const ofText = (scheme: string, index: number): string => {
    const { value } = cellOf(rows.bytes, [middle, 'no filter', scheme], index);
    return figure((128 * value) / 1_024);
  };
  const speeds = [
    ['0 ms, 100 Mbit/s', 0, 100],
    ['20 ms, 100 Mbit/s', 20, 100],
    ['20 ms, 50 Mbit/s', 20, 50],
  ].map(([name, ...place]) => {
    const { value } = cellOf(rows.overBandwidth, [middle, 'no filter', 'split', ...place], 0);
    return `${figure((value * 30) / 1_000)} (${name})`;
  });
  const acceptances = [2, 4, 6, 8].map((length) => {
    const place = ['4096 (bundled)', 'no filter', 'split', length];
    return figure(cellOf(rows.overLength, place, 1).value);
  });
  return [
    {
      paper: 'DSSD (arXiv 2507.12000): uplink, reported as "61,269 B to under 50 B"',
      theirs: '61,269 and 14.6: kilobytes up for a whole text of 128 tokens',
      ours: `kilobytes for 128 tokens at a vocabulary of 32 000, all layers: full ${ofText('full', 3)} up; split ${ofText('split', 3)} up and ${ofText('split', 4)} down; coupled ${ofText('coupled', 3)} up and ${ofText('coupled', 4)} down`,
      caveat:
        'their unit is not bytes of a round, and the smaller figure is an upload cut to the 8 likeliest tokens, not DSSD: a round is 1.57 MB against 384 B there. Vocabulary 50 272 and 8 drafted there, float64 and 4 drafted here',
    },
    {
      paper:
        'DSSD: speed against target-only decoding, A6000 with H800, OPT-125M with 6.7B; with 13B',
      theirs:
        '1.02 (0 ms, 6 drafted), 0.92 (20 ms), 1.38 (20 ms, 50 Mbit/s), 0.82 (20 ms, 4 drafted); 1.48, 1.75, 1.24, 1.37',
      ours: `split of streaming, vocabulary 32 000, no filter, 4 drafted: ${speeds.join(', ')}`,
      caveat:
        'the simulation behind their rows charges no distribution and no downlink, and its bandwidth is as good as endless: they cannot show the effect of a payload; faster at half the bandwidth, or at 20 ms than at 0, is noise. One prompt, 128 tokens',
    },
    {
      paper: 'DSSD: acceptance of OPT-125M for 6.7B at 2, 4, 6, 8 drafted',
      theirs: '0.566, 0.395, 0.392, 0.288',
      ours: `${acceptances.join(', ')} (split, bundled pair, no filter)`,
      caveat:
        'theirs seems to be accepted / drafted, ours accepted / tested; their drafts are drawn from top-k 10 and tested against laws that are not, so their text is not the target law',
    },
  ];
}

const notes = [
  'Calculated speeds take the bytes of every round that was played; nothing waits, no message is lost, and the device does not draft ahead. The table of checks says how far the real loop strays from that.',
  'The papers count float32 (4 bytes an entry); ours are float64, so that a device tests and draws with the very law: full and split would halve with theirs, and nothing else would change.',
  '"A round trip each token" is how some papers charge target-only decoding; a streaming cloud pays it once.',
  'Acceptance of the scripted pairs is chosen, not found out.',
];

const ink = {
  x: {
    field: 'mbps',
    type: 'quantitative',
    scale: { type: 'log' },
    axis: { values: [1, 5, 10, 50, 100], labelOverlap: false },
    title: 'Mbit/s',
  },
  y: { field: 'tokensPerSecond', type: 'quantitative', title: 'tokens/s' },
  color: { field: 'scheme', sort: null, title: null },
};

const bandwidthSpec = {
  transform: [{ filter: "datum.filter != 'top-k 40'" }],
  facet: {
    row: { field: 'vocabulary', title: 'vocabulary', sort: null },
    column: { field: 'roundTripMs', title: 'round trip, ms' },
  },
  spec: {
    width: 190,
    height: 120,
    layer: [
      { mark: { type: 'line', point: true }, encoding: ink },
      { mark: { type: 'rule', strokeDash: [4, 4] }, encoding: { y: { datum: 1_000 / 30 } } },
    ],
  },
};

const lengthSpec = {
  transform: [{ filter: "datum.filter != 'temperature 0'" }],
  facet: {
    row: { field: 'filter', title: null },
    column: { field: 'vocabulary', title: 'vocabulary', sort: null },
  },
  spec: {
    width: 190,
    height: 120,
    mark: { type: 'line', point: true },
    encoding: {
      ...ink,
      x: {
        field: 'draftLength',
        type: 'quantitative',
        axis: { values: [2, 4, 6, 8], format: 'd' },
        scale: { zero: false },
        title: 'draft length',
      },
    },
  },
};
