// What drafting the future before the verdict gains: the device's own continuation, branches for corrections, hints of an
// early exit, all of them, and the bound of any exit, over round trip, draft length and mode. arXiv 2505.21594.

import { exact, meanOf, ratioOf } from '../../src/math/estimate.js';
import type { Experiment, ExperimentContext } from '../report/experiment.js';
import type { Row } from '../report/result.js';
import { exitLayers } from '../weights/bench-models.js';
import {
  type Bed,
  type Pace,
  type Played,
  play,
  type Setting,
  type Way,
  ways,
} from './early-exit/bed.js';
import { earlyExitFindings } from './early-exit/findings.js';
import { playSockets, type SocketGrid } from './early-exit/sockets.js';
import { effortOf, hintsOf, hitsOf, speedOf, widthOf } from './early-exit/values.js';
import { VirtualModels } from './virtual-models.js';

const modes = ['stop-and-wait', 'pipeline', 'race'] as const;
export const earlyExitGrid = {
  /** A row's share: what a further branch of four takes of a pass of the bundled draft, see `bench engine --part ahead`. */
  pace: { draftMs: 8, passMs: 30, rowShare: 0.25 } satisfies Pace,
  roundTripsMs: [0, 20, 50, 100],
  quickRoundTripsMs: [20],
  /** Of a round; in pipeline and race, which have no rounds, of a branch: there only at the usual round trip. */
  draftLengths: [2, 4, 8],
  /** Where only one thing is changed. */
  usual: { roundTripMs: 20, draftLength: 4, layer: 4, budget: { tokensMax: 24, chanceMin: 0.01 } },
  /** What a further row of a pass may cost: nothing, up to a pass, where side by side gains nothing. */
  rowShares: [0, 0.1, 0.25, 0.5, 1],
  budgets: { tokensMax: [8, 24, 48], chanceMin: [0.005, 0.01, 0.02, 0.1] },
  /** Real passes over real sockets: one cell with enough texts to decide, not many that do not. */
  sockets: { roundTripsMs: [20], textCount: 12, tokenCount: 18 },
  quickSockets: { roundTripsMs: [20], textCount: 2, tokenCount: 12 },
  /** Table 5 of the paper: a Jetson, 4 drafts in 301 ms, 522 ms to verify, 96 ms on the way. */
  paper: { pace: { draftMs: 75.25, passMs: 522, rowShare: 0.25 }, roundTripMs: 96, draftLength: 4 },
} as const;

export const earlyExitExperiment: Experiment = {
  id: 'early-exit',
  title: 'Drafting the future before the verdict',
  question:
    "What do drafts gain that are made while a verdict is awaited: of the device's own continuation, of branches for likely corrections, of what an early exit hints?",
  minutes: 5,
  run: async (context) => {
    const { models: files } = context;
    const models = new VirtualModels(files.target(), files.draft());
    try {
      return earlyExitFindings(await rowsOf(context, models));
    } finally {
      models.close();
    }
  },
};

/** Rows of the tables, in the order of their columns. */
export interface EarlyExitRows {
  readonly ways: readonly Row[];
  readonly layers: readonly Row[];
  readonly rowShares: readonly Row[];
  readonly budgets: readonly Row[];
  readonly paper: readonly Row[];
  readonly sockets: readonly Row[];
  readonly isSameText: boolean;
}

async function rowsOf(context: ExperimentContext, models: VirtualModels): Promise<EarlyExitRows> {
  const bench = new Bench(context, models);
  const rows = {
    ways: await wayRows(bench),
    layers: await layerRows(bench),
    rowShares: await rowShareRows(bench),
    budgets: await budgetRows(bench),
    paper: await paperRows(bench),
  };
  const { rows: sockets, isSameText } = await playSockets(context, socketGrid(context.isQuick));
  return { ...rows, sockets, isSameText: bench.isSameText && isSameText };
}

function socketGrid(isQuick: boolean): SocketGrid {
  const { pace, usual, sockets, quickSockets } = earlyExitGrid;
  const { layer, draftLength, budget } = usual;
  const size = isQuick ? quickSockets : sockets;
  return { ...size, layer, draftLength, budget, draftMs: pace.draftMs, rowShare: pace.rowShare };
}

