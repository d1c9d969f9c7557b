// SLED's question on this system: how many devices does one server carry, with drafts of its devices and without?
// arXiv 2506.09397. Fleets are simulated with the shipped cores; one of the servers costs what passes of a real engine did.

import type { PassCost } from '../../math/pass-time.js';
import { median } from '../../math/statistics.js';
import { divergenceFor, type ServiceDevice } from '../../sim/index.js';
import { deviceProfiles, draftMsOf } from '../profiles/device-profiles.js';
import { linkProfiles } from '../profiles/link-profiles.js';
import { serverProfiles } from '../profiles/server-profiles.js';
import type { Experiment, ExperimentContext } from '../report/experiment.js';
import { fitPasses, type PassFit } from './pass-fit.js';
import { sledFindings } from './sled-findings.js';
import { playRealFleet } from './sled-real.js';
import {
  linkModelOf,
  race,
  type Served,
  type Serving,
  serve,
  sled,
  stopAndWait,
  stream,
} from './virtual-service.js';

/** Weights of the draft that every device runs; what each takes for a token of it is calculated. */
const draftMillions = 135;
const acceptance = 0.7;
const batchMax = 8;
const batchWaitMs = 50;

/** Ways to serve, the first is the baseline. */
export const sledWays = {
  'central, streaming': () => stream,
  'SLED, static batches of 8': (deviceCount) =>
    sled({ count: Math.min(batchMax, deviceCount), waitMs: batchWaitMs }),
  'SLED, continuous batches': () => sled(null),
  'stop-and-wait, at most 4 drafted': () => stopAndWait(4),
  race: () => race,
} as const satisfies Record<string, (deviceCount: number) => Serving>;
export type SledWay = keyof typeof sledWays;

export interface SledServer {
  readonly name: string;
  readonly pass: PassCost;
  readonly deviceCounts: readonly number[];
}

export interface SledCell {
  readonly server: string;
  readonly deviceCount: number;
  readonly served: Readonly<Record<SledWay, Served>>;
}

export const sledExperiment: Experiment = {
  id: 'sled',
  title: 'How many devices one server carries',
  question:
    'What do drafts of the devices do for the throughput of one server, and for the number of devices that get their tokens in time?',
  minutes: 6,
  run: async (context) => {
    const { models, isQuick, note, signal } = context;
    note('measuring passes of the inflated target');
    const target = models.inflatedTarget();
    const fit = await fitPasses(target, isQuick ? 4 : 10, signal);
    const turns = isQuick ? 3 : 5;
    const points = await playRealFleet(target, models.draft(), turns, fit, { note, signal });
    return sledFindings(await playFleets(context, fit), points, fit);
  },
};

function serversOf(fit: PassFit, isQuick: boolean): SledServer[] {
  const large = isQuick ? [1, 8, 32] : [1, 2, 4, 8, 16, 32, 64, 128];
  const small = isQuick ? [1, 4] : [1, 2, 4, 8, 16];
  const { memory, compute } = serverProfiles;
  return [
    { name: memory.name, pass: memory.pass, deviceCounts: large },
    {
      name: 'between',
      pass: { fixedMs: 30, tokenMs: 0, rowMs: 1, tokenContextMs: 0 },
      deviceCounts: large,
    },
    { name: compute.name, pass: compute.pass, deviceCounts: small },
    { name: 'fitted to this processor', pass: fit.cost, deviceCounts: small },
  ];
}

/** A third each of boards, accelerators and phones, on Wi-Fi. */
function fleetOf(): ServiceDevice[] {
  const divergence = divergenceFor(acceptance);
  const link = linkModelOf(linkProfiles.wifi);
  return (['pi-5', 'orin-nano', 'phone'] as const).map((name) => ({
    name,
    share: 1,
    draftMs: draftMsOf(deviceProfiles[name], draftMillions),
    divergence,
    link,
  }));
}

async function playFleets(
  { isQuick, seed, note, signal }: ExperimentContext,
  fit: PassFit,
): Promise<SledCell[]> {
  const devices = fleetOf();
  const cells: SledCell[] = [];
  for (const { name, pass, deviceCounts } of serversOf(fit, isQuick)) {
    for (const deviceCount of deviceCounts) {
      if (signal.aborted) break;
      const seedCount = Math.max(1, Math.min(isQuick ? 2 : 6, Math.floor(24 / deviceCount)));
      const seeds = Array.from({ length: seedCount }, (_, index) => seed * 1_000 + index);
      const bed = { deviceCount, devices, pass, answerTokens: 96, seeds };
      const served = Object.fromEntries(
        Object.entries(sledWays).map(([way, servingOf]) => [
          way,
          serve(bed, servingOf(deviceCount)),
        ]),
      ) as Record<SledWay, Served>;
      cells.push({ server: name, deviceCount, served });
      note(`${name}, devices ${deviceCount}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return cells;
}

/** Half of the users get at least so many tokens a second. */
export const medianRate = ({ answersMs }: Served): number => 1_000 / median(answersMs);
