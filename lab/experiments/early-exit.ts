// What drafting the future before the verdict gains: the device's own continuation, branches for corrections, hints of an
// early exit, all of them, and the bound of any exit, over round trip, draft length and mode. arXiv 2505.21594.

import { exact, meanEstimate, ratioEstimate } from '../../src/math/estimate.js';
import type { Experiment, ExperimentContext } from '../report/experiment.js';
import type { Row } from '../report/result.js';
import { exitLayers } from '../weights/bench-models.js';
import { earlyExitFindings } from './early-exit/findings.js';
import {
  type ExitFixture,
  type ExitResult,
  type ExitSetting,
  type ExitTimes,
  type ExitVariant,
  exitVariants,
  play,
} from './early-exit/fixture.js';
import { playSockets, type SocketGrid } from './early-exit/sockets.js';
import { effortOf, hintsOf, hitsOf, speedAgainst, widthOf } from './early-exit/values.js';
import { VirtualModels } from './virtual-models.js';

const modes = ['stop-and-wait', 'pipeline', 'race'] as const;
export const earlyExitGrid = {
  /** A row's share: what a further branch of four takes of a pass of the bundled draft, see `bench engine --part ahead`. */
  pace: { draftMs: 8, passMs: 30, rowShare: 0.25 } satisfies ExitTimes,
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
    ways: await variantRows(bench),
    layers: await layerRows(bench),
    rowShares: await rowShareRows(bench),
    budgets: await budgetRows(bench),
    paper: await paperRows(bench),
  };
  const { rows: sockets, isSameText } = await playSockets(context, socketGrid(context.isQuick));
  return { ...rows, sockets, isSameText: bench.isSameText && isSameText };
}

function socketGrid(isQuick: boolean): SocketGrid {
  const { pace: times, usual, sockets, quickSockets } = earlyExitGrid;
  const { layer, draftLength, budget } = usual;
  const size = isQuick ? quickSockets : sockets;
  return { ...size, layer, draftLength, budget, draftMs: times.draftMs, rowShare: times.rowShare };
}

/** Plays settings, each once, and watches that the texts of a scheme are the same. */
class Bench {
  readonly roundTripsMs: readonly number[];
  readonly #context: ExperimentContext;
  readonly #fixture: ExitFixture;
  readonly #result = new Map<string, ExitResult>();
  /** By scheme. */
  readonly #texts = new Map<ExitSetting['scheme'], string>();
  isSameText = true;

  constructor(context: ExperimentContext, models: VirtualModels) {
    const { isQuick, seed } = context;
    this.roundTripsMs = isQuick ? earlyExitGrid.quickRoundTripsMs : earlyExitGrid.roundTripsMs;
    this.#context = context;
    this.#fixture = { models, textCount: isQuick ? 2 : 8, tokenCount: isQuick ? 32 : 40, seed };
  }

