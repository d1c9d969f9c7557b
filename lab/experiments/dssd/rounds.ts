// Writes texts under every scheme in one process and counts drafts, tokens and bytes. The link
// comes later, as arithmetic: a stop-and-wait round sends the same bytes over any.

import type { Engine, Scheme } from '../../../src/engine/engine.js';
import { loadLlamaEngine } from '../../../src/engine/llama/index.js';
import { speculate } from '../../../src/engine/local/speculate.js';
import type { CutLimit } from '../../../src/math/cut-law.js';
import { plainSampling, type Sampling } from '../../../src/math/sampling.js';
import { storyPrompt } from '../../bundled-texts.js';
import type { BenchModels } from '../../weights/bench-models.js';
import { spikyEngine } from '../spiky-model.js';
import { type Exchange, tapWire } from '../wire-tap.js';

/** A scheme as it is compared here: `split` goes with its law whole and cut. */
export interface SchemeVariant {
  readonly name: string;
  readonly scheme: Scheme;
  readonly cut: CutLimit | null;
}

export const schemeVariants: readonly SchemeVariant[] = [
  { name: 'full', scheme: 'full', cut: null },
  { name: 'split', scheme: 'split', cut: null },
  { name: 'split, law cut to 32', scheme: 'split', cut: { keepMax: 32 } },
  { name: 'coupled', scheme: 'coupled', cut: null },
  { name: 'greedy', scheme: 'greedy', cut: null },
];

/** Two models of one vocabulary. */
export interface Pair {
  readonly name: string;
  readonly target: Engine;
  readonly draft: Engine;
  /** A scripted model's law knows no end of text, and its texts need no prompts of their own. */
  readonly isScripted: boolean;
}

/** One text: what its rounds took. */
export interface RoundsText {
  readonly tokenCount: number;
  readonly rounds: readonly Exchange[];
}

/** Accepts about as many drafts as the bundled pair does. */
const scriptedDivergence = 2;
const scriptedSizes = [32_000, 128_000];

/** The bundled pair, and scripted ones with vocabularies of today's sizes. */
export async function openPairs(models: BenchModels): Promise<Pair[]> {
  const load = (modelPath: string): Promise<Engine> =>
    loadLlamaEngine({ modelPath, contextLength: 512, threads: 1, probe: false });
  const [target, draft] = [await load(models.target()), await load(models.draft())];
  const { size } = target.info.vocabulary;
  return [
    { name: `${size} (bundled)`, target, draft, isScripted: false },
    ...scriptedSizes.map((vocabSize) => ({
      name: `${vocabSize} (scripted)`,
      target: spikyEngine(vocabSize, 0),
      draft: spikyEngine(vocabSize, scriptedDivergence),
      isScripted: true,
    })),
  ];
}

/** @param topK 0: no filter. */
export const dssdSampling = (scheme: Scheme, topK: number): Sampling => ({
  ...plainSampling,
  temperature: scheme === 'greedy' ? 0 : 0.8,
  ...(topK > 0 && { topK }),
});

interface RoundsTextOptions {
  readonly topK: number;
  /** Gamma, >= 1. */
  readonly draftLength: number;
  readonly textCount: number;
  readonly tokensMax: number;
  readonly seed: number;
}

/** Texts of different prompts and seeds; the same ones under every variant. */
export async function writeTexts(
  pair: Pair,
  { scheme, cut }: SchemeVariant,
  options: RoundsTextOptions,
): Promise<RoundsText[]> {
  const { topK, draftLength, textCount, tokensMax } = options;
  let seed = 0n;
  const tap = tapWire(pair.target, pair.draft, cut, () => seed);
  const texts: RoundsText[] = [];
  for (let index = 0; index < textCount; index++) {
    seed = BigInt(options.seed * 1_000 + index);
    const prompt = promptOf(pair, index);
    const asked = { prompt, tokensMax, scheme, sampling: dssdSampling(scheme, topK), seed };
    let tokenCount = 0;
    const rounds = speculate(tap.target, tap.draft, { ...asked, draftLength, confidenceMin: 0 });
    for await (const { tokens } of rounds) tokenCount += tokens.length;
    texts.push({ tokenCount, rounds: tap.take() });
  }
  return texts;
}

const promptOf = ({ target, isScripted }: Pair, index: number): Int32Array =>
  isScripted ? Int32Array.of(100 + index, 7) : storyPrompt(target.info.vocabulary, index);
