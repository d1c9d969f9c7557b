// Compares the modes over links as people have them, with jitter and stalls, beside links of the
// same round trip that only delay.

import {
  evenLink,
  type LinkName,
  type LinkShape,
  linkProfiles,
} from '../../../src/sim/profiles/link-profiles.js';
import { serverProfiles } from '../../../src/sim/profiles/server-profiles.js';
import type { RunService } from '../../../src/sim/service/run-service.js';
import { fixtureOf, runAll, seedsOf } from '../fixture.js';
import { ofStreaming, raceSpeed, runModes } from './modes.js';

export type LinkRun = Awaited<ReturnType<typeof runLinks>>[number];

/** Runs the modes over each shape of link. @param seed of the run; equal seeds, equal results. */
export function runLinks(play: RunService, isQuick: boolean, seed: number) {
  const over = (link: LinkShape) =>
    fixtureOf({
      ...{ draftMs: 8, acceptance: 0.7, link, pass: serverProfiles.memory.pass },
      ...{ answerTokens: 256, seeds: seedsOf(seed, isQuick ? 4 : 8) },
    });
  return runAll(Object.keys(linkProfiles) as LinkName[], async (name) => {
    const profile = linkProfiles[name];
    const [modes, stillSpeed] = await Promise.all([
      runModes(play, over(profile)),
      raceSpeed(play, over(evenLink(profile.roundTripMs))),
    ]);
    // Still: race in units of streaming over a link of the same round trip, without jitter, stalls
    // and bounds.
    return { modes, stillSpeed };
  });
}

/** A row for each link; speeds of one user. */
export const linkRows = (runs: readonly LinkRun[]) =>
  runs.map(({ variant, result: { modes, stillSpeed } }) => ({
    link: linkProfiles[variant].name,
    roundTripMs: linkProfiles[variant].roundTripMs,
    wait: ofStreaming(modes, 'stop-and-wait'),
    pipeline: ofStreaming(modes, 'pipeline'),
    race: ofStreaming(modes, 'race'),
    raceStill: stillSpeed,
  }));
