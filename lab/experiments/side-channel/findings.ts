// From the answers of the side channel to what the report says of them: who was recognised, and what it cost.

import type { Estimate } from '../../../src/math/estimate.js';
import { exact, meanEstimate } from '../../../src/math/estimate.js';
import { quantile } from '../../../src/math/statistics.js';
import { figure } from '../../report/figures.js';
import type { Findings, Row, Table } from '../../report/result.js';
import { bitsLearnt } from './attack.js';
import { overheadBytes, pace, traceOf } from './fixture.js';
import { type ChannelLine, sideChannelGrid } from './grid.js';

const { promptCount, tokenCount, turnCount, usual } = sideChannelGrid;
const chance = 1 / promptCount;

/** @param lines in the order of the experiment. */
export function sideChannelFindings(lines: readonly ChannelLine[]): Findings {
  const attacked = lines.filter(({ attack }) => attack !== null);
  const isUsual = ({ setting }: ChannelLine): boolean => setting.temperature === usual.temperature;
  const leaks = attacked.filter(isUsual);
  return {
    claims: claimsOf(leaks),
    setUp,
    tables: [
      leakTable(leaks),
      temperatureTable([...attacked.filter((line) => !isUsual(line)), ...leaks]),
      costTable(lines.filter(isUsual)),
    ],
    plots: [
      { id: 'trade', title: 'What is learnt, over what it costs', table: 'leak', spec: plotSpec },
    ],
    papers: [
      {
        paper: 'arXiv 2411.01076',
        theirs:
          'which of 50 prompts, temperature 0.3: 75 to 100 % by four ways of speculative decoding',
        ours: `which of ${promptCount} prompts, temperature 0.3: see the table`,
        caveat:
          'other models and prompts, and a random forest; their remedies were simulated likewise, padding of packets and aggregation of tokens',
      },
    ],
    notes,
  };
}

const of = ({ setting: { shaping } }: ChannelLine): readonly [number, number] => [
  shaping.padBytes,
  shaping.aggregateMs,
];

/** Wald's interval would be none at 100 %: Wilson's. */
function shareOf(share: number, count: number): Estimate {
  const z = 1.96;
  const scale = 1 + z ** 2 / count;
  const middle = (share + z ** 2 / (2 * count)) / scale;
  const margin = (z / scale) * Math.sqrt((share * (1 - share)) / count + z ** 2 / (4 * count ** 2));
  return { value: share, low: Math.max(0, middle - margin), high: Math.min(1, middle + margin) };
}

/** Of the answers' messages, for each token: bytes each way, messages, and bytes with the layers below. */
function bytesOf({ played: result }: ChannelLine) {
  const seen = result.flatMap((one) => traceOf(one).seen);
  const perToken = (count: number): number => count / (result.length * tokenCount);
  const bytes = (wanted: 'up' | 'down'): number =>
    seen.reduce(
      (sum, { direction: variant, byteCount }) => sum + (variant === wanted ? byteCount : 0),
      0,
    );
  const [up, down] = [perToken(bytes('up')), perToken(bytes('down'))];
  const messages = perToken(seen.length);
  return { up, down, messages, wire: up + down + messages * overheadBytes };
}

const tokenMsOf = ({ played: result }: ChannelLine): Estimate =>
  meanEstimate(result.map(({ figures }) => figures.tokenMs[0]!));

const shapingKeys = [
  { name: 'pad', title: 'pad', unit: 'B' },
  { name: 'aggregate', title: 'aggregate', unit: 'ms' },
] as const;

function leakTable(lines: readonly ChannelLine[]): Table {
  return {
    id: 'leak',
    title: `Which of ${promptCount} prompts was answered (by guessing: ${figure(100 * chance)} %)`,
    keys: [{ name: 'mode', title: 'mode', unit: '' }, ...shapingKeys],
    values: [
      { name: 'right', title: 'recognised', unit: '%', origin: 'simulated' },
      { name: 'bits', title: 'learnt, at least', unit: 'bits', origin: 'calculated' },
      { name: 'tokenMs', title: 'a token', unit: 'ms', origin: 'simulated' },
      { name: 'bytes', title: 'a token, both ways', unit: 'B', origin: 'simulated' },
    ],
    rows: lines.map((line): Row => {
      const share = shareOf(line.attack!.rightShare, line.played.length);
      const percent = { value: 100 * share.value, low: 100 * share.low, high: 100 * share.high };
      return {
        keys: [line.setting.mode, ...of(line)],
        values: [
          percent,
          exact(bitsLearnt(share.value, promptCount)),
          tokenMsOf(line),
          exact(bytesOf(line).wire),
        ],
      };
    }),
    isShown: true,
  };
}

