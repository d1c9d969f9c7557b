// Subpath `pilotfish/device`: write text with a draft model here and a target model there.

export { type ErrorCode, PilotfishError } from '../base/error.js';
export { type NgramOptions, ngramDefaults } from '../engine/ngram-look-up.js';
export type { OutputFormat } from '../grammar/output-format.js';
export { type TokenLogprobs, topLogprobsMax } from '../math/logprobs.js';
export { plainSampling, type Sampling } from '../math/sampling.js';
export { Answer, type AnswerResult, type Piece } from './answer.js';
export {
  Client,
  type ConnectOptions,
  connect,
  type DrafterChoice,
  type LinkNotice,
  type Timing,
  timingDefaults,
} from './client.js';
export { type AheadBudget, aheadDefaults, branchTokensLimit } from './core/drafting/ahead-cache.js';
export type { StopRule } from './core/drafting/stop-rule.js';
export { type Fallback, fallbacks, type TokenOrigin } from './core/event.js';
export type { Statistics } from './core/statistics.js';
export { draftSlotsMax } from './drafter/draft-slots.js';
export type { GenerateOptions } from './generate-request.js';
export { type LineReader, serveLines } from './line-service.js';
export { checkKeyInClear, type DeviceTls } from './websocket-dialer.js';
