// What the SLED experiment's numbers say: throughput and capacity by way of serving, and what the server's advice made of
// the drafts as it filled up.

import { exact } from '../../../src/math/estimate.js';
import { quantile } from '../../../src/math/statistics.js';
import { type ServiceResult, speedOf } from '../../../src/sim/service/serve.js';
import { figure } from '../../report/figures.js';
import type { Findings, Row, Table } from '../../report/result.js';
import type { PassFit } from '../pass-fit.js';
import type { SledCell } from '../sled.js';
import { type AdviceResult, adviceTable, bestFixed } from './advice.js';
import { type SledVariant, sledBaseline, sledVariantNames } from './fleet.js';
import { type MixResult, mixTable } from './mix.js';
import { type FleetPoint, realFleet } from './real.js';

/** Tokens a second that nine of ten users must get. */
const rates = [8, 20];

const serverKey = { name: 'server', title: 'target', unit: '' };
const devicesKey = { name: 'devices', title: 'devices', unit: '' };
const variantKey = { name: 'way', title: 'served by', unit: '' };

/** What was played. */
export interface SledResult {
  readonly cells: readonly SledCell[];
  readonly mixes: readonly MixResult[];
  readonly advice: readonly AdviceResult[];
  readonly points: readonly FleetPoint[];
  readonly fit: PassFit;
}

/** Claims, set-up, tables and plots of what was played; owned by the caller. */
export function sledFindings(result: SledResult): Findings {
  const { cells, mixes, advice, points, fit } = result;
  return {
    claims: [...claimsOf(cells, fit), adviceClaim(advice), realClaim(points)],
    setUp: setUpOf(fit),
    tables: [
      capacityTable(cells),
      adviceTable(advice),
      mixTable(mixes),
      realTable(points, fit),
      fleetTable(cells),
    ],
    plots: [
      {
        id: 'throughput',
        title: 'Tokens a second of all devices over their number',
        table: 'fleets',
        spec: throughputSpec,
      },
      {
        id: 'speed',
        title: 'Speed of a user in units of central streaming, over the number of devices',
        table: 'fleets',
        spec: speedSpec,
      },
      {
        id: 'advice',
        title: 'Drafts tested for each pass of a session: what advice leaves of them',
        table: 'fleets',
        spec: adviceSpec,
      },
    ],
    papers: papersOf(cells),
    notes,
  };
}

function setUpOf({ cost, passCount, errorShare }: PassFit): Findings['setUp'] {
  const { fixedMs, tokenMs, rowMs, tokenContextMs } = cost;
  return [
    {
      part: 'cores, codec, state tables, batcher',
      what: 'as shipped, in virtual time (src/sim/service); every device writes one answer of 96 tokens, all at once',
      isEmulated: false,
    },
    {
      part: 'devices',
      what: 'a third each Raspberry Pi 5 (11 ms a drafted token), Jetson Orin Nano Super (6 ms), phone (8.5 ms): a draft of 135 M weights, cited speeds scaled by weights; acceptance 0.7',
      isEmulated: true,
    },
    {
      part: 'link',
      what: 'Wi-Fi: 5 ms round trip, up to 4 ms of jitter each way, 100 and 200 Mbit/s, 0.2 % of the messages 60 ms late',
      isEmulated: true,
    },
    {
      part: 'fleet on the real engine',
      what:
        `both shells and cores as shipped, the inflated target, one thread; ${deviceCount} devices that replay drafts of the ` +
        `bundled model at ${draftMs} ms a token over a relay (Wi-Fi), answers of ${tokens} tokens, rounds of at most ${draftLength} drafts`,
      isEmulated: true,
    },
    {
      part: 'targets',
      what:
        'bound by memory (30 ms a pass, 0.07 for a row), between (30 and 1), bound by arithmetic (15 and 15), and one fitted to ' +
        `${passCount} measured passes of the bundled target inflated to 210 M weights, one thread: ${figure(fixedMs)} ms a pass, ` +
        `${figure(tokenMs + rowMs)} for a row, ${figure(1_000 * tokenContextMs)} for a thousand of tokens times context; ` +
        `half of the passes held out are within ${figure(100 * errorShare)} % of the fit`,
      isEmulated: true,
    },
  ];
}

