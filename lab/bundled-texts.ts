// Makes the prompts and laws with which measurements ask the bundled models.

import { storyPrompts } from '../src/cli/demo/openings.js';
import type { Vocabulary } from '../src/engine/vocabulary.js';
import { plainSampling, type Sampling } from '../src/math/sampling.js';

/** A story's opening, the start token first. @param index of any size: openings repeat. */
export const storyPrompt = (vocabulary: Vocabulary, index: number): Int32Array =>
  vocabulary.tokenize(storyPrompts[index % storyPrompts.length]!, {
    addBos: true,
    parseSpecial: false,
  });

/** Temperature and filter of most measurements. */
export const bundledTextLaw = { temperature: 0.8, topK: 40 } as const;

/** A law under which no text ends before its full length. */
export const endlessSampling = (
  { endOfText }: Vocabulary,
  law: Partial<Sampling> = bundledTextLaw,
): Sampling => ({
  ...plainSampling,
  ...law,
  logitBias: new Map([...endOfText].map((token) => [token, -Infinity])),
});

/** Ids whose content does not matter: other in every slot, the same in every run. */
export const fillerText = (slot: number, from: number, count: number): Int32Array =>
  Int32Array.from(
    { length: count },
    (_, index) => 3 + ((slot * 7919 + (from + index) * 104729) % 4000),
  );
