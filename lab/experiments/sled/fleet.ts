// Defines the fleets of the SLED experiment: devices by their profiles on Wi-Fi, and the ways to
// serve them.

import type { PassCost } from '../../../src/math/pass-time.js';
import type { ServiceDevice } from '../../../src/sim/index.js';
import {
  type DeviceName,
  deviceProfiles,
  draftMsOf,
} from '../../../src/sim/profiles/device-profiles.js';
import { linkProfiles } from '../../../src/sim/profiles/link-profiles.js';
import type { RunService } from '../../../src/sim/service/run-service.js';
import {
  linkModelOf,
  race,
  type ServiceFixture,
  type ServiceResult,
  type Serving,
  serve,
  sled,
  stopAndWait,
  stream,
} from '../../../src/sim/service/serve.js';
import { knownDivergence, type Run } from '../fixture.js';

/** Weights of the draft that every device runs; what each takes for a token of it is calculated. */
const draftMillions = 135;
const batchMax = 8;
const batchWaitMs = 50;

export const answerTokens = 96;

/** Ways to serve; the first is the baseline. */
const servings = {
  'central, streaming': () => stream,
  'SLED, static batches of 8': (deviceCount) =>
    sled({ count: Math.min(batchMax, deviceCount), waitMs: batchWaitMs }),
  'SLED, continuous batches': () => sled(null),
  'stop-and-wait, at most 4 drafted': () => stopAndWait(4),
  race: () => race,
} as const satisfies Record<string, (deviceCount: number) => Serving>;
export type ServingName = keyof typeof servings;
export const servingNames = Object.keys(servings) as readonly ServingName[];
export const centralServing: ServingName = 'central, streaming';

/** What verifies, by the cost of its passes. */
export interface Target {
  readonly name: string;
  readonly pass: PassCost;
  readonly deviceCounts: readonly number[];
}

export type FleetRun = Run<
  { readonly target: Target; readonly deviceCount: number },
  Readonly<Record<ServingName, ServiceResult>>
>;

/** Serves a fleet in each way at once. */
export async function serveAll<Name extends ServingName>(
  play: RunService,
  fixture: ServiceFixture,
  names: readonly Name[],
): Promise<Readonly<Record<Name, ServiceResult>>> {
  const served = await Promise.all(
    names.map(
      async (name): Promise<[Name, ServiceResult]> => [
        name,
        await serve(play, fixture, servings[name](fixture.deviceCount)),
      ],
    ),
  );
  return Object.fromEntries(served) as Readonly<Record<Name, ServiceResult>>;
}

/** In equal shares. @param names [n >= 1] `none` has no draft model. */
export function fleetOf(
  names: readonly (DeviceName | 'none')[],
  more: Partial<ServiceDevice> = {},
): ServiceDevice[] {
  const divergence = knownDivergence(0.7);
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

/** The larger a fleet, the more answers a seed has, and the longer a run takes. */
export const seedCountOf = (deviceCount: number, isQuick: boolean): number =>
  Math.max(deviceCount > 64 ? 1 : 2, Math.min(isQuick ? 2 : 6, Math.floor(48 / deviceCount)));