function temperatureTable(lines: readonly ChannelLine[]): Table {
  const isWanted = ({ setting: { mode, shaping } }: ChannelLine): boolean =>
    mode === 'race' &&
    (shaping.padBytes === 128
      ? shaping.aggregateMs === 100
      : shaping.padBytes + shaping.aggregateMs === 0);
  const sorted = lines
    .filter(isWanted)
    .toSorted((a, b) => a.setting.temperature - b.setting.temperature);
  return {
    id: 'temperature',
    title: 'Recognised in race, by temperature: at 0 every answer to a prompt is the same text',
    keys: [{ name: 'temperature', title: 'temperature', unit: '' }, ...shapingKeys],
    values: [{ name: 'right', title: 'recognised', unit: '%', origin: 'simulated' }],
    rows: sorted.map((line): Row => {
      const { value, low, high } = shareOf(line.attack!.rightShare, line.played.length);
      return {
        keys: [line.setting.temperature, ...of(line)],
        values: [{ value: 100 * value, low: 100 * low, high: 100 * high }],
      };
    }),
    isShown: true,
  };
}

function costTable(lines: readonly ChannelLine[]): Table {
  return {
    id: 'cost',
    title: 'What it costs',
    keys: [
      { name: 'roundTrip', title: 'round trip', unit: 'ms' },
      { name: 'mode', title: 'mode', unit: '' },
      ...shapingKeys,
    ],
    values: [
      { name: 'up', title: 'up, a token', unit: 'B', origin: 'simulated' },
      { name: 'down', title: 'down, a token', unit: 'B', origin: 'simulated' },
      { name: 'messages', title: 'messages a token', unit: '', origin: 'simulated' },
      { name: 'tokenMs', title: 'a token', unit: 'ms', origin: 'simulated' },
      { name: 'later50', title: 'a token comes later by, p50', unit: 'ms', origin: 'simulated' },
      { name: 'later95', title: 'p95', unit: 'ms', origin: 'simulated' },
    ],
    rows: lines
      .toSorted((a, b) => a.setting.roundTripMs - b.setting.roundTripMs)
      .map((line): Row => {
        const { up, down, messages } = bytesOf(line);
        const later = (share: number): Estimate => exact(quantile(line.laterMs, share));
        return {
          keys: [line.setting.roundTripMs, line.setting.mode, ...of(line)],
          values: [
            exact(up),
            exact(down),
            exact(messages),
            tokenMsOf(line),
            later(0.5),
            later(0.95),
          ],
        };
      }),
    isShown: true,
  };
}

function claimsOf(leaks: readonly ChannelLine[]): Findings['claims'] {
  const find = (mode: string, padBytes: number, aggregateMs: number): ChannelLine | undefined =>
    leaks.find(
      ({ setting }) =>
        setting.mode === mode &&
        setting.shaping.padBytes === padBytes &&
        setting.shaping.aggregateMs === aggregateMs,
    );
  const [open, padded, both] = [find('race', 0, 0), find('race', 128, 0), find('race', 128, 100)];
  if (open === undefined || padded === undefined || both === undefined) return [];
  const percent = (line: ChannelLine): string => `${figure(100 * line.attack!.rightShare)} %`;
  const slower = tokenMsOf(both).value / tokenMsOf(open).value;
  return [
    {
      id: 'leak',
      text:
        `From lengths and times alone the best of our attackers names the prompt of ${percent(open)} of the answers in race, of ${promptCount} that it ` +
        `has learnt (guessing: ${figure(100 * chance)} %). Padding to 128 bytes leaves ${percent(padded)}; with a message each 100 ms it is ` +
        `${percent(both)}, and a token takes ${figure(slower)} times as long.`,
    },
  ];
}

const setUp: Findings['setUp'] = [
  {
    part: 'answers',
    what: `${tokenCount} tokens to each of ${promptCount} prompts, ${turnCount} times with other seeds, temperature ${usual.temperature}, top-k 40; the bundled models, whose ends of text are banned, so that all answers have one length`,
    isEmulated: false,
  },
  {
    part: 'times',
    what: `${pace.draftMs} ms a drafted token, ${pace.passMs} ms a pass and up to ${100 * pace.noise} % more, ${usual.roundTripMs} ms round trip and up to ${pace.jitterMs} ms of jitter each way; nobody else is served`,
    isEmulated: true,
  },
  {
    part: 'observer',
    what: 'beside the device: length, moment and direction of every message behind Opened',
    isEmulated: false,
  },
  {
    part: 'attackers',
    what: 'eight: nearest answer, and nearest middle of the answers to a prompt, by lengths, by distances, by bytes over time, or by totals; each learns four fifths of the answers and names the prompts of the rest',
    isEmulated: false,
  },
];

const notes = [
  'The best of eight attackers on the same answers is named, which is a little more than any would get on new ones. Better attackers exist: what they find out is a lower bound.',
  'Bits learnt are the least that such a share of right guesses can mean (Fano), out of the logarithm of the number of prompts.',
  'Answers have one length here: that of an answer is the one thing that neither remedy hides, beyond rounding it to the beat.',
  'Nobody else is served, and the target is always as fast: what others do would blur times, not lengths.',
  `Bytes a token, both ways, count ${overheadBytes} for each message below ours.`,
];

const plotSpec = {
  width: 420,
  height: 260,
  mark: { type: 'point', filled: true, size: 70 },
  encoding: {
    x: { field: 'tokenMs', type: 'quantitative', title: 'ms a token' },
    y: {
      field: 'right',
      type: 'quantitative',
      title: 'recognised, %',
      scale: { domain: [0, 100] },
    },
    color: { field: 'mode', sort: null },
    shape: { field: 'pad', type: 'nominal', title: 'pad, B' },
  },
};
