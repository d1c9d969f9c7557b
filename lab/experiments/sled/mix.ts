// Compares servers of as many devices of one kind, of several, and with few that can draft.

import type { DeviceName } from '../../../src/sim/profiles/device-profiles.js';
import { serverProfiles } from '../../../src/sim/profiles/server-profiles.js';
import { speedOf } from '../../../src/sim/service/serve.js';
import type { ExperimentContext } from '../../report/experiment.js';
import { seedsOf } from '../fixture.js';
import { answerTokens, centralServing, fleetOf, mixedFleet, serveAll } from './fleet.js';

export const mixDevices = 16;
const mixes: Readonly<Record<string, readonly (DeviceName | 'none')[]>> = {
  'all Raspberry Pi 4B': ['pi-4'],
  'all Raspberry Pi 5': ['pi-5'],
  'all Jetson Orin Nano Super': ['orin-nano'],
  'all phones': ['phone'],
  'a third each of Pi 5, Orin Nano Super, phone': mixedFleet,
  'one in four a phone, the others without a draft': ['phone', 'none', 'none', 'none'],
};
const names = [
  centralServing,
  'SLED, static batches of 8',
  'SLED, continuous batches',
  'race',
] as const;

/** A row for each mix and way to serve it. */
export async function runMixes({ isQuick, seed, play, note }: ExperimentContext) {
  const { pass } = serverProfiles.memory;
  const seeds = seedsOf(seed, isQuick ? 2 : 3);
  const runMix = async ([mix, kinds]: [string, readonly (DeviceName | 'none')[]]) => {
    const fixture = { deviceCount: mixDevices, devices: fleetOf(kinds), pass, answerTokens, seeds };
    const served = await serveAll(play, fixture, names);
    note(mix);
    return names.map((way) => {
      const { tokensPerSecond, draftLength, rows } = served[way];
      const speed = speedOf(served[way], served[centralServing]);
      return { mix, way, tokensPerSecond, speed, draftLength, rows };
    });
  };
  return (await Promise.all(Object.entries(mixes).map(runMix))).flat();
}
