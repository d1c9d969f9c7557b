// What the race experiment's numbers say, and how they are drawn: a map of winners, the cost of each mode, real points.

import type { Estimate } from '../../../src/math/estimate.js';
import { speedOf as speedAgainst } from '../../../src/sim/service/serve.js';
import { figure } from '../../report/figures.js';
import type { Findings, KeyColumn, Row, Table, ValueColumn } from '../../report/result.js';
import type { CellResult, RealPoint } from '../race.js';
import { type BaselineResult, baselinesSpec, baselinesTable, draftJoules } from './baselines.js';
import { type DrafterResult, draftersTable } from './drafters.js';
import { type GainResult, gainShare, gainTable } from './gain.js';
import { type LinkRaceResult, linksTable, ofStreaming } from './links.js';
import type { ModeResult } from './modes.js';
import { mapSpec, speedSpec } from './plots.js';

const key = (name: string, title: string, unit = ''): KeyColumn => ({ name, title, unit });
const value = (
  name: string,
  title: string,
  unit = '',
  origin: ValueColumn['origin'] = 'simulated',
): ValueColumn => ({ name, title, unit, origin });

const cellKeys = [
  key('target', 'target bound by'),
  key('devices', 'devices'),
  key('draftMs', 'draft', 'ms'),
  key('acceptance', 'acceptance'),
  key('roundTripMs', 'round trip', 'ms'),
];

const keysOf = ({ cell }: CellResult): (string | number)[] => [
  cell.server === 'memory' ? 'memory' : 'arithmetic',
  cell.deviceCount,
  cell.draftMs,
  cell.acceptance,
  cell.roundTripMs,
];

/** Speed of one user in units of streaming with as many devices. */
function speedOf(result: CellResult, { served }: ModeResult): Estimate {
  return speedAgainst(served, result.modes[0]!.served);
}

/** The fastest mode; streaming where nothing is faster by more than the intervals. */
function winnerOf(result: CellResult): ModeResult {
  const [streaming, ...drafting] = result.modes;
  const best = drafting.reduce((a, b) =>
    a.served.tokenMs.value <= b.served.tokenMs.value ? a : b,
  );
  return speedOf(result, best).low > 1 ? best : streaming!;
}

const modeNamed = (result: CellResult, mode: ModeResult['mode']): ModeResult =>
  result.modes.find((one) => one.mode === mode)!;

/** What is asked beside the map. */
export interface RaceExtras {
  readonly baselines: readonly BaselineResult[];
  readonly gains: readonly GainResult[];
  readonly links: readonly LinkRaceResult[];
  readonly drafters: readonly DrafterResult[];
  readonly points: readonly RealPoint[];
}

/** Claims, set-up, tables and plots of what was played; owned by the caller. @param all cells of the main grid. */
export function raceFindings(
  all: readonly CellResult[],
  { baselines, gains, links, drafters, points }: RaceExtras,
): Findings {
  return {
    claims: [...claimsOf(all), baselinesClaim(baselines), linksClaim(links), gainClaim(gains)],
    setUp,
    tables: [
      baselinesTable(baselines),
      usualTable(all),
      winnersTable(all),
      everything(all),
      linksTable(links),
      draftersTable(drafters),
      gainTable(gains),
      pointsTable(points),
    ],
    plots: [
      {
        id: 'baselines',
        title: 'Eight devices over 5G: speed of one user in units of a streaming cloud',
        table: 'baselines',
        spec: baselinesSpec,
      },
      {
        id: 'map',
        title: 'The fastest mode for one device, and its speed in units of streaming',
        table: 'winners',
        spec: mapSpec('datum.devices == 1', 'draftMs', 'draft, ms (a pass alone takes 30)'),
      },
      {
        id: 'map-devices',
        title: 'The fastest mode over the number of devices, drafts of 8 ms',
        table: 'winners',
        spec: mapSpec('datum.draftMs == 8', 'devices', 'devices'),
      },
      {
        id: 'speed',
        title: 'Speed of one user in units of streaming: acceptance 0.7, drafts of 8 ms',
        table: 'modes',
        spec: speedSpec,
      },
    ],
    papers: papersOf(all),
    notes,
  };
}

const setUp: Findings['setUp'] = [
  {
    part: 'cores, codec, state tables',
    what: 'as shipped, in virtual time (src/sim/service); scripted target, coupled, one answer of 128 tokens a device, of 96 where there are several, all at once',
    isEmulated: false,
  },
  {
    part: 'drafts',
    what: '3, 8 or 33 ms a token; a distance from the target that gives the acceptance',
    isEmulated: true,
  },
  {
    part: 'targets',
    what: 'bound by memory: 30 ms a pass and 0.07 for each row; bound by arithmetic: 15 ms and 15 for each row; up to 5 % more by chance',
    isEmulated: true,
  },
  {
    part: 'link',
    what:
      'a round trip, boundless bandwidth, no jitter, no loss; in the table of links the profiles of ' +
      'src/sim/profiles/link-profiles.ts: round figures for jitter (up to 20 ms a message each way), bandwidth and stalls (up to ' +
      '1 % of the messages, 60 to 200 ms late)',
    isEmulated: true,
  },
];

