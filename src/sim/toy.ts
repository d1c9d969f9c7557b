// Provides the scripted engines of a simulation: one target that all servers hold, and drafts that
// diverge from it. Small, exact, and dependent on every token before, so that a wrong cache shows
// in the text.

import { EngineCore } from '../engine/engine-core.js';
import { referenceRowMath } from '../engine/row-math.js';
import { scriptedDefaults } from '../engine/scripted-engine.js';
import { ScriptedModel, type ScriptedModelOptions } from '../engine/scripted-model.js';
import { scriptedVocabulary } from '../engine/scripted-vocabulary.js';
import { FormatChecker } from '../grammar/format-checker.js';
import { GrammarCache } from '../grammar/grammar-cache.js';
import type { Random } from './random.js';

export const toyVocabulary = scriptedVocabulary(scriptedDefaults.vocabSize);
export const toyFormats = new FormatChecker(toyVocabulary);

/** Letters; the ids below are not text. */
const firstLetter = 2;

/** [count] ids of letters. */
export const toyLetters = (random: Random, count: number): number[] =>
  Array.from({ length: count }, () => firstLetter + random.below(toyVocabulary.size - firstLetter));

/** @param options beside scriptedDefaults. */
export function toyEngine(options: Partial<ScriptedModelOptions>): EngineCore {
  const model = { ...scriptedDefaults, ...options };
  const vocabulary = scriptedVocabulary(model.vocabSize);
  return new EngineCore({
    model: new ScriptedModel(model),
    math: referenceRowMath(model.vocabSize),
    endOfText: vocabulary.endOfText,
    grammars: new GrammarCache(vocabulary),
    now: () => 0,
  });
}
