// Subpath `pilotfish/engine/llama`: llama.cpp as an engine.

export { findLibrary, type LibraryFiles, libraryFolderVariable, llamaVersion } from './library.js';
export { type LlamaEngine, loadLlamaEngine } from './llama-engine.js';
export type { CacheType, FlashAttention, LlamaOptions, ResolvedOptions } from './options.js';
