// Subpath `pilotfish/engine`: the interface, the scripted engine, and what works over any engine.

export { type SlotId, slotId } from '../base/brand.js';
export { type ErrorCode, PilotfishError } from '../base/error.js';
export { type ChatMessage, renderChat } from './chat-template.js';
export type * from './engine.js';
export { checkPrompt, prefill } from './prefill.js';
export { createScriptedEngine } from './scripted-engine.js';
export type { ScriptedModelOptions } from './scripted-model.js';
export { detokenize, TextStream } from './text-stream.js';
export type { Vocabulary } from './vocabulary.js';
export { checkSameVocabulary, vocabularyDifference } from './vocabulary-match.js';