function fleetTable(cells: readonly SledCell[]): Table {
  const rows = cells.flatMap(({ server, deviceCount, served }) =>
    sledVariantNames.map((variant): Row => {
      const one = served[variant];
      const { tokensPerSecond, draftLength, passes, rows: rowsPerToken } = one;
      const values = [
        tokensPerSecond,
        speedOf(one, served[sledBaseline]),
        draftLength,
        passes,
        rowsPerToken,
      ];
      return { keys: [server, deviceCount, variant], values };
    }),
  );
  return {
    id: 'fleets',
    title: 'throughput over the number of devices',
    keys: [serverKey, devicesKey, variantKey],
    values: [
      { name: 'tokensPerSecond', title: 'all devices, tokens/s', unit: '', origin: 'simulated' },
      { name: 'speed', title: 'speed of a user, of central', unit: '', origin: 'simulated' },
      { name: 'draftLength', title: 'drafts tested a pass', unit: '', origin: 'simulated' },
      { name: 'passes', title: 'passes a token', unit: '', origin: 'simulated' },
      { name: 'rows', title: 'rows a token', unit: '', origin: 'simulated' },
    ],
    rows,
    isShown: true,
  };
}

/** Nine of ten answers of a run are at least this fast. */
const slowRate = ({ answersMs }: ServiceResult): number => 1_000 / quantile(answersMs, 0.9);

/** The largest fleet that was played in which nine of ten users get the rate; 0: none. */
function capacityOf(cells: readonly SledCell[], variant: SledVariant, rate: number): number {
  const enough = cells.filter(({ served }) => slowRate(served[variant]) >= rate);
  return Math.max(0, ...enough.map(({ deviceCount }) => deviceCount));
}

function capacityTable(cells: readonly SledCell[]): Table {
  const servers = [...new Set(cells.map(({ server }) => server))];
  return {
    id: 'capacity',
    title: 'largest fleet played of which nine in ten users get so many tokens a second',
    keys: [serverKey, variantKey],
    values: rates.map((rate) => ({
      name: `at${rate}`,
      title: `at ${rate} tokens/s`,
      unit: 'devices',
      origin: 'simulated',
    })),
    rows: servers.flatMap((server) =>
      sledVariantNames.map((variant) => ({
        keys: [server, variant],
        values: rates.map((rate) =>
          exact(
            capacityOf(
              cells.filter((cell) => cell.server === server),
              variant,
              rate,
            ),
          ),
        ),
      })),
    ),
    isShown: true,
  };
}

const { deviceCount, draftMs, draftLength, tokens } = realFleet;

const realTable = (points: readonly FleetPoint[], { errorShare }: PassFit): Table => ({
  id: 'real',
  title:
    `speed of a user in units of central streaming: ${deviceCount} devices on the real engine over real sockets beside the ` +
    `simulator with the fitted cost (error of the fit ${figure(100 * errorShare)} %; ${points[0]?.turnCount ?? 0} turns)`,
  keys: [variantKey],
  values: [
    { name: 'acceptance', title: 'acceptance', unit: '', origin: 'measured' },
    { name: 'real', title: 'real engine', unit: '', origin: 'emulated' },
    { name: 'simulated', title: 'simulator', unit: '', origin: 'simulated' },
  ],
  rows: points.map(({ way: variant, acceptance, real, simulated }) => ({
    keys: [variant],
    values: [acceptance, real, simulated],
  })),
  isShown: true,
});

/** How advice does against the best length in hindsight, and race against streaming. */
function adviceClaim(advice: readonly AdviceResult[]): Findings['claims'][number] {
  const span = (of: (one: AdviceResult) => number): string => {
    const speeds = advice.map(of);
    return `${figure(Math.min(...speeds))} to ${figure(Math.max(...speeds))}`;
  };
  const best = (one: AdviceResult): number => bestFixed(one).served.tokenMs.value;
  const longest = (one: AdviceResult): number => one.fixed.at(-1)!.served.tokenMs.value;
  return {
    id: 'advice',
    text:
      `Over ${advice.length} places, from a target bound by memory to one bound by arithmetic and from one device to as many as ` +
      `${Math.max(...advice.map((one) => one.deviceCount))}, rounds of adaptive length, at most 8, that heed the server's advice run at ` +
      `${span((one) => best(one) / one.advised.tokenMs.value)} of the best fixed length in hindsight, rounds of 8 that are deaf to it at ` +
      `${span((one) => best(one) / longest(one))}; race with advice at ` +
      `${span((one) => speedOf(one.race, one.streamed).value)} of central streaming, deaf at ` +
      `${span((one) => speedOf(one.deafRace, one.streamed).value)}.`,
  };
}

function realClaim(points: readonly FleetPoint[]): Findings['claims'][number] {
  const speeds = points.map(
    ({ way: variant, real, simulated }) =>
      `${variant} ${figure(real.value)} (simulated ${figure(simulated.value)})`,
  );
  return {
    id: 'real-fleet',
    text:
      `${deviceCount} devices on the inflated target on this processor, over real sockets, in units of central streaming: ` +
      `${speeds.join('; ')}.`,
  };
}

