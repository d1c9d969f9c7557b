// Drives a robot that asks a vision-language model for its next action, and compares the ways to
// get the answer there: the example's control loop and the shipped cores in virtual time.

import { type Estimate, exact, meanEstimate, ratioEstimate } from '../../src/math/estimate.js';
import { mean, quantile } from '../../src/math/statistics.js';
import type { Experiment, ExperimentContext } from '../report/experiment.js';
import { figure } from '../report/figures.js';
import type { Cells, Measured } from '../report/text.js';
import { seedsOf } from './fixture.js';
import { type DriveResult, drive, dropOut, type ErrandResult } from './robot/drive.js';
import { paper, paperRounds, paperRows } from './robot/paper.js';
import { runRows } from './robot/picture.js';
import { usualPlace, type Way, ways } from './robot/place.js';

export const robotExperiment: Experiment = { id: 'robot', minutes: 5, run };

const roundTrips = [5, 20, 50, 120];
/** At which links are lost. */
const lossyTripMs = 20;
/** Errands one after another over one connection. */
const errandsInRow = 5;
/** Seen from above. */
const shownRuns = 3;

interface Driven {
  readonly way: Way;
  readonly roundTripMs: number;
  readonly hasDropOuts: boolean;
  readonly results: readonly DriveResult[];
}

