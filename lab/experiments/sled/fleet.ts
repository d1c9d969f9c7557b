// The fleet of the SLED experiment: devices by their profiles on Wi-Fi, and the ways to serve them.

import { divergenceFor, type ServiceDevice } from '../../../src/sim/index.js';
import {
  type DeviceName,
  deviceProfiles,
  draftMsOf,
} from '../../../src/sim/profiles/device-profiles.js';
import { linkProfiles } from '../../../src/sim/profiles/link-profiles.js';
import {
  linkModelOf,
  race,
  type ServiceResult,
  type Serving,
  sled,
  stopAndWait,
  stream,
} from '../../../src/sim/service/serve.js';

/** Weights of the draft that every device runs; what each takes for a token of it is calculated. */
const draftMillions = 135;
const acceptance = 0.7;
const batchMax = 8;
const batchWaitMs = 50;

export const answerTokens = 96;

/** Ways to serve, the first is the baseline. */
export const sledVariants = {
  'central, streaming': () => stream,
  'SLED, static batches of 8': (deviceCount) =>
    sled({ count: Math.min(batchMax, deviceCount), waitMs: batchWaitMs }),
  'SLED, continuous batches': () => sled(null),
  'stop-and-wait, at most 4 drafted': () => stopAndWait(4),
  race: () => race,
} as const satisfies Record<string, (deviceCount: number) => Serving>;
export type SledVariant = keyof typeof sledVariants;
export const sledVariantNames = Object.keys(sledVariants) as readonly SledVariant[];
export const sledBaseline: SledVariant = 'central, streaming';

export type ResultByVariant = Readonly<Record<SledVariant, ServiceResult>>;

/** Devices in equal shares; `none` has no draft model. @param names [n >= 1], one may come often. */
export function fleetOf(
  names: readonly (DeviceName | 'none')[],
  more: Partial<ServiceDevice> = {},
): ServiceDevice[] {
  const divergence = divergenceFor(acceptance);
  const link = linkModelOf(linkProfiles.wifi);
  return names.map((name) => ({
    name,
    share: 1,
    draftMs: name === 'none' ? null : draftMsOf(deviceProfiles[name], draftMillions),
    divergence,
    link,
    ...more,
  }));
}

/** A third each of boards, accelerators and phones. */
export const mixedFleet = ['pi-5', 'orin-nano', 'phone'] as const satisfies readonly DeviceName[];

/** The larger a fleet, the more answers a seed has; one run of the largest takes as long as all of the small ones. */
export function sledSeeds(deviceCount: number, isQuick: boolean, seed: number): number[] {
  const length = Math.max(
    deviceCount > 64 ? 1 : 2,
    Math.min(isQuick ? 2 : 6, Math.floor(48 / deviceCount)),
  );
  return Array.from({ length }, (_, index) => seed * 1_000 + index);
}