/** Speeds of a user in units of central streaming, over all sizes of fleet. */
function spanOf(cells: readonly SledCell[], server: string, variant: SledVariant): string {
  const speeds = cells
    .filter((cell) => cell.server === server)
    .map(({ served }) => speedOf(served[variant], served[sledBaseline]).value);
  return `${figure(Math.min(...speeds))} to ${figure(Math.max(...speeds))}`;
}

function claimsOf(cells: readonly SledCell[], { errorShare }: PassFit): Findings['claims'] {
  const span = (server: string, variant: SledVariant): string => spanOf(cells, server, variant);
  const static8: SledVariant = 'SLED, static batches of 8';
  const [memory, , arithmetic, fitted] = [...new Set(cells.map(({ server }) => server))];
  return [
    {
      id: 'throughput',
      text:
        `On a target bound by memory a user of race is ${span(memory!, 'race')} times as fast as one of central streaming, over ` +
        `all sizes of fleet that were played; with SLED's stop rule ${span(memory!, 'SLED, continuous batches')} times in ` +
        `continuous batches and ${span(memory!, static8)} times in static ones.`,
    },
    {
      id: 'where-it-stops',
      text:
        `On a target bound by arithmetic drafts do not pay: ${span(arithmetic!, 'race')} of central streaming in race and ` +
        `${span(arithmetic!, 'stop-and-wait, at most 4 drafted')} in stop-and-wait; with costs fitted to passes of the inflated ` +
        `target on this processor (half of the passes held out within ${figure(100 * errorShare)} %) ${span(fitted!, 'race')} and ` +
        `${span(fitted!, 'stop-and-wait, at most 4 drafted')}.`,
    },
  ];
}

function papersOf(cells: readonly SledCell[]): Findings['papers'] {
  const servers = [...new Set(cells.map(({ server }) => server))];
  const continuous: SledVariant = 'SLED, continuous batches';
  const speeds = servers.map((name) => `${name} ${spanOf(cells, name, continuous)}`);
  const devicesAt = (variant: SledVariant, rate: number): string =>
    servers
      .map((name) => {
        const own = cells.filter(({ server }) => server === name);
        const [ours, central] = [
          capacityOf(own, variant, rate),
          capacityOf(own, sledBaseline, rate),
        ];
        return `${name} ${ours} against ${central}`;
      })
      .join('; ');
  return [
    {
      paper: 'SLED (arXiv 2506.09397): throughput and capacity against central serving',
      theirs: '2.2 times the throughput, 2.8 times the devices',
      ours: `its stop rule in continuous batches, speed in units of central streaming: ${speeds.join('; ')}`,
      caveat:
        'a position paper without code; its model pairs, batches and the baseline are not known well enough to repeat it. E tokens a round times the cost ratio of the passes bounds such a gain',
    },
    {
      paper:
        "WISP (arXiv 2601.11652), by SLED's group: devices at 8 tokens/s, Qwen3-32B on one A100",
      theirs: 'SLED 21 against 41 of central serving; at 2 tokens/s 83 against 97',
      ours: `devices at 8 tokens/s, the largest fleet played: static batches of 8 ${devicesAt('SLED, static batches of 8', 8)}; race ${devicesAt('race', 8)}`,
      caveat: 'many devices are simulated there as here; fleets stop at 128, or 16, devices here',
    },
  ];
}

const notes = [
  'The real fleet writes the same four texts in every turn: its intervals are of the times of this machine, and know no other texts. Rounds of fixed length stand there for the stop rule, since replayed drafts carry no confidence.',
  'Capacity knows only the sizes that were played; between two of them it may be anything.',
  'The server advises draft lengths in every way but streaming; SLED as published has no such advice, so its lines here flatter it where the server is full.',
  'Central streaming is the honest baseline: every session in every pass. Static batches take 8 drafts a pass and wait for them, at most 50 ms; larger ones carry more devices and wait longer.',
  'Intervals are over answers of a run, which share their server: somewhat too narrow.',
];

const lines = (field: string, title: string) => ({
  facet: { field: 'server', title: null, sort: null },
  resolve: { scale: { x: 'independent', y: 'independent' } },
  columns: 2,
  spec: {
    width: 280,
    height: 150,
    mark: { type: 'line', point: true },
    encoding: {
      x: { field: 'devices', type: 'ordinal', title: 'devices', axis: { labelAngle: 0 } },
      y: { field, type: 'quantitative', title },
      color: { field: 'way', sort: null, title: null },
    },
  },
});

const throughputSpec = lines('tokensPerSecond', 'tokens/s');
const speedSpec = lines('speed', 'of central streaming');
const adviceSpec = lines('draftLength', 'drafts tested a pass');
