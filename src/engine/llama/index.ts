/**
 * llama.cpp as an engine, and the models that come with the package.
 *
 * @module pilotfish/engine/llama
 */

export { bundledModel } from './bundled.js';
export type { ExitChoice, ExitPlan } from './exit-plan.js';
export { ImageEncoder, type ImageEncoderOptions } from './eyes/image-encoder.js';
export type { ImagePixels } from './ffi/mtmd.js';
export type { LibraryFiles } from './library.js';
export { type LlamaEngine, loadLlamaEngine } from './llama-engine.js';
export type { CacheType, FlashAttention, LlamaOptions, ResolvedOptions } from './options.js';
