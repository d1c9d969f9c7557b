// How much of what race could gain it does gain: the shipped cores in virtual time against the model of race, which has
// no loop to pay for. No jitter and no noise, so that only the rules of the cores stand between the two.

import type { Estimate } from '../../../src/math/estimate.js';
import { exact } from '../../../src/math/estimate.js';
import { divergenceFor } from '../../../src/sim/index.js';
import { evenLink } from '../../../src/sim/profiles/link-profiles.js';
import type { RunService } from '../../../src/sim/service/run-service.js';
import { linkModelOf, race, serve, speedOf, stream } from '../../../src/sim/service/serve.js';
import { geometricMatches, raceModelTokenMs } from '../../loop/race-model.js';
import type { Table } from '../../report/result.js';

const roundTripsMs = [0, 5, 20, 50, 100, 200];
const acceptance = 0.7;
const draftMs = 8;
const passMs = 30;
/** Tokens after which the model's mean is good to about 1 %. */
const modelTokens = 20_000;

export interface GainResult {
  readonly roundTripMs: number;
  /** Of tested drafts, in race. */
  readonly acceptance: Estimate;
  readonly drafted: Estimate;
  /** Speeds of streaming: of the cores, and of the model at that acceptance. */
  readonly speed: Estimate;
  readonly modelSpeed: number;
}

/** Plays race at each round trip. @param seed of the run; equal seeds, equal rows. @returns a row a round trip. */
export async function playGains(
  play: RunService,
  isQuick: boolean,
  seed: number,
): Promise<GainResult[]> {
  const divergence = divergenceFor(acceptance);
  const seeds = Array.from({ length: isQuick ? 4 : 12 }, (_, index) => seed * 1_000 + index);
  const playGain = async (roundTripMs: number): Promise<GainResult> => {
    const link = linkModelOf(evenLink(roundTripMs));
    const fixture = {
      deviceCount: 1,
      devices: [{ name: 'device', share: 1, draftMs, divergence, link }],
      pass: { fixedMs: passMs, tokenMs: 0, rowMs: 0, tokenContextMs: 0 },
      passNoise: 0,
      answerTokens: 256,
      seeds,
    };
    const [raced, streamed] = await Promise.all([
      serve(play, fixture, race),
      serve(play, fixture, stream),
    ]);
    const rate = raced.acceptedShare ?? exact(acceptance);
    const matches = geometricMatches(rate.value, modelTokens, BigInt(seed));
    return {
      roundTripMs,
      acceptance: rate,
      drafted: raced.drafted,
      speed: speedOf(raced, streamed),
      modelSpeed: passMs / raceModelTokenMs({ draftMs, passMs, roundTripMs }, matches),
    };
  };
  return Promise.all(roundTripsMs.map(playGain));
}

/** Gains are speeds above 1. */
export const gainShare = ({ speed, modelSpeed }: GainResult): Estimate => {
  const share = (one: number): number => (one - 1) / (modelSpeed - 1);
  return { value: share(speed.value), low: share(speed.low), high: share(speed.high) };
};

export const gainTable = (gains: readonly GainResult[]): Table => ({
  id: 'gain',
  title: 'gain of race against the model of race: one device, drafts of 8 ms, passes of 30',
  keys: [{ name: 'roundTripMs', title: 'round trip', unit: 'ms' }],
  values: [
    { name: 'acceptance', title: 'acceptance', unit: '', origin: 'simulated' },
    { name: 'drafted', title: 'drafted a token', unit: '', origin: 'simulated' },
    { name: 'speed', title: 'cores, of streaming', unit: '', origin: 'simulated' },
    { name: 'modelSpeed', title: 'model, of streaming', unit: '', origin: 'calculated' },
    { name: 'share', title: "share of the model's gain", unit: '', origin: 'calculated' },
  ],
  rows: gains.map((gain) => ({
    keys: [gain.roundTripMs],
    values: [gain.acceptance, gain.drafted, gain.speed, exact(gain.modelSpeed), gainShare(gain)],
  })),
  isShown: true,
});
