// Counts the users that one server serves at a usual reading speed: streaming, with its own draft
// model, and with the drafts of devices as well.

import { mean } from '../../../src/math/statistics.js';
import type { Service } from '../../../src/sim/index.js';
import type { RunService } from '../../../src/sim/service/run-service.js';
import { coDrafterOf, type Place, serviceAt } from './places.js';

/** Tokens a second of each user. */
export const userRate = 12;
export const capacityPlace = {
  roundTripMs: 20,
  acceptance: 0.7,
  draftMs: 8,
  passMs: 30,
} as const;
const answerTokens = 40;
const usersMax = 512;
/** Counts of users are refined to this share. */
const precision = 0.06;

export interface CapacityRow {
  readonly stepMs: number;
  readonly rowMs: number;
  readonly streaming: number;
  readonly coLocated: number;
  readonly draftLength: number;
  readonly auto: number;
}

/** @param stepMs of the server's draft model. @param rowMs of a row of the target. */
export async function capacityOf(
  play: RunService,
  { stepMs, rowMs }: { readonly stepMs: number; readonly rowMs: number },
  seed: number,
): Promise<CapacityRow> {
  const { passMs } = capacityPlace;
  const placeOf = (devices: number): Place => ({
    ...capacityPlace,
    ...{ stepMs, devices, rowShare: rowMs / passMs },
  });
  const usersOf = (changes: (place: Place) => Partial<Service>): Promise<number> =>
    mostUsers(async (devices) => {
      const place = placeOf(devices);
      const service = { ...serviceAt(place, answerTokens), ...changes(place) };
      return mean((await play(service, seed)).tokenMs) <= 1_000 / userRate;
    });
  const lengths = [1, 2, 3];
  const [streaming, auto, ...coLocated] = await Promise.all([
    usersOf(() => ({ mode: 'stream' })),
    usersOf(() => ({})),
    ...lengths.map((length) =>
      usersOf((place) => ({ mode: 'co-located', ...coDrafterOf(place, length) })),
    ),
  ]);
  const most = Math.max(...coLocated);
  return {
    ...{ stepMs, rowMs, streaming: streaming!, auto: auto!, coLocated: most },
    draftLength: lengths[coLocated.indexOf(most)]!,
  };
}

/** The most users for which it is fast enough, by halving. */
async function mostUsers(isFastEnough: (devices: number) => Promise<boolean>): Promise<number> {
  let [low, high] = [0, 8];
  while (high <= usersMax && (await isFastEnough(high))) [low, high] = [high, high * 2];
  while (high - low > Math.max(1, low * precision)) {
    const middle = Math.round((low + high) / 2);
    if (await isFastEnough(middle)) low = middle;
    else high = middle;
  }
  return low;
}