  async play(changes: Partial<ExitSetting>): Promise<ExitResult> {
    const { pace: times, usual } = earlyExitGrid;
    const { roundTripMs, draftLength, layer, budget } = usual;
    const setting: ExitSetting = {
      ...{
        pace: times,
        roundTripMs,
        draftLength,
        budget,
        scheme: 'coupled',
        mode: 'stop-and-wait',
      },
      ...{ way: 'all', exit: this.exit(layer) },
      ...changes,
    };
    const name = JSON.stringify(setting);
    const known = this.#result.get(name);
    // Stopped: what is still asked for is not played; the result is thrown away.
    if (known !== undefined || this.#context.signal.aborted)
      return known ?? [...this.#result.values()][0]!;
    // Signals wait for the event loop.
    await new Promise((resolve) => setImmediate(resolve));
    const result = play(this.#fixture, setting);
    const text = JSON.stringify(result.map(({ texts }) => texts));
    const first = this.#texts.get(setting.scheme) ?? text;
    this.#texts.set(setting.scheme, first);
    this.isSameText &&= first === text;
    this.#result.set(name, result);
    return result;
  }

  exit(layer: number): { readonly headPath: string } {
    return { headPath: this.#context.models.exit(layer) };
  }

  note(line: string): void {
    this.#context.note(line);
  }
}

async function variantRows(bench: Bench): Promise<Row[]> {
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

type Cell = Pick<ExitSetting, 'scheme' | 'mode' | 'draftLength' | 'roundTripMs'>;

/** What is played of a scheme: of greedy as much as shows whether it differs. */
const variantsOf = (scheme: ExitSetting['scheme']): readonly ExitVariant[] =>
  scheme === 'greedy' ? ['none', 'own', 'all', 'oracle'] : exitVariants;

async function cellRows(bench: Bench, cell: Cell): Promise<Row[]> {
  const { scheme, mode, draftLength, roundTripMs } = cell;
  const base = await bench.play({ ...cell, way: firstVariant(mode) });
  const rows: Row[] = [];
  for (const variant of variantsOf(scheme)) {
    // Without a pause for verdicts there is nothing but drafting ahead.
    if (mode !== 'stop-and-wait' && variant === 'none') continue;
    const result = await bench.play({ ...cell, way: variant });
    const effort = effortOf(result, earlyExitGrid.pace);
    rows.push({
      keys: [scheme, mode, draftLength, roundTripMs, variant],
      values: [...speedAgainst(result, base), ...hitsOf(result), ...effort],
    });
  }
  return rows;
}

const firstVariant = (mode: ExitSetting['mode']) => (mode === 'stop-and-wait' ? 'none' : 'own');

async function layerRows(bench: Bench): Promise<Row[]> {
  const rows: Row[] = [];
  for (const mode of modes) {
    const base = await bench.play({ mode, way: firstVariant(mode) });
    for (const layer of exitLayers) {
      for (const variant of ['hints', 'all'] as const) {
        const result = await bench.play({ mode, way: variant, exit: bench.exit(layer) });
        rows.push({
          keys: [mode, layer, variant],
          values: [speedAgainst(result, base)[1]!, ...hintsOf(result), ...hitsOf(result).slice(1)],
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
      const base = await bench.play({ ...where, way: firstVariant(mode) });
      for (const rowShare of rowShares) {
        const times = { ...earlyExitGrid.pace, rowShare };
        const result = await bench.play({ ...where, pace: times });
        const [, speed] = speedAgainst(result, base);
        rows.push({
          keys: [mode, roundTripMs, rowShare],
          values: [speed, widthOf(result), ...hitsOf(result), ...effortOf(result, times)],
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
        const result = await bench.play({
          ...where,
          way: 'branches',
          budget: { tokensMax, chanceMin },
        });
        const [, speed] = speedAgainst(result, base);
        rows.push({
          keys: [mode, tokensMax, chanceMin],
          values: [speed!, hitsOf(result)[0]!, ...effortOf(result, earlyExitGrid.pace)],
        });
      }
    }
    bench.note(`budgets, ${mode}`);
  }
  return rows;
}

/** Rounds of the paper's times; what is left of drafting is what was not done ahead. */
async function paperRows(bench: Bench): Promise<Row[]> {
  const { pace: times, roundTripMs, draftLength } = earlyExitGrid.paper;
  const cloudMs = times.passMs + roundTripMs;
  const base = await bench.play({ pace: times, roundTripMs, draftLength, way: 'none' });
  const rows: Row[] = [
    {
      keys: ['cloud, a round trip for each token'],
      values: [
        exact(0),
        exact(times.passMs),
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
        exact(times.passMs),
        exact(0),
        exact(times.passMs),
        exact(1),
        exact(cloudMs / times.passMs),
        null,
      ],
    },
  ];
  for (const variant of exitVariants) {
    const result = await bench.play({ pace: times, roundTripMs, draftLength, way: variant });
    const roundMs = meanEstimate(
      result.map(({ tokenMs, statistics }) => tokenMs[0]! * perRound(statistics[0]!)),
    );
    const hidden = cloudMs;
    const draftMs = {
      value: roundMs.value - hidden,
      low: roundMs.low - hidden,
      high: roundMs.high - hidden,
    };
    rows.push({
      keys: [variant],
      values: [
        draftMs,
        exact(times.passMs),
        exact(roundTripMs),
        roundMs,
        meanEstimate(result.map(({ statistics }) => perRound(statistics[0]!))),
        ratioEstimate(result.map(({ tokenMs }) => ({ part: cloudMs, whole: tokenMs[0]! }))),
        speedAgainst(result, base)[1]!,
      ],
    });
  }
  bench.note("the paper's times");
  return rows;
}

/** The first verdict ends the time to the first token. */
const perRound = ({ tokenCount, verdictCount }: { tokenCount: number; verdictCount: number }) =>
  (tokenCount - 1) / (verdictCount - 1);
