/**
 * Pilotfish in one import: a small draft model on a device, a large target model on a server, and
 * the text that the target would have written alone. Its parts are subpaths, such as
 * `pilotfish/math`.
 *
 * @module pilotfish
 */

export { type ErrorCode, PilotfishError } from './base/error.js';
export type { Answer, AnswerResult, Piece } from './device/answer.js';
export { type Client, type ConnectOptions, connect, type DrafterChoice } from './device/client.js';
export type { Fallback } from './device/core/event.js';
export type { GenerateOptions } from './device/generate-request.js';
export type { Engine } from './engine/engine.js';
export { bundledModel } from './engine/llama/bundled.js';
export { type LlamaEngine, loadLlamaEngine } from './engine/llama/llama-engine.js';
export type { LlamaOptions } from './engine/llama/options.js';
export {
  type SpeculateRequest,
  type SpeculationEnd,
  type SpeculationRound,
  speculate,
} from './engine/local/speculate.js';
export { detokenize } from './engine/text-stream.js';
export type { Vocabulary } from './engine/vocabulary.js';
export type { TokenLogprobs } from './math/logprobs.js';
export { plainSampling, type Sampling } from './math/sampling.js';
export type { Mode, Scheme } from './protocol/frame.js';
export { type RunningServer, startServer } from './server/server.js';
export type { ServerOptions } from './server/server-options.js';
