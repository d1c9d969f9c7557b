/**
 * The engine interface, the scripted engine for tests, and functions that work with any engine.
 *
 * @module pilotfish/engine
 */

export { type SlotId, slotId } from '../base/brand.js';
export type { ChatMessage } from '../base/chat-message.js';
export { type ErrorCode, type ErrorEntry, errorTable, PilotfishError } from '../base/error.js';
export type { LawLogprobs, RankedToken, TokenLogprobs } from '../math/logprobs.js';
export { renderChat } from './chat-template.js';
export type {
  Alternatives,
  DraftEachResult,
  DraftEnd,
  DraftEndReason,
  DraftEngine,
  DraftedToken,
  DraftPass,
  DraftRequest,
  DraftRun,
  DraftStop,
  Engine,
  EngineInfo,
  ExitHint,
  ExitInfo,
  Judge,
  OnHints,
  Outcome,
  PassResult,
  Scheme,
  Segment,
  SlotConfig,
  VerdictLogprobs,
} from './engine.js';
export type { EncodedPicture, ImageGrid, ImageRows, PicturePiece } from './image-tokens.js';
export { prefill } from './prefill.js';
export { createScriptedEngine } from './scripted-engine.js';
export type { ScriptedModelOptions } from './scripted-model.js';
export { detokenize, TextStream } from './text-stream.js';
export type { Vocabulary } from './vocabulary.js';
export { checkSameVocabulary } from './vocabulary-match.js';
