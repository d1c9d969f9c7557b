// Subpath `pilotfish/engine/llama`: llama.cpp as an engine.

export type { ExitChoice, ExitPlan } from './exit-plan.js';
export { findLibrary, type LibraryFiles, libraryFolderVariable, llamaVersion } from './library.js';
export { type LlamaEngine, loadLlamaEngine } from './llama-engine.js';
export type { CacheType, FlashAttention, LlamaOptions, ResolvedOptions } from './options.js';