/** Passes, rows, messages and drafts in one place of the map: a table of everything would be 300 rows. */
function usualTable(all: readonly CellResult[]): Table {
  const usual = all.filter(
    ({ cell }) =>
      cell.draftMs === 8 && cell.acceptance === 0.7 && [5, 50].includes(cell.roundTripMs),
  );
  const { keys, rows, ...table } = everything(usual);
  // Columns that say the same in every row.
  const isSaid = (index: number): boolean => ['draftMs', 'acceptance'].includes(keys[index]!.name);
  return {
    ...table,
    id: 'usual',
    title: usualTitle,
    keys: keys.filter((_, index) => !isSaid(index)),
    rows: rows.map((row) => ({ ...row, keys: row.keys.filter((_, index) => !isSaid(index)) })),
    isShown: true,
  };
}

const usualTitle = 'what each mode takes, acceptance 0.7, drafts of 8 ms';

function everything(all: readonly CellResult[]): Table {
  return {
    id: 'modes',
    title: 'every mode everywhere',
    keys: [...cellKeys, key('mode', 'mode')],
    values: [
      value('tokenMs', 'a token', 'ms'),
      value('speed', 'speed, of streaming'),
      value('tokensPerSecond', 'all devices, tokens/s'),
      value('passes', 'passes a token'),
      value('rows', 'rows a token'),
      value('drafted', 'drafted a token'),
      value('messages', 'messages up a token'),
      value('joules', 'device, a token', 'J', 'calculated'),
    ],
    rows: all.flatMap((result) => result.modes.map((mode) => modeRow(result, mode))),
    isShown: false,
  };
}

function modeRow(result: CellResult, mode: ModeResult): Row {
  const { served, draftLength } = mode;
  const { tokenMs, tokensPerSecond, passes, rows, drafted, upMessages } = served;
  const name = draftLength === null ? mode.mode : `${mode.mode}, ${draftLength} drafted`;
  return {
    keys: [...keysOf(result), name],
    values: [
      tokenMs,
      speedOf(result, mode),
      tokensPerSecond,
      ...[passes, rows, drafted, upMessages],
      draftJoules(drafted, result.cell.draftMs),
    ],
  };
}

function winnersTable(all: readonly CellResult[]): Table {
  return {
    id: 'winners',
    title: 'the fastest mode',
    keys: [...cellKeys, key('mode', 'mode')],
    values: [value('speed', 'speed, of streaming'), value('raceSpeed', 'race, of streaming')],
    rows: all.map((result) => {
      const winner = winnerOf(result);
      const raced = modeNamed(result, 'race');
      return {
        keys: [...keysOf(result), winner.mode],
        values: [speedOf(result, winner), speedOf(result, raced)],
      };
    }),
    isShown: false,
  };
}

const pointsTable = (points: readonly RealPoint[]): Table => ({
  id: 'points',
  title:
    'race in units of streaming: real loop and bundled models beside the simulator, drafts of 8 ms, passes of 30',
  keys: [key('roundTripMs', 'round trip', 'ms'), key('acceptance', 'acceptance')],
  values: [value('real', 'real loop', '', 'emulated'), value('simulated', 'simulator')],
  rows: points.map(({ roundTripMs, acceptance, real, simulated }) => ({
    keys: [roundTripMs, figure(acceptance)],
    values: [real, simulated],
  })),
  isShown: true,
});

function claimsOf(all: readonly CellResult[]): Findings['claims'] {
  const alone = all.filter(({ cell }) => cell.server === 'memory' || cell.deviceCount === 1);
  const shared = all.filter(({ cell }) => cell.server === 'compute' && cell.deviceCount > 1);
  return [
    {
      id: 'never-slower',
      text: `${worstOf(alone, 'With one device, or a target bound by memory,')} ${waitOf(alone)}`,
    },
    { id: 'busy', text: worstOf(shared, 'With several devices on a target bound by arithmetic,') },
  ];
}

function baselinesClaim(baselines: readonly BaselineResult[]): Findings['claims'][number] {
  const speeds = baselines.map(({ name, speed }) => `${name} ${figure(speed.value)}`);
  return {
    id: 'baselines',
    text: `Eight devices over 5G, in units of a streaming cloud: ${speeds.join('; ')}.`,
  };
}

function linksClaim(links: readonly LinkRaceResult[]): Findings['claims'][number] {
  const speeds = links.map(({ name, modes }) => {
    const [raced, waited] = [ofStreaming(modes, 'race'), ofStreaming(modes, 'stop-and-wait')];
    return `${name} ${figure(raced.value)} and ${figure(waited.value)}`;
  });
  return {
    id: 'links',
    text: `Over links with jitter and stalls race and stop-and-wait run at these speeds of streaming: ${speeds.join('; ')}.`,
  };
}

/** Round trips at which there is something to gain. */
const gainTripMax = 50;

