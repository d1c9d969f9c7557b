// What computes in a run: the toys of every simulation, or engines that a caller brings, such as real models in virtual
// time. Whatever they are, times come from the scenario.

import type { EngineCore } from '../engine/engine-core.js';
import type { Vocabulary } from '../engine/vocabulary.js';
import { toyEngine, toyVocabulary } from './toy.js';

export interface TargetShape {
  readonly slotCount: number;
  readonly contextLength: number;
  readonly passTokensMax: number;
  readonly passRowsMax: number;
  /** How often its early exit is right; null: it has none. Only a toy can be told. */
  readonly exit: { readonly agreement: number } | null;
}

export interface DraftShape {
  readonly slotCount: number;
  readonly contextLength: number;
  /** From the target; only a toy can be told. */
  readonly divergence: number;
}

/** One vocabulary for all. Each call gives an engine whose slots are its own until the next run begins. */
export interface Models {
  readonly vocabulary: Vocabulary;
  readonly target: (shape: TargetShape) => EngineCore;
  readonly draft: (shape: DraftShape) => EngineCore;
}

export const toyModels: Models = { vocabulary: toyVocabulary, target: toyEngine, draft: toyEngine };
