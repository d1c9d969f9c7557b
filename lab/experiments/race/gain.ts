// Compares what race gains with the model of race, which has no loop to pay for. No jitter and no
// noise: only the rules of the cores stand between the two.

import { type Estimate, exact } from '../../../src/math/estimate.js';
import { evenLink } from '../../../src/sim/profiles/link-profiles.js';
import type { RunService } from '../../../src/sim/service/run-service.js';
import { geometricMatches, raceModelTokenMs } from '../../loop/race-model.js';
import { constantPass, fixtureOf, seedsOf } from '../fixture.js';
import { besideStream } from './modes.js';

const roundTripsMs = [0, 5, 20, 50, 100, 200];
const acceptance = 0.7;
const draftMs = 8;
const passMs = 30;
/** Tokens after which the model's mean is good to about 1 %. */
const modelTokens = 20_000;

/** Race at each round trip. @param seed of the run; equal seeds, equal rows. */
export function runGains(play: RunService, isQuick: boolean, seed: number) {
  const seeds = seedsOf(seed, isQuick ? 4 : 12);
  const runGain = async (roundTripMs: number) => {
    const fixture = fixtureOf({
      ...{ draftMs, acceptance, link: evenLink(roundTripMs), pass: constantPass(passMs) },
      ...{ passNoise: 0, answerTokens: 256, seeds },
    });
    const { served: raced, speed } = await besideStream(play, fixture);
    const rate = raced.acceptedShare ?? exact(acceptance);
    const matches = geometricMatches(rate.value, modelTokens, BigInt(seed));
    const modelSpeed = passMs / raceModelTokenMs({ draftMs, passMs, roundTripMs }, matches);
    return {
      ...{ roundTripMs, acceptance: rate, drafted: raced.drafted, speed, modelSpeed },
      share: gainShare(speed, modelSpeed),
    };
  };
  return Promise.all(roundTripsMs.map(runGain));
}

/** Gains are speeds above 1. */
function gainShare({ value, low, high }: Estimate, modelSpeed: number): Estimate {
  const share = (one: number): number => (one - 1) / (modelSpeed - 1);
  return { value: share(value), low: share(low), high: share(high) };
}