function gainClaim(gains: readonly GainResult[]): Findings['claims'][number] {
  const near = gains.filter(({ roundTripMs }) => roundTripMs <= gainTripMax);
  const shares = near.map((gain) => gainShare(gain).value);
  return {
    id: 'model',
    text:
      `Up to ${gainTripMax} ms of round trip race gains ${figure(Math.min(...shares))} to ${figure(Math.max(...shares))} of what ` +
      'a model of it gains whose loop costs nothing.',
  };
}

/** Where race does worst, and how often it is the fastest. */
function worstOf(all: readonly CellResult[], where: string): string {
  const speeds = all.map((result) => speedOf(result, modeNamed(result, 'race')));
  const worst = all[argmin(speeds.map(({ value: speed }) => speed))]!;
  const { value: speed, low, high } = speedOf(worst, modeNamed(worst, 'race'));
  const { deviceCount, draftMs, acceptance, roundTripMs } = worst.cell;
  const best = Math.max(...speeds.map((one) => one.value));
  const wins = all.filter((result) => winnerOf(result).mode === 'race').length;
  return (
    `${where} race runs at ${figure(speed)} [${figure(low)}, ${figure(high)}] to ${figure(best)} of streaming (least with ` +
    `${deviceCount} device${deviceCount === 1 ? '' : 's'}, drafts of ${draftMs} ms, acceptance ${acceptance}, round trip ` +
    `${roundTripMs} ms), and is the fastest mode in ${wins} of ${all.length} places.`
  );
}

function waitOf(all: readonly CellResult[]): string {
  const speeds = all.map((result) => speedOf(result, modeNamed(result, 'stop-and-wait')).value);
  return (
    `Stop-and-wait at its best draft length runs at ${figure(Math.min(...speeds))} to ` +
    `${figure(Math.max(...speeds))} of streaming there.`
  );
}

const argmin = (numbers: readonly number[]): number =>
  numbers.reduce((best, number, index) => (number < numbers[best]! ? index : best), 0);

function papersOf(all: readonly CellResult[]): Findings['papers'] {
  const usual = all.filter(
    ({ cell }) =>
      cell.server === 'memory' &&
      cell.deviceCount === 1 &&
      cell.draftMs === 8 &&
      cell.acceptance === 0.7,
  );
  const crossing = (mode: ModeResult['mode']): string => {
    const isFaster = (result: CellResult) => speedOf(result, modeNamed(result, mode)).value > 1;
    const trips = (some: readonly CellResult[]) => some.map(({ cell }) => cell.roundTripMs);
    const slower = trips(usual.filter((result) => !isFaster(result)));
    const most = Math.max(...trips(usual.filter(isFaster)));
    if (slower.length === 0) return `${mode} nowhere up to ${most} ms`;
    return `${mode} between ${most} and ${Math.min(...slower)} ms`;
  };
  const waits = all
    .filter(({ cell }) => cell.server === 'compute')
    .map((result) => speedOf(result, modeNamed(result, 'stop-and-wait')).value);
  return [
    {
      paper:
        'DSD-Sim (arXiv 2511.21669), SpecEdge (2505.17052): round trip beyond which the cloud alone is faster',
      theirs: '50 to 60 ms, and about 50 ms',
      ours: `one device, drafts of 8 ms, acceptance 0.7, target bound by memory: ${(['stop-and-wait', 'pipeline', 'race'] as const).map(crossing).join('; ')}`,
      caveat: 'their models, acceptance and hardware; a simulator and a test bed of one site',
    },
    {
      paper: 'SLED, SpecEdge and DiP-SD reproduced by others (github.com/971027212/SpecDec)',
      theirs: '0.66, 0.66 and 0.47 of target-only speed on average',
      ours: `stop-and-wait at its best length on the target bound by arithmetic: ${figure(Math.min(...waits))} to ${figure(Math.max(...waits))}`,
      caveat: 'their verifier computes a prefix a step and answers are of 8 to 64 tokens',
    },
  ];
}

const notes = [
  'The model of race takes drafts as accepted independently of each other and sends each alone; it is a yardstick and no bound. At a round trip of 200 ms the whole gain is one or two hundredths, the device rests by its own rule, and the share of the gain says little.',
  'Jitter and stalls hold up whatever is behind them, as TCP does; streaming meets them too, but only the first token waits for them.',
  'Intervals are over answers; answers of one run share its server, so those of several devices are somewhat too narrow.',
  'Stop-and-wait is the best of 1, 2, 4 and 8 drafted, chosen on the figures that are shown, which flatters it; it drafts on while it waits.',
  "In the table of every way: the device alone writes text of its own, not the target's. A draft model on the server takes 3 ms a token there and costs the target nothing, which flatters it. Full laws are of the simulator's 28 letters, about as many as a filter of top-k 40 leaves; larger ones are in dssd. Joules are those of a Jetson Orin Nano Super while it drafts (7.3 W).",
  'The server advises draft lengths in every mode; none is forced.',
  'A paper that charges target-only decoding a round trip for each token would show speeds higher by (pass + round trip) / pass.',
];
