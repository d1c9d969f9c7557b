// What a millisecond of the server and a row of a pass are worth in tokens. Pure.

import { expectedTokens } from '../../../../math/expected-tokens.js';
import type { PassShape } from '../../../../math/pass-time.js';
import type { OutlookPrices } from './draft-outlook.js';
import type { SpeculationCosts, SpeculationSession } from './speculation.js';

export interface Prices extends OutlookPrices {
  /** Tokens per millisecond of the whole server, and of each session. */
  readonly rate: number;
  readonly rates: readonly number[];
  /** What one more session adds to a step of the draft model. */
  readonly joinMs: number;
  /** What a session is charged for one draft of the model, step and row. */
  readonly draftMs: number;
  /** Drafts of the server's model that a server without devices would take, and the most. */
  readonly usualCount: number;
  readonly modelMax: number;
}

/** The pass that gives every session one token. */
export function stepShape(sessions: readonly SpeculationSession[]): PassShape {
  let tokenCount = 0;
  let tokenContext = 0;
  for (const { cacheLength, missingCount } of sessions) {
    tokenCount += missingCount;
    tokenContext += missingCount * (cacheLength + missingCount);
  }
  return { tokenCount, rowCount: sessions.length, tokenContext };
}

/** The same pass with more rows, of sessions of mean length. */
export function withRows(shape: PassShape, rowCount: number): PassShape {
  const { tokenCount, tokenContext } = shape;
  return {
    tokenCount: tokenCount + rowCount,
    rowCount: shape.rowCount + rowCount,
    tokenContext: tokenContext + (rowCount * tokenContext) / tokenCount,
  };
}

/**
 * A server that has run at its best for long knows what its time is worth from its own rate.
 * Before, and where holds have gone wrong, the best rate that is sure takes its place: that of
 * steps, or of drafts of the server's own model.
 */
export function pricesOf(
  sessions: readonly SpeculationSession[],
  { predict, draftStepMs }: SpeculationCosts,
): Prices {
  const shape = stepShape(sessions);
  const passMs = Math.max(predict(shape), 1e-6);
  const hasModel = draftStepMs(1) < Infinity;
  const drafting = sessions.filter(
    ({ modelChance, modelMax }) => hasModel && modelChance > 0 && modelMax > 0,
  );
  const modelMax = Math.max(0, ...drafting.map((session) => session.modelMax));
  const stepMs = modelMax > 0 ? draftStepMs(drafting.length) : 0;
  const joinMs = drafting.length > 1 ? stepMs - draftStepMs(drafting.length - 1) : stepMs;
  let usualCount = 0;
  let sureRate = sessions.length / passMs;
  let tokens = sessions.length;
  let stageMs = 0;
  let lastRate = 0;
  const chances = drafting.map(() => 1);
  for (let count = 1; count <= modelMax; count++) {
    for (const [index, { modelChance, modelMax: most }] of drafting.entries()) {
      chances[index]! *= count <= most ? modelChance : 0;
      tokens += chances[index]!;
    }
    stageMs += stepMs;
    const rate = tokens / (predict(withRows(shape, count * drafting.length)) + stageMs);
    // The first rows may cost more than those behind them, so that a few do not pay and more do.
    if (rate < lastRate) break;
    lastRate = rate;
    if (rate <= sureRate) continue;
    sureRate = rate;
    usualCount = count;
  }
  const sure = sessions.map(({ modelChance, modelMax: most }) =>
    expectedTokens(modelChance, modelChance > 0 ? Math.min(usualCount, most) : 0),
  );
  const sumSure = total(sure);
  const measured = sessions.map(({ tokensPerMs }, index) =>
    tokensPerMs > 0 ? tokensPerMs : (sureRate * sure[index]!) / sumSure,
  );
  const sumMeasured = total(measured);
  // The larger one of the sums, not of each session: that would count the noise of each as a gain.
  const rate = Math.max(sumMeasured, sureRate);
  const rates = measured.map(
    (own, index) => (rate * (own / sumMeasured + sure[index]! / sumSure)) / 2,
  );
  const added = sessions.length;
  const firstMs = Math.max(0, predict(withRows(shape, added)) - passMs);
  const nextMs = Math.max(0, predict(withRows(shape, 2 * added)) - passMs - firstMs);
  const rowMs = nextMs / added;
  return {
    passMs,
    stepMs,
    joinMs,
    draftMs:
      stepMs * (drafting.length > 0 ? sessions.length / drafting.length : 1) +
      rowMs * sessions.length,
    rate,
    rates,
    usualCount,
    modelMax,
    rowPrice: rate * rowMs,
    severalPrice: rate * Math.max(0, firstMs - nextMs),
  };
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
