// Measures what lengths and times of messages tell of a text that cannot be read, and what padding
// and aggregation leave of it at which price. arXiv 2411.01076.

import { type Estimate, meanEstimate, scaled } from '../../src/math/estimate.js';
import { quantile } from '../../src/math/statistics.js';
import type { Mode, TrafficShaping } from '../../src/protocol/frame.js';
import type { ServiceFigures } from '../../src/sim/index.js';
import type { Experiment, ExperimentContext } from '../report/experiment.js';
import { figure } from '../report/figures.js';
import { type Measured, rowWhere } from '../report/text.js';
import { combinations, pick } from './fixture.js';
import { ModelFixture } from './model-fixture.js';
import { attack, bitsLearnt, type Trace } from './side-channel/attack.js';

interface Variant {
  readonly mode: Mode;
  readonly shaping: TrafficShaping;
  readonly roundTripMs: number;
  readonly temperature: number;
}

interface Answer {
  readonly prompt: number;
  readonly figures: ServiceFigures;
}

const promptCount = 12;
const tokenCount = 40;
/** Answers to each prompt; of them one in so many is left out at a time. */
const turnCount = 10;
const quickTurnCount = 3;
const foldCount = 5;
const usual = { roundTripMs: 20, temperature: 0.3 } as const;
const times = { draftMs: 8, passMs: 30, jitterMs: 4, noise: 0.05 } as const;
/** Of the layers below, for each message: WebSocket, TLS, TCP, IP. */
const overheadBytes = 70;

const shaping = (padBytes: number, aggregateMs: number): TrafficShaping => ({
  padBytes,
  aggregateMs,
});
const [nothing, padded, both] = [shaping(0, 0), shaping(128, 0), shaping(128, 100)];

/** Variants that share their texts, group by group. */
const leaking: readonly Variant[] = [
  ...combinations({
    mode: ['race'] as const,
    shaping: [nothing, padded, shaping(0, 100), shaping(128, 50), both, shaping(128, 200)],
  }),
  ...combinations({
    mode: ['pipeline', 'stop-and-wait', 'stream'] as const,
    shaping: [nothing, padded, both],
  }),
].map((variant) => ({ ...usual, ...variant }));
const atTemperature = (temperature: number): Variant[] =>
  [nothing, both].map((one) => ({ ...usual, temperature, mode: 'race', shaping: one }));
const far: readonly Variant[] = combinations({
  roundTripMs: [5, 50, 100],
  mode: ['race', 'stop-and-wait', 'stream'] as const,
  shaping: [nothing, both],
}).map((variant) => ({ ...usual, ...variant }));

export const sideChannelExperiment: Experiment = { id: 'side-channel', minutes: 2, run };

async function run(context: ExperimentContext): Promise<Measured> {
  const fixture = new ModelFixture(context.models, promptCount, tokenCount);
  const turns = context.isQuick ? quickTurnCount : turnCount;
  try {
    const leaks = await runGroup(fixture, leaking, turns, context);
    const cold = await runGroup(fixture, atTemperature(0), turns, context);
    const warm = await runGroup(fixture, atTemperature(0.8), turns, context);
    const distant = await runGroup(fixture, far, 1, context);
    return measuredOf(leaks, [...cold, ...warm], distant);
  } finally {
    fixture.close();
  }
}

