// Answers SLED's question: how many devices does one server carry, with drafts of its devices and
// without? One of the simulated targets costs what real passes did. arXiv 2506.09397.

import type { PassCost } from '../../src/math/pass-time.js';
import { quantile } from '../../src/math/statistics.js';
import { serverProfiles } from '../../src/sim/profiles/server-profiles.js';
import { type ServiceResult, speedOf } from '../../src/sim/service/serve.js';
import type { Experiment, ExperimentContext } from '../report/experiment.js';
import { figure, spanText } from '../report/figures.js';
import { type Measured, rowWhere } from '../report/text.js';
import { runAll, seedsOf } from './fixture.js';
import { runAdvice } from './sled/advice.js';
import {
  answerTokens,
  centralServing,
  type FleetRun,
  fleetOf,
  mixedFleet,
  type ServingName,
  seedCountOf,
  serveAll,
  servingNames,
  type Target,
} from './sled/fleet.js';
import { mixDevices, runMixes } from './sled/mix.js';
import { fitPasses, type PassFit } from './sled/pass-fit.js';
import { realFleet, runRealFleet } from './sled/real.js';

/** Tokens a second that nine of ten users must get, by the column of each. */
const rates = { at8: 8, at20: 20 };
const staticBatches: ServingName = 'SLED, static batches of 8';
const continuous: ServingName = 'SLED, continuous batches';
const rounds: ServingName = 'stop-and-wait, at most 4 drafted';

export const sledExperiment: Experiment = { id: 'sled', minutes: 5, run };

async function run(context: ExperimentContext): Promise<Measured> {
  const { models, isQuick, note, signal } = context;
  note('passes of the inflated target');
  const fit = await fitPasses(models.inflatedTarget(), isQuick ? 4 : 10, signal);
  const real = await runRealFleet(context, fit.cost);
  const targets = targetsOf(fit, isQuick);
  const [runs, mixes, advice] = await Promise.all([
    runFleets(context, targets),
    runMixes(context),
    runAdvice(context, targets.slice(0, 3)),
  ]);
  const [fleets, capacity] = [fleetRows(runs), capacityRows(runs, targets)];
  return {
    values: {
      ...fleetValues(
        fleets,
        capacity,
        targets.map(({ name }) => name),
      ),
      fit: fitValues(fit),
      mixDevices,
      advice: {
        ...{ places: advice.length, devices: Math.max(...advice.map(({ row }) => row.devices)) },
        advised: spanText(advice.map(({ advisedShare }) => advisedShare)),
        longest: spanText(advice.map(({ longestShare }) => longestShare)),
        race: spanText(advice.map(({ row }) => row.race.value)),
        deafRace: spanText(advice.map(({ row }) => row.deafRace.value)),
      },
      real: {
        ...{ ...realFleet, turnCount: real.turnCount },
        speeds: real.rows
          .map(
            ({ way, real: one, simulated }) =>
              `${way} ${figure(one.value)} (simulated ${figure(simulated.value)})`,
          )
          .join('; '),
      },
    },
    tables: { capacity, advice: advice.map(({ row }) => row), mixes, real: real.rows, fleets },
  };
}

const betweenPass: PassCost = { fixedMs: 30, tokenMs: 0, rowMs: 1, tokenContextMs: 0 };

function targetsOf(fit: PassFit, isQuick: boolean): Target[] {
  const large = isQuick ? [1, 8, 32] : [1, 2, 4, 8, 16, 32, 64, 128];
  const small = isQuick ? [1, 4] : [1, 2, 4, 8, 16];
  const { memory, compute } = serverProfiles;
  return [
    { name: memory.name, pass: memory.pass, deviceCounts: large },
    { name: 'between', pass: betweenPass, deviceCounts: large },
    { name: compute.name, pass: compute.pass, deviceCounts: small },
    { name: 'fitted to this processor', pass: fit.cost, deviceCounts: small },
  ];
}

function runFleets(
  { isQuick, seed, play, note }: ExperimentContext,
  targets: readonly Target[],
): Promise<FleetRun[]> {
  const devices = fleetOf(mixedFleet);
  const variants = targets.flatMap((target) =>
    target.deviceCounts.map((deviceCount) => ({ target, deviceCount })),
  );
  return runAll(variants, async ({ target: { name, pass }, deviceCount }) => {
    const seeds = seedsOf(seed, seedCountOf(deviceCount, isQuick));
    const fixture = { deviceCount, devices, pass, answerTokens, seeds };
    const served = await serveAll(play, fixture, servingNames);
    note(`${name}, devices ${deviceCount}`);
    return served;
  });
}

const fleetRows = (fleets: readonly FleetRun[]) =>
  fleets.flatMap(({ variant, result }) =>
    servingNames.map((way) => {
      const { tokensPerSecond, draftLength, passes, rows } = result[way];
      const speed = speedOf(result[way], result[centralServing]);
      return {
        ...{ server: variant.target.name, devices: variant.deviceCount, way },
        ...{ tokensPerSecond, speed, draftLength, passes, rows },
      };
    }),
  );

/** Nine of ten answers of a run are at least this fast. */
const slowRate = ({ answersMs }: ServiceResult): number => 1_000 / quantile(answersMs, 0.9);

const capacityRows = (fleets: readonly FleetRun[], targets: readonly Target[]) =>
  targets.flatMap((target) =>
    servingNames.map((way) => {
      const own = fleets.filter(({ variant }) => variant.target === target);
      /** The largest fleet in which nine of ten users get the rate; 0: none. */
      const at = (rate: number): number => {
        const enough = own.filter(({ result }) => slowRate(result[way]) >= rate);
        return Math.max(0, ...enough.map(({ variant }) => variant.deviceCount));
      };
      return { server: target.name, way, at8: at(rates.at8), at20: at(rates.at20) };
    }),
  );

function fleetValues(
  fleets: ReturnType<typeof fleetRows>,
  capacity: ReturnType<typeof capacityRows>,
  names: readonly string[],
) {
  /** Speeds of a user in units of central streaming, over all sizes of fleet. */
  const speeds = (server: string, way: ServingName): string =>
    spanText(
      fleets
        .filter((row) => row.server === server && row.way === way)
        .map(({ speed }) => speed.value),
    );
  const devices = (server: string, way: ServingName): number =>
    rowWhere(capacity, { server, way }).at8;
  const against = (way: ServingName): string =>
    names
      .map((name) => `${name} ${devices(name, way)} against ${devices(name, centralServing)}`)
      .join('; ');
  const [memory, , arithmetic, fitted] = names as [string, string, string, string];
  return {
    memory: {
      ...{ race: speeds(memory, 'race'), continuous: speeds(memory, continuous) },
      static: speeds(memory, staticBatches),
    },
    arithmetic: { race: speeds(arithmetic, 'race'), rounds: speeds(arithmetic, rounds) },
    fitted: { race: speeds(fitted, 'race'), rounds: speeds(fitted, rounds) },
    continuous: names.map((name) => `${name} ${speeds(name, continuous)}`).join('; '),
    capacity: { static: against(staticBatches), race: against('race') },
  };
}

const fitValues = ({ cost, passCount, errorShare }: PassFit) => ({
  passCount,
  error: figure(100 * errorShare),
  fixedMs: figure(cost.fixedMs),
  rowMs: figure(cost.tokenMs + cost.rowMs),
  contextMs: figure(1_000 * cost.tokenContextMs),
});
