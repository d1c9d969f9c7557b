// Places that a robot drives at, and ways to get its actions there.

import type { Mode } from '../../../src/protocol/frame.js';
import { evenLink } from '../../../src/sim/profiles/link-profiles.js';
import { linkModelOf } from '../../../src/sim/service/serve.js';
import { servicePlan } from '../../../src/sim/service/service-plan.js';
import type { RunPlan } from '../../../src/sim/world.js';

export interface RobotPlace {
  readonly roundTripMs: number;
  readonly hasDropOuts: boolean;
  /** A step of the target over one row; a further row; a token of a prompt. */
  readonly passMs: number;
  readonly rowMs: number;
  readonly promptTokenMs: number;
  /** A token of the device's draft model and of the server's. */
  readonly draftMs: number;
  readonly stepMs: number;
  /** From a picture until the target may read it. */
  readonly encodeMs: number;
}

/** A target of a few billion weights on an edge GPU, a Jetson's draft, and a server's draft. */
export const usualPlace: Omit<RobotPlace, 'roundTripMs' | 'hasDropOuts'> = {
  passMs: 30,
  rowMs: 0.5,
  promptTokenMs: 0.2,
  draftMs: 8,
  stepMs: 3,
  encodeMs: 40,
};

export interface Way {
  readonly name: string;
  readonly mode: Mode;
  /** Of each round; null: as the planners like. */
  readonly draftLength: number | null;
  readonly hasDrafter: boolean;
  readonly hasServerModel: boolean;
  readonly hasLookUp?: boolean;
  /** Each token is a request of its own. */
  readonly isTokenwise?: boolean;
  /** Without the server. */
  readonly isAlone?: boolean;
}

const none = { draftLength: null, hasDrafter: false, hasServerModel: false };
const ownDrafts = { ...none, hasDrafter: true };

/** The paper's baseline first, then the honest one. */
export const ways: readonly Way[] = [
  { ...none, name: 'a round trip a token', mode: 'stream', isTokenwise: true },
  { ...none, name: 'streaming', mode: 'stream' },
  { ...ownDrafts, name: 'stop-and-wait 4', mode: 'stop-and-wait', draftLength: 4 },
  { ...ownDrafts, name: 'stop-and-wait 8', mode: 'stop-and-wait', draftLength: 8 },
  { ...ownDrafts, name: 'race', mode: 'race' },
  { ...none, name: 'co-located 4', mode: 'co-located', draftLength: 4, hasServerModel: true },
  { ...none, name: 'co-located 8', mode: 'co-located', draftLength: 8, hasServerModel: true },
  { ...ownDrafts, name: 'auto without look-up', mode: 'auto', hasServerModel: true },
  { ...ownDrafts, name: 'auto', mode: 'auto', hasServerModel: true, hasLookUp: true },
  { ...ownDrafts, name: 'device alone', mode: 'race', isAlone: true },
];

const noDraftModel = {
  ...{ share: 0, divergence: 0, fixedLength: 0 },
  pass: { fixedMs: 0, tokenMs: 0, rowMs: 0, tokenContextMs: 0 },
};

/** Longest prompt with an answer, and room. */
const tokensMax = 96;

/** A server, a device and a link, without requests. */
export function worldPlan(way: Way, place: RobotPlace, seed: number): RunPlan {
  const { roundTripMs, passMs, rowMs, promptTokenMs, draftMs, stepMs } = place;
  const link = linkModelOf(evenLink(roundTripMs));
  const device = { name: 'robot', share: 1, link, divergence: 0 };
  const plan = servicePlan(
    {
      deviceCount: 1,
      devices: [{ ...device, draftMs: way.hasDrafter ? draftMs : null }],
      scheme: 'greedy',
      mode: way.mode,
      stopRule: { kind: 'adaptive', draftLengthMax: 16 },
      pass: {
        fixedMs: passMs - rowMs - promptTokenMs,
        tokenMs: promptTokenMs,
        rowMs,
        tokenContextMs: 0,
      },
      ...{ passNoise: 0.02, slotCount: 1, staticBatch: null },
      ...{ promptTokens: 32, answerTokens: tokensMax },
      ...(way.hasServerModel && {
        coDrafter: { stepMs, rowMs: 0, divergence: 0, fixedLength: way.draftLength ?? 4 },
      }),
    },
    seed,
  );
  const { server } = plan.scenario;
  const drafting = server.drafting ?? noDraftModel;
  const suffix = { suffixShare: way.hasLookUp ? 1 : 0, suffixBytesMax: 1e6 };
  const scenario = {
    ...plan.scenario,
    server: { ...server, drafting: { ...drafting, ...suffix } },
  };
  return { ...plan, scenario, asks: [] };
}
