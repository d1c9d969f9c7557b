// Serves one fixture in every mode in virtual time: streaming, stop-and-wait at its best draft
// length, pipeline, race.

import type { Estimate } from '../../../src/math/estimate.js';
import type { RunService } from '../../../src/sim/service/run-service.js';
import {
  pipeline,
  race,
  type ServiceFixture,
  type ServiceResult,
  serve,
  speedOf,
  stopAndWait,
  stream,
} from '../../../src/sim/service/serve.js';

export const modeNames = ['streaming', 'stop-and-wait', 'pipeline', 'race'] as const;
export type ModeName = (typeof modeNames)[number];

export interface ModeRuns extends Readonly<Record<ModeName, ServiceResult>> {
  /** Of stop-and-wait: the best of a few. */
  readonly draftLength: number;
}

const draftLengths = [1, 2, 4, 8];

/** @param streamed of a like fixture, where it is known already. */
export async function runModes(
  play: RunService,
  fixture: ServiceFixture,
  streamed: Promise<ServiceResult> = serve(play, fixture, stream),
): Promise<ModeRuns> {
  const roundsOf = async (draftLength: number) => ({
    draftLength,
    served: await serve(play, fixture, stopAndWait(draftLength)),
  });
  const [rounds, streaming, pipelined, raced] = await Promise.all([
    Promise.all(draftLengths.map(roundsOf)),
    streamed,
    serve(play, fixture, pipeline),
    serve(play, fixture, race),
  ]);
  const [best] = rounds.sort((a, b) => a.served.tokenMs.value - b.served.tokenMs.value);
  const { draftLength, served } = best!;
  return { streaming, 'stop-and-wait': served, pipeline: pipelined, race: raced, draftLength };
}

/** Speed of one user in a mode, in units of streaming with as many devices. */
export const ofStreaming = (runs: ModeRuns, mode: ModeName): Estimate =>
  speedOf(runs[mode], runs.streaming);

/** A way to serve, race by default, and its speed in units of streaming. */
export async function besideStream(play: RunService, fixture: ServiceFixture, way = race) {
  const ways = [way, stream].map((serving) => serve(play, fixture, serving));
  const [served, streamed] = (await Promise.all(ways)) as [ServiceResult, ServiceResult];
  return { served, speed: speedOf(served, streamed) };
}

/** Race in units of streaming. */
export const raceSpeed = async (play: RunService, fixture: ServiceFixture): Promise<Estimate> =>
  (await besideStream(play, fixture)).speed;
