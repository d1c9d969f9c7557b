// Every way to serve the same users, in one place of the map: the baselines that speculation has to beat, those of the
// papers among them, and the modes of this system beside.

import type { Estimate } from '../../../src/math/estimate.js';
import { exact, scaled } from '../../../src/math/estimate.js';
import { divergenceFor } from '../../../src/sim/index.js';
import { deviceProfiles } from '../../../src/sim/profiles/device-profiles.js';
import { type LinkShape, linkProfiles } from '../../../src/sim/profiles/link-profiles.js';
import { serverProfiles } from '../../../src/sim/profiles/server-profiles.js';
import type { RunService } from '../../../src/sim/service/run-service.js';
import {
  linkModelOf,
  pipeline,
  race,
  type ServiceFixture,
  type ServiceResult,
  type Serving,
  serve,
  sled,
  speedOf,
  stopAndWait,
  stream,
} from '../../../src/sim/service/serve.js';
import type { Table } from '../../report/result.js';

const deviceCount = 8;
const acceptance = 0.7;
const draftMs = 8;
/** Of a draft model on the server's accelerator; its own passes are said to cost the target nothing. */
const serverDraftMs = 3;
const link: LinkShape = linkProfiles['5g'];
const noLink: LinkShape = linkProfiles.loopback;
const { draftWatts } = deviceProfiles['orin-nano'];

/** Joules that drafting takes on a device, of a count of drafts or for each token. */
export const draftJoules = (drafted: Estimate, tokenMs: number): Estimate =>
  scaled(drafted, (tokenMs * draftWatts) / 1_000);

/** One way; what only drafting, passes or a link take is null where there is none. */
export interface BaselineResult {
  readonly name: string;
  readonly tokenMs: Estimate;
  readonly speed: Estimate;
  readonly joules: Estimate;
  readonly served: ServiceResult | null;
}

/** A row a baseline; speeds in units of streaming in its place. @param seed of the run; equal seeds, equal rows. */
export async function playBaselines(
  play: RunService,
  isQuick: boolean,
  seed: number,
): Promise<BaselineResult[]> {
  const divergence = divergenceFor(acceptance);
  const fixtureOf = (shape: LinkShape, times: number): ServiceFixture => ({
    deviceCount,
    devices: [{ name: 'device', share: 1, draftMs: times, divergence, link: linkModelOf(shape) }],
    pass: serverProfiles.memory.pass,
    answerTokens: 128,
    seeds: Array.from({ length: isQuick ? 2 : 6 }, (_, index) => seed * 1_000 + index),
  });
  const fixture = fixtureOf(link, draftMs);
  const streamed = await serve(play, fixture, stream);
  const simulated = async (
    name: string,
    serving: Serving,
    place = fixture,
    times = draftMs,
  ): Promise<BaselineResult> => {
    const served = await serve(play, place, serving);
    const speed = speedOf(served, streamed);
    return {
      name,
      tokenMs: served.tokenMs,
      speed,
      joules: draftJoules(served.drafted, times),
      served,
    };
  };
  const batch = { count: deviceCount, waitMs: 50 };
  const onServer = fixtureOf(noLink, serverDraftMs);
  const { tokenMs } = streamed;
  return [
    calculated("device alone, the draft's own text", exact(draftMs), tokenMs, exact(1)),
    ...(await Promise.all([simulated('target only, streaming', stream)])),
    calculated('target only, a round trip each token', shifted(tokenMs, meanRoundTripMs), tokenMs),
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

/** Jitter is uniform, each way. */
const meanRoundTripMs = link.roundTripMs + link.jitterMs;

const shifted = ({ value, low, high }: Estimate, by: number): Estimate => ({
  value: value + by,
  low: low + by,
  high: high + by,
});

function calculated(
  name: string,
  tokenMs: Estimate,
  streamedMs: Estimate,
  drafted = exact(0),
): BaselineResult {
  const speed = exact(streamedMs.value / tokenMs.value);
  return {
    name: `${name} (calculated)`,
    tokenMs,
    speed,
    joules: draftJoules(drafted, draftMs),
    served: null,
  };
}

export const baselinesTable = (result: readonly BaselineResult[]): Table => ({
  id: 'baselines',
  title: `every way to serve ${deviceCount} devices over 5G: target bound by memory, drafts of ${draftMs} ms`,
  keys: [{ name: 'way', title: 'way', unit: '' }],
  values: [
    { name: 'tokenMs', title: 'a token', unit: 'ms', origin: 'simulated' },
    { name: 'speed', title: 'speed, of streaming', unit: '', origin: 'simulated' },
    { name: 'acceptance', title: 'accepted / tested', unit: '', origin: 'simulated' },
    { name: 'passes', title: 'passes a token', unit: '', origin: 'simulated' },
    { name: 'rows', title: 'rows a token', unit: '', origin: 'simulated' },
    { name: 'messages', title: 'messages up a token', unit: '', origin: 'simulated' },
    { name: 'bytes', title: 'bytes up a token', unit: '', origin: 'simulated' },
    { name: 'joules', title: 'device, a token', unit: 'J', origin: 'calculated' },
  ],
  rows: result.map(({ name, tokenMs, speed, joules, served }) => ({
    keys: [name],
    values: [
      tokenMs,
      speed,
      served?.acceptedShare ?? null,
      served?.passes ?? null,
      served?.rows ?? null,
      served?.upMessages ?? null,
      served?.upBytes ?? null,
      joules,
    ],
  })),
  isShown: true,
});

export const baselinesSpec = {
  width: 420,
  height: 260,
  encoding: { y: { field: 'way', type: 'nominal', sort: null, title: null } },
  layer: [
    {
      mark: { type: 'bar', height: 14 },
      encoding: { x: { field: 'speed', type: 'quantitative', title: 'speed, of streaming' } },
    },
    {
      mark: { type: 'rule', strokeWidth: 2 },
      encoding: { x: { field: 'speedLow', type: 'quantitative' }, x2: { field: 'speedHigh' } },
    },
    {
      mark: { type: 'rule', strokeDash: [4, 4] },
      encoding: { x: { datum: 1 }, y: null },
    },
  ],
};
