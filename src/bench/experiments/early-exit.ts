// What drafting the future before the verdict gains: the device's own continuation, branches for corrections, hints of an
// early exit, all of them, and the bound of any exit, over round trip, draft length and mode. arXiv 2505.21594.

import { exitLayers } from '../bench-models.js';
import { exact, meanOf, ratioOf } from '../report/estimate.js';
import type { Experiment, ExperimentContext } from '../report/experiment.js';
import type { Row } from '../report/result.js';
import { type Bed, type Pace, type Played, play, type Setting, ways } from './early-exit-bed.js';
import { earlyExitFindings } from './early-exit-findings.js';
import { playSockets, type SocketGrid } from './early-exit-sockets.js';
import { effortOf, hintsOf, hitsOf, speedOf } from './early-exit-values.js';
import { VirtualModels } from './virtual-models.js';

const modes = ['stop-and-wait', 'pipeline', 'race'] as const;
export const earlyExitGrid = {
  pace: { draftMs: 8, passMs: 30 } satisfies Pace,
  roundTripsMs: [0, 20, 50, 100],
  /** Of a round; in pipeline and race, which have no rounds, of a branch. */
  draftLengths: [2, 4, 8],
  /** Where only one thing is changed. */
  usual: { roundTripMs: 20, draftLength: 4, layer: 4, budget: { tokensMax: 24, chanceMin: 0.01 } },
  budgets: { tokensMax: [4, 8, 24], chanceMin: [0.005, 0.01, 0.02, 0.1] },
  /** Table 5 of the paper: a Jetson, 4 drafts in 301 ms, 522 ms to verify, 96 ms on the way. */
  /** Real passes over real sockets, with quick in place of what takes minutes. */
  sockets: { roundTripsMs: [0, 20, 50, 100], textCount: 6, tokenCount: 18 },
  quickSockets: { roundTripsMs: [0, 50], textCount: 2, tokenCount: 12 },
  paper: { pace: { draftMs: 75.25, passMs: 522 }, roundTripMs: 96, draftLength: 4 },
} as const;

export const earlyExitExperiment: Experiment = {
  id: 'early-exit',
  title: 'Drafting the future before the verdict',
  question:
    "What do drafts gain that are made while a verdict is awaited: of the device's own continuation, of branches for likely corrections, of what an early exit hints?",
  minutes: 8,
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
  return { ...size, layer, draftLength, budget, draftMs: pace.draftMs };
}

/** Plays settings, each once, and watches that the texts of a scheme are the same. */
class Bench {
  readonly isQuick: boolean;
  readonly #context: ExperimentContext;
  readonly #bed: Bed;
  readonly #played = new Map<string, Played>();
  /** By scheme. */
  readonly #texts = new Map<Setting['scheme'], string>();
  isSameText = true;

  constructor(context: ExperimentContext, models: VirtualModels) {
    const { isQuick, seed } = context;
    this.isQuick = isQuick;
    this.#context = context;
    this.#bed = { models, textCount: isQuick ? 2 : 8, tokenCount: isQuick ? 32 : 48, seed };
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
  const { roundTripsMs, draftLengths } = earlyExitGrid;
  const rows: Row[] = [];
  for (const scheme of ['coupled', 'greedy'] as const) {
    for (const mode of modes) {
      for (const draftLength of draftLengths) {
        for (const roundTripMs of roundTripsMs) {
          rows.push(...(await cellRows(bench, { scheme, mode, draftLength, roundTripMs })));
        }
        bench.note(`${scheme}, ${mode}, ${draftLength} drafted`);
      }
    }
  }
  return rows;
}

type Cell = Pick<Setting, 'scheme' | 'mode' | 'draftLength' | 'roundTripMs'>;

async function cellRows(bench: Bench, cell: Cell): Promise<Row[]> {
  const { scheme, mode, draftLength, roundTripMs } = cell;
  const base = await bench.play({ ...cell, way: firstWay(mode) });
  const rows: Row[] = [];
  for (const way of ways) {
    // Without a pause for verdicts there is nothing but drafting ahead.
    if (mode !== 'stop-and-wait' && way === 'none') continue;
    const played = await bench.play({ ...cell, way });
    const effort = effortOf(played, earlyExitGrid.pace.draftMs);
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
          values: [speed!, hitsOf(played)[0]!, ...effortOf(played, earlyExitGrid.pace.draftMs)],
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
