// SLED's question on this system: how many devices does one server carry, with drafts of its devices and without?
// arXiv 2506.09397. Fleets are simulated with the shipped cores; one of the servers costs what passes of a real engine did.

import type { PassCost } from '../../src/math/pass-time.js';
import { serverProfiles } from '../../src/sim/profiles/server-profiles.js';
import { type ServiceResult, serve } from '../../src/sim/service/serve.js';
import type { Experiment, ExperimentContext } from '../report/experiment.js';
import { fitPasses, type PassFit } from './pass-fit.js';
import { playAdvice } from './sled/advice.js';
import { sledFindings } from './sled/findings.js';
import {
  answerTokens,
  fleetOf,
  mixedFleet,
  type ResultByVariant,
  type SledVariant,
  sledSeeds,
  sledVariantNames,
  sledVariants,
} from './sled/fleet.js';
import { playMixes } from './sled/mix.js';
import { playRealFleet } from './sled/real.js';

export interface SledServer {
  readonly name: string;
  readonly pass: PassCost;
  readonly deviceCounts: readonly number[];
}

export interface SledCell {
  readonly server: string;
  readonly deviceCount: number;
  readonly served: ResultByVariant;
}

export const sledExperiment: Experiment = {
  id: 'sled',
  title: 'How many devices one server carries',
  question:
    'What do drafts of the devices do for the throughput of one server, and for the number of devices that get their tokens in time?',
  minutes: 5,
  run: async (context) => {
    const { models, isQuick, note, signal } = context;
    note('passes of the inflated target');
    const fit = await fitPasses(models.inflatedTarget(), isQuick ? 4 : 10, signal);
    const points = await playRealFleet(context, fit);
    const servers = serversOf(fit, isQuick);
    const [cells, mixes, advice] = await Promise.all([
      playFleets(context, servers),
      playMixes(context),
      playAdvice(context, servers.slice(0, 3)),
    ]);
    return sledFindings({ cells, mixes, advice, points, fit });
  },
};

export const betweenPass: PassCost = { fixedMs: 30, tokenMs: 0, rowMs: 1, tokenContextMs: 0 };

function serversOf(fit: PassFit, isQuick: boolean): SledServer[] {
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

function playFleets(
  { isQuick, seed, play, note }: ExperimentContext,
  servers: readonly SledServer[],
): Promise<SledCell[]> {
  const devices = fleetOf(mixedFleet);
  const playCell = async ({ name, pass }: SledServer, deviceCount: number): Promise<SledCell> => {
    const seeds = sledSeeds(deviceCount, isQuick, seed);
    const fixture = { deviceCount, devices, pass, answerTokens, seeds };
    const served = await Promise.all(
      sledVariantNames.map(
        async (variant): Promise<[SledVariant, ServiceResult]> => [
          variant,
          await serve(play, fixture, sledVariants[variant](deviceCount)),
        ],
      ),
    );
    note(`${name}, devices ${deviceCount}`);
    return { server: name, deviceCount, served: Object.fromEntries(served) as ResultByVariant };
  };
  return Promise.all(
    servers.flatMap((server) => server.deviceCounts.map((count) => playCell(server, count))),
  );
}
