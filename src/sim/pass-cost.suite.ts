// Fits the cost of a pass for a scenario to measured passes: the server's own model learns them in
// order, as it would while they ran.

import { type PassCost, type PassShape, PassTimeModel } from '../math/pass-time.js';

/** A pass of a real engine. */
export interface MeasuredPass {
  readonly shape: PassShape;
  /** Finite, >= 0. */
  readonly ms: number;
}

/** @param passes the last 256 count, the newest most. */
export function passCostFrom(passes: readonly MeasuredPass[]): PassCost {
  const model = new PassTimeModel();
  // Twice, so that the fit does not depend on which of a few passes was the last that it
  // was made at.
  for (const { shape, ms } of [...passes, ...passes]) model.learn(shape, ms);
  return model.cost;
}
