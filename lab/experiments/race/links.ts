// The modes over links as people have them, with jitter and stalls, beside links of the same round trip that only delay.

import type { Estimate } from '../../../src/math/estimate.js';
import { divergenceFor } from '../../../src/sim/index.js';
import {
  evenLink,
  type LinkName,
  type LinkShape,
  linkProfiles,
} from '../../../src/sim/profiles/link-profiles.js';
import { serverProfiles } from '../../../src/sim/profiles/server-profiles.js';
import type { RunService } from '../../../src/sim/service/run-service.js';
import {
  linkModelOf,
  race,
  type ServiceFixture,
  serve,
  speedOf,
  stream,
} from '../../../src/sim/service/serve.js';
import type { Table } from '../../report/result.js';
import { type ModeResult, playModes } from './modes.js';

const names = Object.keys(linkProfiles) as LinkName[];
const acceptance = 0.7;
const draftMs = 8;

export interface LinkRaceResult {
  readonly name: string;
  readonly roundTripMs: number;
  readonly modes: readonly ModeResult[];
  /** Race in units of streaming over a link of the same round trip, without jitter, stalls and bounds. */
  readonly stillSpeed: Estimate;
}

/** Plays the modes over each shape of link. @param seed of the run; equal seeds, equal rows. @returns a row a link. */
export async function playLinks(
  play: RunService,
  isQuick: boolean,
  seed: number,
): Promise<LinkRaceResult[]> {
  const divergence = divergenceFor(acceptance);
  const seeds = Array.from({ length: isQuick ? 4 : 8 }, (_, index) => seed * 1_000 + index);
  const fixtureOf = (link: LinkShape): ServiceFixture => ({
    deviceCount: 1,
    devices: [{ name: 'device', share: 1, draftMs, divergence, link: linkModelOf(link) }],
    pass: serverProfiles.memory.pass,
    answerTokens: 256,
    seeds,
  });
  const playLink = async (key: LinkName): Promise<LinkRaceResult> => {
    const profile = linkProfiles[key];
    const { name, roundTripMs } = profile;
    const stillFixture = fixtureOf(evenLink(roundTripMs));
    const [modes, raced, streamed] = await Promise.all([
      playModes(play, fixtureOf(profile)),
      serve(play, stillFixture, race),
      serve(play, stillFixture, stream),
    ]);
    return { name, roundTripMs, modes, stillSpeed: speedOf(raced, streamed) };
  };
  return Promise.all(names.map(playLink));
}

/** Speed of one user in a mode, in units of streaming. */
export const ofStreaming = (modes: readonly ModeResult[], mode: ModeResult['mode']): Estimate =>
  speedOf(modes.find((one) => one.mode === mode)!.served, modes[0]!.served);

const columns = {
  wait: ['stop-and-wait', 'stop-and-wait'],
  pipeline: ['pipeline', 'pipeline'],
  race: ['race', 'race'],
} as const;

/** A row for each link; speeds of one user. */
export const linksTable = (links: readonly LinkRaceResult[]): Table => ({
  id: 'links',
  title:
    'speed of one user in units of streaming over the same link, drafts of 8 ms, acceptance 0.7, target bound by memory',
  keys: [
    { name: 'link', title: 'link', unit: '' },
    { name: 'roundTripMs', title: 'round trip', unit: 'ms' },
  ],
  values: [
    ...Object.entries(columns).map(([name, [, title]]) => ({
      ...{ name, title, unit: '', origin: 'simulated' as const },
    })),
    { name: 'raceStill', title: 'race, no jitter, no stalls', unit: '', origin: 'simulated' },
  ],
  rows: links.map(({ name, roundTripMs, modes, stillSpeed }) => ({
    keys: [name, roundTripMs],
    values: [...Object.values(columns).map(([mode]) => ofStreaming(modes, mode)), stillSpeed],
  })),
  isShown: true,
});
