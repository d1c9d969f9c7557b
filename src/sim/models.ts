// Provides the engines of a run: the toys of every simulation, or engines of the caller, such as
// real models in virtual time. Times come from the scenario either way.

import type { EngineCore } from '../engine/engine-core.js';
import type { Vocabulary } from '../engine/vocabulary.js';
import { toyEngine, toyVocabulary } from './toy.js';

export interface TargetShape {
  readonly slotCount: number;
  readonly contextLength: number;
  readonly passTokensMax: number;
  readonly passRowsMax: number;
  /** How often its early exit is right; null: it has none. Only for toys. */
  readonly exit: { readonly agreement: number } | null;
}

export interface DraftShape {
  readonly slotCount: number;
  readonly contextLength: number;
  /** From the target. Only for toys. */
  readonly divergence: number;
}

/**
 * One vocabulary for all. Each call gives an engine whose slots are its own until the next run
 * begins.
 */
export interface Models {
  readonly vocabulary: Vocabulary;
  readonly target: (shape: TargetShape) => EngineCore;
  readonly draft: (shape: DraftShape) => EngineCore;
}

export const toyModels: Models = { vocabulary: toyVocabulary, target: toyEngine, draft: toyEngine };
