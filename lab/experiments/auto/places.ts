// Draws places of the map at random: link, devices, server, draft model on the server.

import type { Service } from '../../../src/sim/index.js';
import { evenLink } from '../../../src/sim/profiles/link-profiles.js';
import { Random } from '../../../src/sim/random.js';
import { combinations, deviceOf } from '../fixture.js';

export interface Place {
  readonly roundTripMs: number;
  /** Of the device's drafts and of the server's. */
  readonly acceptance: number;
  readonly draftMs: number;
  /** Of one row. */
  readonly passMs: number;
  /** A step of the server's draft model; null: it has none. */
  readonly stepMs: number | null;
  readonly devices: number;
  /** Of a further row, as a share of the pass. */
  readonly rowShare: number;
}

const axes = {
  roundTripMs: [0, 5, 20, 50, 100, 200],
  acceptance: [0.5, 0.7, 0.85],
  draftMs: [3, 8, 20, 33, 80],
  passMs: [14, 30, 120, 250],
  stepMs: [null, null, 3, 6],
  // Few runs with many devices: they take the longest.
  devices: [1, 1, 1, 1, 4, 4, 4, 16, 16, 64],
  rowShare: [0, 0, 0.15],
} as const;

/** Independent draws. @param seed equal seeds, equal places. */
export function drawPlaces(count: number, seed: number): Place[] {
  const random = new Random(seed, 'places');
  const pick = <Value>(values: readonly Value[]): Value => values[random.below(values.length)]!;
  return Array.from({ length: count }, () => ({
    roundTripMs: pick(axes.roundTripMs),
    acceptance: pick(axes.acceptance),
    draftMs: pick(axes.draftMs),
    passMs: pick(axes.passMs),
    stepMs: pick(axes.stepMs),
    devices: pick(axes.devices),
    rowShare: pick(axes.rowShare),
  }));
}

/** What the places of the map have in common. */
export const gridPlace = { draftMs: 8, devices: 1, rowShare: 0 } as const;

/** The places of the map: one device, drafts of usual speed. */
export const gridPlaces = (isQuick: boolean): Place[] =>
  combinations({
    roundTripMs: isQuick ? [5, 50] : axes.roundTripMs,
    acceptance: isQuick ? [0.7] : axes.acceptance,
    passMs: isQuick ? [30] : ([30, 120] as const),
    stepMs: [null, 3] as const,
  }).map((place) => ({ ...gridPlace, ...place }));

/** What a step of the draft model takes longer for each further session. */
export const stepRowShare = 0.02;

/** The service of a place, in mode auto. @param answerTokens of each device. */
export function serviceAt(place: Place, answerTokens: number): Service {
  const { acceptance, devices, draftMs, passMs, roundTripMs, rowShare } = place;
  const rowMs = passMs * rowShare;
  return {
    deviceCount: devices,
    devices: [deviceOf({ draftMs, acceptance, link: evenLink(roundTripMs) })],
    scheme: 'coupled',
    mode: 'auto',
    stopRule: { kind: 'adaptive', draftLengthMax: 16 },
    pass: { fixedMs: passMs - rowMs, tokenMs: 0, rowMs, tokenContextMs: 0 },
    passNoise: 0.02,
    slotCount: devices,
    staticBatch: null,
    promptTokens: 8,
    answerTokens,
    ...coDrafterOf(place, 4),
  };
}

/** @param fixedLength tokens of a round in mode co-located. */
export function coDrafterOf(
  { stepMs, acceptance, roundTripMs, draftMs }: Place,
  fixedLength: number,
) {
  if (stepMs === null) return {};
  const { divergence } = deviceOf({ draftMs, acceptance, link: evenLink(roundTripMs) });
  const rowMs = stepMs * stepRowShare;
  return { coDrafter: { stepMs, rowMs, divergence, fixedLength } };
}
