// Measures how mode auto does beside every fixed way to serve, at places drawn from a grid of
// links, devices and servers: the shipped cores in virtual time.

import type { TokenSource } from '../../src/device/core/token.js';
import { exact } from '../../src/math/estimate.js';
import { mean } from '../../src/math/statistics.js';
import type { Experiment, ExperimentContext } from '../report/experiment.js';
import { figure } from '../report/figures.js';
import type { Cells, Measured } from '../report/text.js';
import { capacityOf, capacityPlace, userRate } from './auto/capacity.js';
import { drawPlaces, gridPlace, gridPlaces, stepRowShare } from './auto/places.js';
import { compareAt, type PlaceResult } from './auto/run-off.js';
import { combinations, runAll } from './fixture.js';

export const autoExperiment: Experiment = { id: 'auto', minutes: 12, run };

async function run({ isQuick, seed, play, note }: ExperimentContext): Promise<Measured> {
  const places = drawPlaces(isQuick ? 6 : 72, seed);
  let count = 0;
  const runs = await runAll(places, async (place) => {
    const compared = await compareAt(play, place, seed);
    if (++count % 10 === 0) note(`${count} of ${places.length} places`);
    return compared;
  });
  const results = runs.map(({ result }) => result);
  note('the grid of the map');
  const grid = await runAll(gridPlaces(isQuick), (place) => compareAt(play, place, seed));
  note('users of one server');
  const servers = combinations({ rowMs: isQuick ? [6] : [2, 6], stepMs: [3, 6] });
  const capacity = await Promise.all(servers.map((server) => capacityOf(play, server, seed)));
  const gains = capacity.map(({ auto, coLocated }) => auto / coLocated);
  const ofBest = results.map((one) => one.ofBest);
  const raced = results.filter(({ raceMessages }) => raceMessages !== null);
  return {
    values: {
      ...{
        places: places.length,
        userRate,
        stepRowShare,
        place: capacityPlace,
        grid: { draftMs: gridPlace.draftMs },
      },
      share: {
        most: percent(shareFrom(ofBest, 0.98)),
        above: percent(shareFrom(ofBest, 1.05)),
        low: percent(shareFrom(ofBest, 0.95)),
      },
      worst: figure(Math.min(...ofBest)),
      median: figure(ofBest.toSorted((a, b) => a - b)[ofBest.length >> 1]!),
      worstStream: figure(Math.min(...results.map((one) => one.ofStream))),
      messages: {
        auto: figure(mean(raced.map(messagesOf))),
        race: figure(mean(raced.map(({ raceMessages }) => raceMessages!))),
      },
      gain: `${figure(Math.min(...gains))} to ${figure(Math.max(...gains))}`,
    },
    tables: {
      shares: shareRows(results),
      map: mapRows(results),
      grid: grid.map(({ result }) => gridRow(result)),
      capacity: capacity.map((row) => ({
        ...{ rowMs: row.rowMs, stepMs: row.stepMs },
        streaming: exact(row.streaming),
        coLocated: exact(row.coLocated),
        draftLength: exact(row.draftLength),
        auto: exact(row.auto),
        gain: exact(row.auto / row.coLocated),
      })),
    },
  };
}

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
const shareFrom = (values: readonly number[], least: number): number =>
  values.filter((value) => value >= least).length / values.length;
const messagesOf = ({ auto }: PlaceResult): number => mean(auto.map((one) => one.upMessages));

/** Parts of the sample, by what the server has and who uses it. */
function groupsOf(results: readonly PlaceResult[]): [string, PlaceResult[]][] {
  const groups: [string, (one: PlaceResult) => boolean][] = [
    ['all', () => true],
    ['no draft model on the server', ({ place }) => place.stepMs === null],
    ['a draft model on the server', ({ place }) => place.stepMs !== null],
    ['one device', ({ place }) => place.devices === 1],
    ['several devices', ({ place }) => place.devices > 1],
    ['rows cost nothing', ({ place }) => place.rowShare === 0],
    ['a row costs 0.15 of a pass', ({ place }) => place.rowShare > 0],
  ];
  return groups
    .map(([name, isIn]): [string, PlaceResult[]] => [name, results.filter(isIn)])
    .filter(([, members]) => members.length > 0);
}

function shareRows(results: readonly PlaceResult[]): Cells[] {
  return groupsOf(results).map(([places, members]) => {
    const ofBest = members.map((one) => one.ofBest);
    return {
      places,
      count: exact(members.length),
      mean: exact(mean(ofBest)),
      most: exact(100 * shareFrom(ofBest, 0.98)),
      above: exact(100 * shareFrom(ofBest, 1.05)),
      worst: exact(Math.min(...ofBest)),
      stream: exact(Math.min(...members.map((one) => one.ofStream))),
    };
  });
}

/** Where auto wins, and what it does there, by the kind of the best fixed way. */
function mapRows(results: readonly PlaceResult[]): Cells[] {
  const kindOf = ({ best }: PlaceResult): string => best.replace(/ \d+$/, '');
  return [...new Set(results.map(kindOf))].sort().map((kind) => {
    const members = results.filter((one) => kindOf(one) === kind);
    const of = (source: TokenSource): number =>
      mean(members.map((one) => sourceShare(one, source)));
    return {
      best: kind,
      count: exact(members.length),
      ofBest: exact(mean(members.map((one) => one.ofBest))),
      ofStream: exact(mean(members.map((one) => one.ofStream))),
      device: exact(100 * of('device')),
      model: exact(100 * of('model')),
      target: exact(100 * of('target')),
      idle: exact(100 * mean(members.map(idleShare))),
      messages: exact(mean(members.map(messagesOf))),
    };
  });
}

function gridRow(one: PlaceResult): Cells {
  const { roundTripMs, acceptance, passMs, stepMs } = one.place;
  const [device, model] = [sourceShare(one, 'device'), sourceShare(one, 'model')];
  return {
    ...{ roundTripMs, acceptance, passMs, best: one.best },
    server: stepMs === null ? 'no draft model' : `drafts of ${stepMs} ms`,
    source: Math.max(device, model) < 0.1 ? 'target' : device >= model ? 'device' : 'server',
    device: exact(100 * device),
    model: exact(100 * model),
    ofBest: exact(one.ofBest),
    ofStream: exact(one.ofStream),
  };
}

/** Of the tokens of an answer. */
function sourceShare({ auto }: PlaceResult, source: TokenSource): number {
  const statistics = auto.flatMap((one) => one.statistics);
  const shares = statistics.map(({ sources, tokenCount }) => sources[source] / tokenCount);
  return mean(shares);
}

/** Of the time: it holds, or its draft model drafts. */
const idleShare = ({ auto }: PlaceResult): number => 1 - mean(auto.map((one) => one.busyShare));
