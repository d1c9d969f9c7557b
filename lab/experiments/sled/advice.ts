// Finds where speculation stops paying as a server fills up, and whether its advice finds the
// place: the best fixed length of deaf devices, beside devices that hear.

import {
  race,
  type ServiceResult,
  type Serving,
  serve,
  speedOf,
  stopAndWait,
  stream,
} from '../../../src/sim/service/serve.js';
import type { ExperimentContext } from '../../report/experiment.js';
import { seedsOf } from '../fixture.js';
import { answerTokens, fleetOf, mixedFleet, type Target } from './fleet.js';

const deviceCounts = [1, 4, 16, 64];
const draftLengths = [1, 2, 4, 8];

/** As shipped: the device weighs pace, link and luck, the server advises. */
const adaptive: Serving = { ...stopAndWait(8), stopRule: { kind: 'adaptive', draftLengthMax: 8 } };

/** Devices that follow the advice on draft lengths and ones that do not, on each target. */
export function runAdvice(context: ExperimentContext, targets: readonly Target[]) {
  return Promise.all(
    targets.flatMap((target) => {
      const most = context.isQuick ? 4 : Math.max(...target.deviceCounts);
      const counts = deviceCounts.filter((count) => count <= most);
      return counts.map((count) => runPlace(context, target, count));
    }),
  );
}

async function runPlace(
  { isQuick, seed, play, note }: ExperimentContext,
  { name, pass }: Target,
  deviceCount: number,
) {
  const seeds = seedsOf(seed, deviceCount >= 16 || isQuick ? 2 : 6);
  const hearing = { deviceCount, devices: fleetOf(mixedFleet), pass, answerTokens, seeds };
  const deaf = { ...hearing, devices: fleetOf(mixedFleet, { ignoresAdvice: true }) };
  const [fixed, streamed, advised, raced, deafRace] = await Promise.all([
    Promise.all(draftLengths.map((length) => serve(play, deaf, stopAndWait(length)))),
    serve(play, hearing, stream),
    serve(play, hearing, adaptive),
    serve(play, hearing, race),
    serve(play, deaf, race),
  ]);
  note(`advice, ${name}, devices ${deviceCount}`);
  const best = fixed.reduce((a, b) => (a.tokenMs.value <= b.tokenMs.value ? a : b));
  const longest = fixed.at(-1)!;
  const speed = (served: ServiceResult) => speedOf(served, streamed);
  return {
    row: {
      ...{ server: name, devices: deviceCount, best: draftLengths[fixed.indexOf(best)]! },
      ...{ fixed: speed(best), longest: speed(longest), advised: speed(advised) },
      ...{ advisedLength: advised.draftLength, deafRace: speed(deafRace), race: speed(raced) },
    },
    /** Of the best fixed length. */
    advisedShare: best.tokenMs.value / advised.tokenMs.value,
    longestShare: best.tokenMs.value / longest.tokenMs.value,
  };
}