async function run({ isQuick, seed, play, note }: ExperimentContext): Promise<Measured> {
  const groups = seedsOf(seed, isQuick ? 2 : 20);
  const places = [
    ...roundTrips.map((roundTripMs) => ({ roundTripMs, hasDropOuts: false })),
    { roundTripMs: lossyTripMs, hasDropOuts: true },
  ];
  const driven: Driven[] = [];
  for (const place of places) {
    note(`round trip of ${place.roundTripMs} ms${place.hasDropOuts ? ', with drop-outs' : ''}`);
    for (const way of ways) {
      const results = groups.map((group) => driveGroup(way, place, group));
      driven.push({ way, ...place, results });
      // Another message of the process may be waiting.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  note('times of a paper');
  const rows = await paperRows(play, seedsOf(seed, isQuick ? 1 : 5));
  const steady = driven.filter(({ hasDropOuts }) => !hasDropOuts);
  const lossy = driven.filter(({ hasDropOuts }) => hasDropOuts);
  const auto = lossy.find(({ way }) => way.name === 'auto')!;
  return {
    values: {
      ...{ place: usualPlace, errands: groups.length * errandsInRow, errandsInRow, paper },
      dropOut: {
        atSeconds: dropOut.atMs / 1_000,
        seconds: dropOut.forMs / 1_000,
        roundTripMs: lossyTripMs,
      },
      ...latencyValues(steady),
      lossy: {
        done: doneText(auto),
        touches: figure(mean(errandsOf(auto).map((one) => one.lateTouches))),
      },
      paperGains: paperValues(rows),
    },
    tables: {
      ways: steady.map((one) => ({ roundTripMs: one.roundTripMs, ...rowOf(one) })),
      'drop-outs': lossy.map((one) => ({
        ...rowOf(one),
        coasted: meanEstimate(errandsOf(one).map(({ coasted }) => coasted)),
        lateTouches: meanEstimate(errandsOf(one).map(({ lateTouches }) => lateTouches)),
      })),
      paper: rows,
      run: longestRuns(auto, groups),
    },
  };
}

/** Of those that have ended at the goal, among the first. */
function longestRuns({ results }: Driven, groups: readonly number[]): Cells[] {
  const runs = results.slice(0, 2).flatMap(({ errands }, group) => {
    const seeds = driveSeeds(groups[group]!);
    return errands.map((errand, index) => ({ errand, seed: seeds[index]! }));
  });
  return runs
    .filter(({ errand }) => errand.isDone)
    .sort((a, b) => b.errand.path.length - a.errand.path.length)
    .slice(0, shownRuns)
    .flatMap(({ errand, seed }, index) => runRows(errand, seed, index + 1));
}

/** Of rooms; no training has seen them. */
const driveSeeds = (group: number): number[] =>
  Array.from({ length: errandsInRow }, (_, index) => group * errandsInRow + index);

const driveGroup = (
  way: Way,
  place: { readonly roundTripMs: number; readonly hasDropOuts: boolean },
  group: number,
): DriveResult => drive(way, { ...usualPlace, ...place }, driveSeeds(group), group);

const errandsOf = ({ results }: Driven): ErrandResult[] =>
  results.flatMap(({ errands }) => errands);

const percent = ({ value, low, high }: Estimate): Estimate => ({
  value: 100 * value,
  low: 100 * low,
  high: 100 * high,
});

function doneOf(driven: Driven): Estimate {
  const errands = errandsOf(driven);
  return percent(ratioEstimate(errands.map(({ isDone }) => ({ part: Number(isDone), whole: 1 }))));
}

const doneText = (driven: Driven): string => `${doneOf(driven).value.toFixed(0)} %`;

function rowOf(driven: Driven): Cells {
  const errands = errandsOf(driven);
  const done = errands.filter(({ isDone }) => isDone);
  const latencies = errands.flatMap(({ latencyMs }) => latencyMs);
  const of = (share: number): Estimate | null =>
    latencies.length === 0 ? null : exact(quantile(latencies, share));
  return {
    way: driven.way.name,
    done: doneOf(driven),
    seconds: done.length === 0 ? null : meanEstimate(done.map(({ ms }) => ms / 1_000)),
    mean: latencies.length === 0 ? null : meanEstimate(latencies),
    p50: of(0.5),
    p95: of(0.95),
    missed: percent(
      ratioEstimate(errands.map(({ missed, asked }) => ({ part: missed, whole: asked }))),
    ),
    stood: stoodOf(driven),
  };
}

/** Share of the device's drafts that stood; null: it has tested none. */
function stoodOf({ results }: Driven): Estimate | null {
  const statistics = results.flatMap((one) => one.statistics);
  const tested = statistics.reduce((sum, one) => sum + one.testedCount, 0);
  const accepted = statistics.reduce((sum, one) => sum + one.acceptedCount, 0);
  return tested === 0 ? null : exact((100 * accepted) / tested);
}

const meanLatency = (driven: Driven): number => {
  const latencies = errandsOf(driven).flatMap(({ latencyMs }) => latencyMs);
  return latencies.length === 0 ? Infinity : mean(latencies);
};

/** Auto beside the best of the others at each round trip. */
function latencyValues(steady: readonly Driven[]) {
  const at = roundTrips.map((roundTripMs) => {
    const here = steady.filter((one) => one.roundTripMs === roundTripMs && !one.way.isAlone);
    const of = (name: string): number => meanLatency(here.find(({ way }) => way.name === name)!);
    const others = here.filter(({ way }) => !way.name.startsWith('auto')).map(meanLatency);
    return { auto: of('auto'), plain: of('auto without look-up'), best: Math.min(...others) };
  });
  const span = (values: readonly number[]): string =>
    `${figure(Math.min(...values))} to ${figure(Math.max(...values))}`;
  const list = (values: readonly number[]): string =>
    values.map((one) => one.toFixed(0)).join(', ');
  const alone = steady.filter(({ way }) => way.isAlone);
  return {
    roundTrips: roundTrips.join(', '),
    latency: { auto: list(at.map(({ auto }) => auto)), best: list(at.map(({ best }) => best)) },
    ofBest: span(at.map(({ auto, best }) => auto / best)),
    plainOfBest: span(at.map(({ plain, best }) => plain / best)),
    aloneDone: doneText(alone[0]!),
  };
}

function paperValues(rows: readonly Cells[]) {
  const of = (reading: string, way: string, column: string): string => {
    const row = rows.find((one) => one['reading'] === reading && one['way'] === way)!;
    return figure((row[column] as Estimate).value);
  };
  return {
    roundsOfStreaming: of('a round trip a token', paperRounds, 'ofStreaming'),
    autoOfStreaming: of('a round trip a token', 'auto', 'ofStreaming'),
    autoOfPaper: of('a round trip a token', 'auto', 'ofPaper'),
    autoIfStreamed: of('streaming', 'auto', 'ofStreaming'),
  };
}
