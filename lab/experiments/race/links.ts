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
import { fixtureOf, seedsOf } from '../fixture.js';
import { type ModeName, ofStreaming, raceSpeed, runModes } from './modes.js';

/** A row for each shape of link; speeds of one user. @param seed equal seeds, equal rows. */
export function runLinks(play: RunService, isQuick: boolean, seed: number) {
  const over = (link: LinkShape) =>
    fixtureOf({
      ...{ draftMs: 8, acceptance: 0.7, link, pass: serverProfiles.memory.pass },
      ...{ answerTokens: 256, seeds: seedsOf(seed, isQuick ? 4 : 8) },
    });
  const runLink = async (profile: (typeof linkProfiles)[LinkName]) => {
    const { name: link, roundTripMs } = profile;
    const [modes, raceStill] = await Promise.all([
      runModes(play, over(profile)),
      // Over a link of the same round trip, without jitter, stalls and bounds.
      raceSpeed(play, over(evenLink(roundTripMs))),
    ]);
    const speed = (mode: ModeName) => ofStreaming(modes, mode);
    const [wait, pipeline, race] = [speed('stop-and-wait'), speed('pipeline'), speed('race')];
    return { link, roundTripMs, wait, pipeline, race, raceStill };
  };
  return Promise.all(Object.values(linkProfiles).map(runLink));
}