/** Answer by answer, all variants of one in turn: each row of the models is computed once. */
async function runGroup(
  fixture: ModelFixture,
  variants: readonly Variant[],
  turns: number,
  { seed, note, signal }: ExperimentContext,
) {
  const answers = variants.map((): Answer[] => []);
  for (let turn = 0; turn < turns * promptCount && !signal.aborted; turn++) {
    const answerSeed = seed * 1_000 * promptCount + turn;
    variants.forEach((variant, index) => {
      const figures = answerOf(fixture, variant, answerSeed);
      answers[index]!.push({ prompt: answerSeed % promptCount, figures });
    });
    if (turn % promptCount === promptCount - 1)
      note(`${variants.length} settings, ${turn + 1} answers`);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return variants.map((variant, index) => {
    const before = answers[variants.findIndex((other) => isUnshaped(other, variant))]!;
    return columnsOf(variant, answers[index]!, before, turns);
  });
}

function answerOf(fixture: ModelFixture, variant: Variant, seed: number): ServiceFigures {
  const { mode, shaping, roundTripMs, temperature } = variant;
  const link = { latencyMs: roundTripMs / 2, jitterMs: times.jitterMs, overheadBytes };
  return fixture.run(
    {
      scheme: temperature === 0 ? 'greedy' : 'coupled',
      law: temperature === 0 ? { temperature } : { temperature, topK: 40 },
      mode,
      shaping,
      isTapped: true,
      stopRule: { kind: 'adaptive', draftLengthMax: 8 },
      link: { ...link, upBytesPerMs: 1e4, downBytesPerMs: 1e4 },
      draftMs: times.draftMs,
      passMs: times.passMs,
      passNoise: times.noise,
      exit: null,
    },
    seed,
  );
}

/** The same, but not shaped. */
const isUnshaped = (other: Variant, { mode, roundTripMs }: Variant): boolean =>
  other.shaping === nothing && other.mode === mode && other.roundTripMs === roundTripMs;

/** Welcome, Pong, Opened. */
const openingDowns = 3;

/** What follows the greeting and the prompt: those tell the prompt's length by theirs. */
function traceOf({ prompt, figures: { seen } }: Answer): Trace {
  let downs = 0;
  const opened = seen.findIndex(
    ({ direction }) => direction === 'down' && ++downs === openingDowns,
  );
  return { prompt, seen: seen.slice(opened + 1) };
}

/** Milliseconds from asking to each token. */
function arrivalsOf({ figures: { firstTokenMs, gapMs } }: Answer): number[] {
  const arrivals = [firstTokenMs[0]!];
  for (const gap of gapMs) arrivals.push(arrivals.at(-1)! + gap);
  return arrivals;
}

/** @param before not shaped. @param turns answers to each prompt; one is too few to attack. */
function columnsOf(
  { mode, shaping, roundTripMs, temperature }: Variant,
  answers: readonly Answer[],
  before: readonly Answer[],
  turns: number,
) {
  const traces = answers.map(traceOf);
  const seen = traces.flatMap((trace) => trace.seen);
  const perToken = (count: number): number => count / (answers.length * tokenCount);
  const bytes = (wanted: 'up' | 'down'): number =>
    perToken(
      seen
        .filter(({ direction }) => direction === wanted)
        .reduce((sum, { byteCount }) => sum + byteCount, 0),
    );
  const [up, down, messages] = [bytes('up'), bytes('down'), perToken(seen.length)];
  const earlier = before.flatMap(arrivalsOf);
  const laterMs = answers.flatMap(arrivalsOf).map((atMs, index) => atMs - earlier[index]!);
  const share = turns > 1 ? attack(traces, Math.min(foldCount, turns)) : null;
  return {
    ...{ mode, pad: shaping.padBytes, aggregate: shaping.aggregateMs },
    ...{ roundTrip: roundTripMs, temperature, up, down, messages },
    tokenMs: meanEstimate(answers.map(({ figures }) => figures.tokenMs[0]!)),
    /** With the layers below. */
    bytes: up + down + messages * overheadBytes,
    later50: quantile(laterMs, 0.5),
    later95: quantile(laterMs, 0.95),
    right: share === null ? null : percentOf(share, answers.length),
    bits: share === null ? null : bitsLearnt(share, promptCount),
  };
}
type Columns = ReturnType<typeof columnsOf>;

function measuredOf(
  leaks: readonly Columns[],
  others: readonly Columns[],
  distant: readonly Columns[],
): Measured {
  const of = ({ padBytes, aggregateMs }: TrafficShaping): Columns =>
    rowWhere(leaks, { mode: 'race', pad: padBytes, aggregate: aggregateMs });
  const [open, withPad, withBoth] = [of(nothing), of(padded), of(both)];
  const inRace = [...others, ...leaks].filter(
    ({ mode, pad, aggregate }) =>
      mode === 'race' &&
      [nothing, both].some((one) => one.padBytes === pad && one.aggregateMs === aggregate),
  );
  const cost = ['roundTrip', 'mode', 'pad', 'aggregate', 'up', 'down', 'messages'] as const;
  return {
    values: {
      ...{ promptCount, tokenCount, turnCount, overheadBytes, guessed: figure(100 / promptCount) },
      ...{ ...usual, ...times, noise: 100 * times.noise },
      right: { open: open.right, padded: withPad.right, both: withBoth.right },
      slower: figure(withBoth.tokenMs.value / open.tokenMs.value),
    },
    tables: {
      leak: leaks.map((one) =>
        pick(one, 'mode', 'pad', 'aggregate', 'right', 'bits', 'tokenMs', 'bytes'),
      ),
      temperature: inRace
        .toSorted((a, b) => a.temperature - b.temperature)
        .map((one) => pick(one, 'temperature', 'pad', 'aggregate', 'right')),
      cost: [...leaks, ...distant]
        .toSorted((a, b) => a.roundTrip - b.roundTrip)
        .map((one) => pick(one, ...cost, 'tokenMs', 'later50', 'later95')),
    },
  };
}

/** Of a share of so many answers. Wald's interval would be none at 100 %: Wilson's. */
function percentOf(share: number, count: number): Estimate {
  const z = 1.96;
  const scale = 1 + z ** 2 / count;
  const middle = (share + z ** 2 / (2 * count)) / scale;
  const margin = (z / scale) * Math.sqrt((share * (1 - share)) / count + z ** 2 / (4 * count ** 2));
  const [low, high] = [Math.max(0, middle - margin), Math.min(1, middle + margin)];
  return scaled({ value: share, low, high }, 100);
}
