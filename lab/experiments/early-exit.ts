// Measures what drafting before the verdict gains: own continuation, branches, hints of an early
// exit, all of them, and the bound of any exit. arXiv 2505.21594.

import { storyPrompts } from '../../src/cli/demo/openings.js';
import { type Estimate, exact, meanEstimate, ratioEstimate } from '../../src/math/estimate.js';
import type { ServiceFigures } from '../../src/sim/index.js';
import { inTurn } from '../paired.js';
import type { Experiment, ExperimentContext } from '../report/experiment.js';
import { type Measured, rowWhere } from '../report/text.js';
import { exitLayers } from '../weights/bench-models.js';
import { runSockets } from './early-exit/sockets.js';
import { columnsOf } from './early-exit/values.js';
import { type AheadKind, aheadKinds, runVariant, type Variant } from './early-exit/variant.js';
import { combinations, pick, shifted } from './fixture.js';
import { ModelFixture } from './model-fixture.js';

const modes = ['stop-and-wait', 'pipeline', 'race'] as const;
/** rowShare: a further branch of four, of a pass; see `engine --part ahead`. */
export const pace = { draftMs: 8, passMs: 30, rowShare: 0.25 };
/** Where only one thing is changed. */
export const usual = { roundTripMs: 20, draftLength: 4, layer: 4 } as const;
export const usualBudget = { tokensMax: 24, chanceMin: 0.01 };
/** Table 5 of the paper: a Jetson, 4 drafts in 301 ms, 522 ms to verify, 96 ms on the link. */
const paper = {
  pace: { draftMs: 75.25, passMs: 522, rowShare: 0.25 },
  roundTripMs: 96,
  draftLength: 4,
};

export const earlyExitExperiment: Experiment = { id: 'early-exit', minutes: 5, run };

async function run(context: ExperimentContext): Promise<Measured> {
  const { isQuick } = context;
  const fixture = new ModelFixture(context.models, storyPrompts.length, isQuick ? 32 : 40);
  try {
    const bench = new Bench(context, fixture);
    const ways = await kindRows(bench);
    const layers = await layerRows(bench);
    const shares = await rowShareRows(bench);
    const budgets = await budgetRows(bench);
    const times = await paperRows(bench);
    // Real passes over real sockets: one cell with enough texts to decide, not many that do not.
    const size = isQuick ? { textCount: 2, tokenCount: 12 } : { textCount: 12, tokenCount: 18 };
    const where = { ...usual, ...pace, budget: usualBudget, roundTripsMs: [20] };
    const { rows: sockets, isSameText } = await runSockets(context, { ...where, ...size });
    return {
      values: {
        sameness: bench.isSameText && isSameText ? 'are the same' : 'ARE NOT THE SAME',
        ...gainsOf(ways),
        byShare: shareGains(shares),
        sockets: socketGains(sockets),
        paper: paperValues(times),
      },
      tables: {
        ...{ sockets, ways, layers, budgets, paper: times, speeds: speedRows(ways) },
        'usual-length': ways
          .filter(({ scheme, draftLength }) => scheme === 'coupled' && draftLength === 4)
          .map(({ scheme: _, ...row }) => row),
        'row-shares': shares,
      },
    };
  } finally {
    fixture.close();
  }
}

type Answers = readonly ServiceFigures[];

/** Runs each variant once, and watches that the texts of a scheme are the same. */
class Bench {
  readonly roundTripsMs: readonly number[];
  readonly #context: ExperimentContext;
  readonly #fixture: ModelFixture;
  readonly #known = new Map<string, Answers>();
  readonly #textOf = new Map<Variant['scheme'], string>();
  isSameText = true;

  constructor(context: ExperimentContext, fixture: ModelFixture) {
    this.roundTripsMs = context.isQuick ? [20] : [0, 20, 50, 100];
    this.#context = context;
    this.#fixture = fixture;
  }

