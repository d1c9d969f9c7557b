/**
 * Laws, noise, the verification schemes, and the arithmetic of rounds: pure functions on typed
 * arrays, without any engine. Why each is right: MATH.md.
 *
 * @module pilotfish/math
 */

export { AcceptanceTally } from './acceptance.js';
export { verifyAgreement } from './agreement.js';
export { type Chance, keyedChance } from './chance.js';
export { coupledToken, verifyCoupled } from './coupled.js';
export type { CutLaw, CutLimit } from './cut-law.js';
export { bestDraftLength, type DraftLengthInputs } from './draft-length.js';
export { drawToken } from './draw-token.js';
export { expectedTokens } from './expected-tokens.js';
export { verifyFull } from './full.js';
export { greedyToken, verifyGreedy } from './greedy.js';
export { type TokenCounts, TokenHistory } from './history.js';
export {
  type DenseLaw,
  denseLaw,
  type Law,
  pointLaw,
  probOf,
  type SparseLaw,
  sparseLaw,
} from './law.js';
export { lawFromLogits } from './law-pipeline.js';
export type { Logits } from './logits.js';
export { type NoiseKey, type NoiseStream, noiseKey } from './noise.js';
export { applyPenalties } from './penalty.js';
export { type Residual, residual } from './residual.js';
export {
  breakEvenRoundTripMs,
  pipelineTokenMsMin,
  type RoundShape,
  type RoundTimes,
  raceTokenMsMin,
  stopAndWaitTokenMs,
} from './round-time.js';
export { checkSampling, plainSampling, type Sampling } from './sampling.js';
export type { SamplingRequest } from './sampling-request.js';
export { draftToken, residualToken, verifySplit } from './split.js';
export type { FinalToken, MayTest, Verification } from './verification.js';
