// Compares every way to serve the same users in one place of the map: the baselines that
// speculation has to beat, those of the papers among them, and the modes of this system.

import { type Estimate, exact } from '../../../src/math/estimate.js';
import { type LinkShape, linkProfiles } from '../../../src/sim/profiles/link-profiles.js';
import { serverProfiles } from '../../../src/sim/profiles/server-profiles.js';
import type { RunService } from '../../../src/sim/service/run-service.js';
import {
  pipeline,
  race,
  type ServiceFixture,
  type Serving,
  serve,
  sled,
  speedOf,
  stopAndWait,
  stream,
} from '../../../src/sim/service/serve.js';
import { draftJoules, fixtureOf, pick, seedsOf, shifted } from '../fixture.js';

export const baselineDevices = 8;
export const baselineDraftMs = 8;
/** Of a draft on the server's accelerator, whose passes cost the target nothing. */
const serverDraftMs = 3;
const link: LinkShape = linkProfiles['5g'];
/** Jitter is uniform, each way. */
const meanRoundTripMs = link.roundTripMs + link.jitterMs;

/** Speeds in units of streaming; null where there are no passes or link to count. */
type BaselineRow = Readonly<Record<Counted, Estimate | null>> & {
  readonly way: string;
  readonly tokenMs: Estimate;
  readonly speed: Estimate;
  readonly joules: Estimate;
};
type Counted = 'acceptance' | 'passes' | 'rows' | 'messages' | 'bytes';

/** @param seed of the run; equal seeds, equal rows. */
export async function runBaselines(
  play: RunService,
  isQuick: boolean,
  seed: number,
): Promise<BaselineRow[]> {
  const fixture = (shape: LinkShape, draftMs: number): ServiceFixture =>
    fixtureOf({
      ...{ deviceCount: baselineDevices, draftMs, acceptance: 0.7, link: shape },
      ...{ pass: serverProfiles.memory.pass, answerTokens: 128 },
      seeds: seedsOf(seed, isQuick ? 2 : 6),
    });
  const near = fixture(link, baselineDraftMs);
  const streamed = await serve(play, near, stream);
  const { tokenMs } = streamed;
  const simulated = async (
    way: string,
    serving: Serving,
    place = near,
    draftMs = baselineDraftMs,
  ): Promise<BaselineRow> => {
    const served = await serve(play, place, serving);
    const { acceptedShare: acceptance, upMessages: messages, upBytes: bytes } = served;
    return {
      ...{ way, ...pick(served, 'tokenMs', 'passes', 'rows'), acceptance, messages, bytes },
      ...{ speed: speedOf(served, streamed), joules: draftJoules(served.drafted, draftMs) },
    };
  };
  const calculated = (name: string, own: Estimate, drafted: number): BaselineRow => ({
    ...{ way: `${name} (calculated)`, tokenMs: own, speed: exact(tokenMs.value / own.value) },
    ...{ acceptance: null, passes: null, rows: null, messages: null, bytes: null },
    joules: draftJoules(exact(drafted), baselineDraftMs),
  });
  const batch = { count: baselineDevices, waitMs: 50 };
  const onServer = fixture(linkProfiles.loopback, serverDraftMs);
  return [
    calculated("device alone, the draft's own text", exact(baselineDraftMs), 1),
    await simulated('target only, streaming', stream),
    calculated('target only, a round trip each token', shifted(tokenMs, meanRoundTripMs), 0),
    ...(await Promise.all([
      simulated('both models on the server, rounds of 4', stopAndWait(4), onServer, 0),
      simulated('full laws up, rounds of 4', { ...stopAndWait(4), scheme: 'full' }),
      simulated('SLED, static batches of 8', sled(batch)),
      simulated('SLED, continuous batches', sled(null)),
      simulated('ids up (coupled), rounds of 4', stopAndWait(4)),
      simulated('pipeline', pipeline),
      simulated('race', race),
    ])),
  ];
}
