// What the mix of a fleet does to a server: as many devices of one kind, of several, and with few that can draft.

import type { PassCost } from '../../../src/math/pass-time.js';
import type { DeviceName } from '../../../src/sim/profiles/device-profiles.js';
import { serverProfiles } from '../../../src/sim/profiles/server-profiles.js';
import { type ServiceResult, serve, speedOf } from '../../../src/sim/service/serve.js';
import type { ExperimentContext } from '../../report/experiment.js';
import type { Table } from '../../report/result.js';
import { answerTokens, fleetOf, mixedFleet, sledBaseline, sledVariants } from './fleet.js';

const deviceCount = 16;
const mixes = {
  'all Raspberry Pi 4B': ['pi-4'],
  'all Raspberry Pi 5': ['pi-5'],
  'all Jetson Orin Nano Super': ['orin-nano'],
  'all phones': ['phone'],
  'a third each of Pi 5, Orin Nano Super, phone': mixedFleet,
  'one in four a phone, the others without a draft': ['phone', 'none', 'none', 'none'],
} as const satisfies Record<string, readonly (DeviceName | 'none')[]>;
const variants = [
  sledBaseline,
  'SLED, static batches of 8',
  'SLED, continuous batches',
  'race',
] as const;

export interface MixResult {
  readonly mix: string;
  readonly way: string;
  readonly served: ServiceResult;
  /** Of the same mix. */
  readonly streamed: ServiceResult;
}

/** Plays each way of serving with each mix of devices; rows in that order. */
export async function playMixes({
  isQuick,
  seed,
  play,
  note,
}: ExperimentContext): Promise<MixResult[]> {
  const seeds = Array.from({ length: isQuick ? 2 : 3 }, (_, index) => seed * 1_000 + index);
  const pass: PassCost = serverProfiles.memory.pass;
  const playMix = async (mix: keyof typeof mixes): Promise<MixResult[]> => {
    const fixture = { deviceCount, devices: fleetOf(mixes[mix]), pass, answerTokens, seeds };
    const served = await Promise.all(
      variants.map((variant) => serve(play, fixture, sledVariants[variant](deviceCount))),
    );
    note(mix);
    return variants.map((variant, index) => ({
      mix,
      way: variant,
      served: served[index]!,
      streamed: served[0]!,
    }));
  };
  const result = await Promise.all((Object.keys(mixes) as (keyof typeof mixes)[]).map(playMix));
  return result.flat();
}

export const mixTable = (result: readonly MixResult[]): Table => ({
  id: 'mixes',
  title: `mixes of ${deviceCount} devices on a target bound by memory`,
  keys: [
    { name: 'mix', title: 'devices', unit: '' },
    { name: 'way', title: 'served by', unit: '' },
  ],
  values: [
    { name: 'tokensPerSecond', title: 'all devices, tokens/s', unit: '', origin: 'simulated' },
    { name: 'speed', title: 'speed of a user, of central', unit: '', origin: 'simulated' },
    { name: 'draftLength', title: 'drafts tested a pass', unit: '', origin: 'simulated' },
    { name: 'rows', title: 'rows a token', unit: '', origin: 'simulated' },
  ],
  rows: result.map(({ mix, way: variant, served, streamed }) => ({
    keys: [mix, variant],
    values: [served.tokensPerSecond, speedOf(served, streamed), served.draftLength, served.rows],
  })),
  isShown: true,
});