  /** @param changes of the usual variant. */
  async run(changes: Partial<Variant>): Promise<Answers> {
    const variant: Variant = {
      ...{ pace, ...usual, budget: usualBudget, scheme: 'coupled', mode: 'stop-and-wait' },
      ...{ ahead: 'all', exit: this.exit(usual.layer) },
      ...changes,
    };
    const { isQuick, seed, signal } = this.#context;
    const name = JSON.stringify(variant);
    const known = this.#known.get(name);
    // Stopped: nothing more is run; the result is thrown away.
    if (known !== undefined || signal.aborted) return known ?? [...this.#known.values()][0]!;
    // Signals wait for the event loop.
    await new Promise((resolve) => setImmediate(resolve));
    const answers = runVariant(this.#fixture, variant, { count: isQuick ? 2 : 8, seed });
    const text = JSON.stringify(answers.map(({ texts }) => texts));
    this.isSameText &&= text === (this.#textOf.get(variant.scheme) ?? text);
    this.#textOf.set(variant.scheme, text);
    this.#known.set(name, answers);
    return answers;
  }

  /** Columns of a variant. @param base Default: the first of its mode. */
  async columns(
    changes: Partial<Variant> & Pick<Variant, 'mode'>,
    base: AheadKind = changes.mode === 'stop-and-wait' ? 'none' : 'own',
  ) {
    const { budget: _, exit: __, pace: ___, ...cell } = changes;
    const first = await this.run({ ...cell, ahead: base });
    return columnsOf(await this.run(changes), first, changes.pace ?? pace);
  }

  exit(layer: number): { readonly headPath: string } {
    return { headPath: this.#context.models.exit(layer) };
  }
}

/** Of greedy as much as shows whether it differs. */
const kindsOf = { coupled: aheadKinds, greedy: ['none', 'own', 'all', 'oracle'] } as const;

function kindRows(bench: Bench) {
  const { roundTripsMs } = bench;
  const { draftLength: usualLength, roundTripMs: usualTrip } = usual;
  const coupled = { scheme: ['coupled'] as const, draftLength: [2, 4, 8] };
  const greedy = { scheme: ['greedy'] as const, draftLength: [usualLength] };
  const cells = [coupled, greedy].flatMap(({ scheme, draftLength }) =>
    combinations({ scheme, mode: modes, draftLength, roundTripMs: roundTripsMs }),
  );
  const variants = cells
    // A draft length is of a round; in pipeline and race, which have none, of a branch: there only
    // at the usual round trip.
    .filter(
      ({ mode, draftLength, roundTripMs }) =>
        mode === 'stop-and-wait' || draftLength === usualLength || roundTripMs === usualTrip,
    )
    .flatMap((cell) => kindsOf[cell.scheme].map((ahead) => ({ ...cell, ahead })))
    // Without a pause for verdicts there is nothing but drafting ahead.
    .filter(({ mode, ahead }) => mode === 'stop-and-wait' || ahead !== 'none');
  return inTurn(variants, async ({ ahead, ...cell }) => {
    const columns = await bench.columns({ ...cell, ahead });
    const names = ['tokenMs', 'speed', 'runnerUpHits', 'hintHits', ...effort] as const;
    return { ...cell, way: ahead, ...pick(columns, ...names) };
  });
}

const effort = ['drafted', 'wasted', 'energy'] as const;
type KindRow = Awaited<ReturnType<typeof kindRows>>[number];

/** A row for each cell, with the speed of each kind but none. */
function speedRows(rows: readonly KindRow[]) {
  const cells = new Map<string, Record<string, string | number | Estimate | null>>();
  for (const { scheme, mode, draftLength, roundTripMs, way, speed } of rows) {
    const cell = { scheme, mode, draftLength, roundTripMs };
    const none = Object.fromEntries(aheadKinds.slice(1).map((kind) => [kind, null]));
    const known = cells.get(JSON.stringify(cell)) ?? { ...cell, ...none };
    if (way !== 'none') known[way] = speed;
    cells.set(JSON.stringify(cell), known);
  }
  return [...cells.values()];
}

const layerRows = (bench: Bench) =>
  inTurn(
    combinations({ mode: modes, layer: exitLayers, ahead: ['hints', 'all'] as const }),
    async ({ mode, layer, ahead }) => {
      const columns = await bench.columns({ mode, ahead, exit: bench.exit(layer) });
      return { mode, layer, way: ahead, ...pick(columns, 'speed', 'right', 'leadMs', 'hintHits') };
    },
  );

/** Side by side, by what a row costs; the device finds out whether that pays. */
const rowShareRows = (bench: Bench) =>
  inTurn(
    combinations({
      mode: modes,
      roundTripMs: bench.roundTripsMs,
      // Nothing, up to a pass, where side by side gains nothing.
      rowShare: [0, 0.1, 0.25, 0.5, 1],
    }),
    async ({ rowShare, ...where }) => {
      const columns = await bench.columns({ ...where, pace: { ...pace, rowShare } });
      const names = ['speed', 'width', 'runnerUpHits', 'hintHits', ...effort] as const;
      return { ...where, rowShare, ...pick(columns, ...names) };
    },
  );

const budgetRows = (bench: Bench) =>
  inTurn(
    combinations({
      mode: ['stop-and-wait', 'pipeline'] as const,
      tokensMax: [8, 24, 48],
      chanceMin: [0.005, 0.01, 0.02, 0.1],
    }),
    async ({ mode, ...budget }) => {
      const variant = { mode, roundTripMs: 50, ahead: 'branches', budget } as const;
      const columns = await bench.columns(variant, 'own');
      return { mode, ...budget, ...pick(columns, 'speed', 'runnerUpHits', ...effort) };
    },
  );

/** Rounds of the paper's times; what is left of drafting is what was not done ahead. */
async function paperRows(bench: Bench) {
  const { passMs: verifyMs } = paper.pace;
  const linkMs = paper.roundTripMs;
  const cloudMs = verifyMs + linkMs;
  const cloud = { draftMs: exact(0), verifyMs, tokens: exact(1), speed: null };
  const devices = await inTurn(aheadKinds, async (way) => {
    const answers = await bench.run({ ...paper, ahead: way });
    const { speed } = columnsOf(answers, await bench.run({ ...paper, ahead: 'none' }), paper.pace);
    const rounds = answers.map(({ tokenMs, statistics }) => {
      const { tokenCount, verdictCount } = statistics[0]!;
      // The first verdict ends the time to the first token.
      const tokens = (tokenCount - 1) / (verdictCount - 1);
      return { tokens, ms: tokenMs[0]! * tokens };
    });
    const roundMs = meanEstimate(rounds.map(({ ms }) => ms));
    return {
      ...{ way, draftMs: shifted(roundMs, -cloudMs), verifyMs, linkMs, roundMs, speed },
      tokens: meanEstimate(rounds.map(({ tokens }) => tokens)),
      speedOfCloud: ratioEstimate(
        answers.map(({ tokenMs }) => ({ part: cloudMs, whole: tokenMs[0]! })),
      ),
    };
  });
  return [
    {
      ...{ ...cloud, way: 'cloud, a round trip for each token', linkMs },
      ...{ roundMs: exact(cloudMs), speedOfCloud: exact(1) },
    },
    {
      ...{ ...cloud, way: 'cloud, streaming', linkMs: 0 },
      ...{ roundMs: exact(verifyMs), speedOfCloud: exact(cloudMs / verifyMs) },
    },
    ...devices,
  ];
}

/** Percent above 1. */
const percent = (speed: number): string => (100 * (speed - 1)).toFixed(1);

function gainsOf(rows: readonly KindRow[]) {
  const gain = (mode: KindRow['mode'], way: AheadKind, scheme: KindRow['scheme'] = 'coupled') => {
    const { draftLength, roundTripMs } = usual;
    return percent(rowWhere(rows, { scheme, mode, draftLength, roundTripMs, way }).speed.value);
  };
  const wait = (way: AheadKind): string => gain('stop-and-wait', way);
  return {
    wait: {
      ...{ own: wait('own'), branches: wait('branches'), hints: wait('hints') },
      ...{ all: wait('all'), oracle: wait('oracle') },
    },
    greedy: {
      wait: gain('stop-and-wait', 'all', 'greedy'),
      pipeline: gain('pipeline', 'all', 'greedy'),
    },
    pipeline: gain('pipeline', 'all'),
    race: { all: gain('race', 'all'), oracle: gain('race', 'oracle') },
  };
}

function shareGains(rows: Awaited<ReturnType<typeof rowShareRows>>) {
  const gains = (mode: KindRow['mode']): string =>
    [0, 0.25, 1]
      .map((rowShare) => rowWhere(rows, { mode, roundTripMs: usual.roundTripMs, rowShare }))
      .map(({ speed }) => percent(speed.value))
      .join(', ');
  return { wait: gains('stop-and-wait'), pipeline: gains('pipeline') };
}

/** By mode, the interval: few texts on a machine that does other things. */
function socketGains(rows: Awaited<ReturnType<typeof runSockets>>['rows']) {
  const gain = (mode: KindRow['mode']): string => {
    const { low, high } = rowWhere(rows, { mode, roundTripMs: 20, way: 'all' }).speed;
    return [low, high].map(percent).join(' to ');
  };
  return { wait: gain('stop-and-wait'), pipeline: gain('pipeline'), race: gain('race') };
}

function paperValues(rows: Awaited<ReturnType<typeof paperRows>>) {
  const both = (way: string) => {
    const speed = rowWhere(rows, { way }).speed!;
    return { gain: percent(speed.value), speed };
  };
  const cloud = rowWhere(rows, { way: 'none' }).speedOfCloud;
  return { cloud, own: both('own'), hints: both('hints'), all: both('all') };
}
