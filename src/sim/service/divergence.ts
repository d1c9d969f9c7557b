// Finds how far a toy's draft must diverge from its target to be accepted at a given rate.

import { delayLink } from '../scenarios.js';
import { simulateService } from './simulate-service.js';

/** Tokens that stand for a rate. */
const probeTokens = 300;
const probeTurns = 7;

/** The least rate that drafts of the toy can have: of 14 letters, even unlike laws share some. */
export const acceptanceLeast = 0.42;

/**
 * The divergence at which the toy's drafts are accepted so often under `coupled`, given that all
 * before were.
 *
 * @param acceptanceRate in [acceptanceLeast, 1].
 * @returns in [0, 1], good to about 0.02 of the rate.
 */
export function divergenceFor(acceptanceRate: number): number {
  let [low, high] = [0, 1];
  for (let turn = 0; turn < probeTurns; turn++) {
    const divergence = (low + high) / 2;
    if (rateAt(divergence) > acceptanceRate) low = divergence;
    else high = divergence;
  }
  return (low + high) / 2;
}

/** One draft a round, so that every one is tested behind a right prefix. */
function rateAt(divergence: number): number {
  const figures = simulateService(
    {
      deviceCount: 1,
      devices: [{ name: 'probe', share: 1, draftMs: 1, divergence, link: delayLink(1) }],
      scheme: 'coupled',
      mode: 'stop-and-wait',
      stopRule: { kind: 'fixed', draftLengthMax: 1 },
      pass: { fixedMs: 10, tokenMs: 0, rowMs: 0, tokenContextMs: 0 },
      passNoise: 0,
      slotCount: 1,
      staticBatch: null,
      promptTokens: 3,
      answerTokens: probeTokens,
    },
    1,
  );
  return figures.acceptedShare ?? 0;
}
