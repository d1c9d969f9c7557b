// Calculates how long rounds take from what they sent, and what the ways of doing without take.
// link.ts holds it against the real loop.

import { type Estimate, exact, ratioEstimate } from '../../../src/math/estimate.js';
import { carryMs, type LinkShape, wireBytesOf } from '../../../src/sim/profiles/link-profiles.js';
import type { Exchange } from '../wire-tap.js';
import type { RoundsText } from './rounds.js';

export interface DssdTimes {
  /** A drafted token, and a pass of the target whatever its rows, in milliseconds. */
  readonly draftMs: number;
  readonly passMs: number;
}

/** Milliseconds that a round's messages are under way, a request for the rest of a law included. */
export function communicationMs({ upBytes, downBytes, tail }: Exchange, link: LinkShape): number {
  const once = (up: number, down: number): number =>
    link.roundTripMs +
    carryMs(wireBytesOf(up), link.upMbps) +
    carryMs(wireBytesOf(down), link.downMbps);
  return once(upBytes, downBytes) + (tail === null ? 0 : once(tail.upBytes, tail.downBytes));
}

export const roundMs = (round: Exchange, link: LinkShape, { draftMs, passMs }: DssdTimes): number =>
  round.draftedCount * draftMs + communicationMs(round, link) + passMs;

const sumOver = (text: RoundsText, value: (round: Exchange) => number): number =>
  text.rounds.reduce((sum, round) => sum + value(round), 0);

/** Tokens a second, by how long each round takes; texts are resampled. */
const rateOf = (texts: readonly RoundsText[], ms: (round: Exchange) => number): Estimate =>
  ratioEstimate(texts.map((text) => ({ part: 1_000 * text.tokenCount, whole: sumOver(text, ms) })));

/** Of stop-and-wait. */
export const tokensPerSecond = (
  texts: readonly RoundsText[],
  link: LinkShape,
  times: DssdTimes,
): Estimate => rateOf(texts, (round) => roundMs(round, link, times));

/** Of a round's value, for each token. */
export const perToken = (
  texts: readonly RoundsText[],
  value: (round: Exchange) => number,
): Estimate =>
  ratioEstimate(texts.map((text) => ({ part: sumOver(text, value), whole: text.tokenCount })));

/** Of a round's value, for each round. */
export const perRound = (
  texts: readonly RoundsText[],
  value: (round: Exchange) => number,
): Estimate =>
  ratioEstimate(texts.map((text) => ({ part: sumOver(text, value), whole: text.rounds.length })));

/** Accepted / tested: nothing is tested behind a rejection. */
export function acceptanceOf(texts: readonly RoundsText[]): Estimate {
  return ratioEstimate(
    texts.map((text) => ({
      part: sumOver(text, ({ acceptedCount }) => acceptedCount),
      whole: sumOver(
        text,
        ({ acceptedCount, draftedCount }) => acceptedCount + (acceptedCount < draftedCount ? 1 : 0),
      ),
    })),
  );
}

/** Payload of one token told, and of one asked for. */
const tokenBytes = 12;

/** What one could do instead, in tokens a second. */
export const baselines = {
  'streaming, target only': (_: LinkShape, { passMs }: DssdTimes): Estimate =>
    exact(1_000 / passMs),
  'target only, a round trip each token': (link: LinkShape, { passMs }: DssdTimes): Estimate => {
    const bytes = wireBytesOf(tokenBytes);
    const linkMs = carryMs(bytes, link.upMbps) + carryMs(bytes, link.downMbps);
    return exact(1_000 / (passMs + link.roundTripMs + linkMs));
  },
  "device alone (the draft's text)": (_: LinkShape, { draftMs }: DssdTimes): Estimate =>
    exact(1_000 / draftMs),
} as const;

/** Both models on the server: rounds without a link. */
export const onTheServer = (texts: readonly RoundsText[], { draftMs, passMs }: DssdTimes) =>
  rateOf(texts, ({ draftedCount }) => draftedCount * draftMs + passMs);