/** Plays settings, each once, and watches that the texts of a scheme are the same. */
class Bench {
  readonly roundTripsMs: readonly number[];
  readonly #context: ExperimentContext;
  readonly #bed: Bed;
  readonly #played = new Map<string, Played>();
  /** By scheme. */
  readonly #texts = new Map<Setting['scheme'], string>();
  isSameText = true;

  constructor(context: ExperimentContext, models: VirtualModels) {
    const { isQuick, seed } = context;
    this.roundTripsMs = isQuick ? earlyExitGrid.quickRoundTripsMs : earlyExitGrid.roundTripsMs;
    this.#context = context;
    this.#bed = { models, textCount: isQuick ? 2 : 8, tokenCount: isQuick ? 32 : 40, seed };
  }

  async play(changes: Partial<Setting>): Promise<Played> {
    const { pace, usual } = earlyExitGrid;
    const { roundTripMs, draftLength, layer, budget } = usual;
    const setting: Setting = {
      ...{ pace, roundTripMs, draftLength, budget, scheme: 'coupled', mode: 'stop-and-wait' },
      ...{ way: 'all', exit: this.exit(layer) },
      ...changes,
    };
    const name = JSON.stringify(setting);
    const known = this.#played.get(name);
    // Stopped: what is still asked for is not played; the result is thrown away.
    if (known !== undefined || this.#context.signal.aborted)
      return known ?? [...this.#played.values()][0]!;
    // Signals wait for the event loop.
    await new Promise((resolve) => setImmediate(resolve));
    const played = play(this.#bed, setting);
    const text = JSON.stringify(played.map(({ texts }) => texts));
    const first = this.#texts.get(setting.scheme) ?? text;
    this.#texts.set(setting.scheme, first);
    this.isSameText &&= first === text;
    this.#played.set(name, played);
    return played;
  }

  exit(layer: number): { readonly headPath: string } {
    return { headPath: this.#context.models.exit(layer) };
  }

  note(line: string): void {
    this.#context.note(line);
  }
}

async function wayRows(bench: Bench): Promise<Row[]> {
  const { draftLengths, usual } = earlyExitGrid;
  const rows: Row[] = [];
  for (const mode of modes) {
    for (const draftLength of draftLengths) {
      const isUsual = mode === 'stop-and-wait' || draftLength === usual.draftLength;
      for (const roundTripMs of isUsual ? bench.roundTripsMs : [usual.roundTripMs]) {
        rows.push(
          ...(await cellRows(bench, { scheme: 'coupled', mode, draftLength, roundTripMs })),
        );
      }
    }
    bench.note(`coupled, ${mode}`);
  }
  for (const mode of modes) {
    for (const roundTripMs of bench.roundTripsMs) {
      const { draftLength } = usual;
      rows.push(...(await cellRows(bench, { scheme: 'greedy', mode, draftLength, roundTripMs })));
    }
    bench.note(`greedy, ${mode}`);
  }
  return rows;
}

type Cell = Pick<Setting, 'scheme' | 'mode' | 'draftLength' | 'roundTripMs'>;

/** What is played of a scheme: of greedy as much as shows whether it differs. */
const waysOf = (scheme: Setting['scheme']): readonly Way[] =>
  scheme === 'greedy' ? ['none', 'own', 'all', 'oracle'] : ways;

async function cellRows(bench: Bench, cell: Cell): Promise<Row[]> {
  const { scheme, mode, draftLength, roundTripMs } = cell;
  const base = await bench.play({ ...cell, way: firstWay(mode) });
  const rows: Row[] = [];
  for (const way of waysOf(scheme)) {
    // Without a pause for verdicts there is nothing but drafting ahead.
    if (mode !== 'stop-and-wait' && way === 'none') continue;
    const played = await bench.play({ ...cell, way });
    const effort = effortOf(played, earlyExitGrid.pace);
    rows.push({
      keys: [scheme, mode, draftLength, roundTripMs, way],
      values: [...speedOf(played, base), ...hitsOf(played), ...effort],
    });
  }
  return rows;
}

const firstWay = (mode: Setting['mode']) => (mode === 'stop-and-wait' ? 'none' : 'own');

async function layerRows(bench: Bench): Promise<Row[]> {
  const rows: Row[] = [];
  for (const mode of modes) {
    const base = await bench.play({ mode, way: firstWay(mode) });
    for (const layer of exitLayers) {
      for (const way of ['hints', 'all'] as const) {
        const played = await bench.play({ mode, way, exit: bench.exit(layer) });
        rows.push({
          keys: [mode, layer, way],
          values: [speedOf(played, base)[1]!, ...hintsOf(played), ...hitsOf(played).slice(1)],
        });
      }
    }
  }
  bench.note('layers');
  return rows;
}

/** Side by side, by what a row costs; the device finds out for itself whether that is less than a pass. */
async function rowShareRows(bench: Bench): Promise<Row[]> {
  const { rowShares } = earlyExitGrid;
  const rows: Row[] = [];
  for (const mode of modes) {
    for (const roundTripMs of bench.roundTripsMs) {
      const where = { mode, roundTripMs };
      const base = await bench.play({ ...where, way: firstWay(mode) });
      for (const rowShare of rowShares) {
        const pace = { ...earlyExitGrid.pace, rowShare };
        const played = await bench.play({ ...where, pace });
        const [, speed] = speedOf(played, base);
        rows.push({
          keys: [mode, roundTripMs, rowShare],
          values: [speed, widthOf(played), ...hitsOf(played), ...effortOf(played, pace)],
        });
      }
    }
    bench.note(`a row of a pass, ${mode}`);
  }
  return rows;
}

async function budgetRows(bench: Bench): Promise<Row[]> {
  const { budgets } = earlyExitGrid;
  const rows: Row[] = [];
  for (const mode of ['stop-and-wait', 'pipeline'] as const) {
    const where = { mode, roundTripMs: 50 };
    const base = await bench.play({ ...where, way: 'own' });
    for (const tokensMax of budgets.tokensMax) {
      for (const chanceMin of budgets.chanceMin) {
        const played = await bench.play({
          ...where,
          way: 'branches',
          budget: { tokensMax, chanceMin },
        });
        const [, speed] = speedOf(played, base);
        rows.push({
          keys: [mode, tokensMax, chanceMin],
          values: [speed!, hitsOf(played)[0]!, ...effortOf(played, earlyExitGrid.pace)],
        });
      }
    }
    bench.note(`budgets, ${mode}`);
  }
  return rows;
}

/** Rounds of the paper's times; what is left of drafting is what was not done ahead. */
async function paperRows(bench: Bench): Promise<Row[]> {
  const { pace, roundTripMs, draftLength } = earlyExitGrid.paper;
  const cloudMs = pace.passMs + roundTripMs;
  const base = await bench.play({ pace, roundTripMs, draftLength, way: 'none' });
  const rows: Row[] = [
    {
      keys: ['cloud, a round trip for each token'],
      values: [
        exact(0),
        exact(pace.passMs),
        exact(roundTripMs),
        exact(cloudMs),
        exact(1),
        exact(1),
        null,
      ],
    },
    {
      keys: ['cloud, streaming'],
      values: [
        exact(0),
        exact(pace.passMs),
        exact(0),
        exact(pace.passMs),
        exact(1),
        exact(cloudMs / pace.passMs),
        null,
      ],
    },
  ];
  for (const way of ways) {
    const played = await bench.play({ pace, roundTripMs, draftLength, way });
    const roundMs = meanOf(
      played.map(({ tokenMs, statistics }) => tokenMs[0]! * perRound(statistics[0]!)),
    );
    const hidden = cloudMs;
    const draftMs = {
      value: roundMs.value - hidden,
      low: roundMs.low - hidden,
      high: roundMs.high - hidden,
    };
    rows.push({
      keys: [way],
      values: [
        draftMs,
        exact(pace.passMs),
        exact(roundTripMs),
        roundMs,
        meanOf(played.map(({ statistics }) => perRound(statistics[0]!))),
        ratioOf(played.map(({ tokenMs }) => ({ part: cloudMs, whole: tokenMs[0]! }))),
        speedOf(played, base)[1]!,
      ],
    });
  }
  bench.note("the paper's times");
  return rows;
}

/** The first verdict ends the time to the first token. */
const perRound = ({ tokenCount, verdictCount }: { tokenCount: number; verdictCount: number }) =>
  (tokenCount - 1) / (verdictCount - 1);
