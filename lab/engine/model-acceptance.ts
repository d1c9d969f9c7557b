// How many drafted tokens a target accepts, in the real loop: no estimate from laws, every round is played. And how many
// texts part from those that the target writes alone, where a near tie falls the other way in a pass of another shape.

import type { Engine } from '../../src/engine/engine.js';
import {
  type SpeculateRequest,
  type SpeculationRound,
  speculate,
} from '../../src/engine/local/speculate.js';
import { plainSampling, type Sampling } from '../../src/math/sampling.js';

export interface AcceptanceCase {
  readonly name: string;
  readonly scheme: 'greedy' | 'coupled';
  readonly sampling: Sampling;
}

export const acceptanceCases: readonly AcceptanceCase[] = [
  { name: 'greedy', scheme: 'greedy', sampling: { ...plainSampling, temperature: 0 } },
  {
    name: 'coupled, temperature 0.8, top-k 40',
    scheme: 'coupled',
    sampling: { ...plainSampling, temperature: 0.8, topK: 40 },
  },
];

export interface AcceptanceSize {
  readonly prompts: readonly string[];
  /** Tokens of each text. */
  readonly tokensMax: number;
  /** Tokens drafted in a round (gamma), >= 1. */
  readonly draftLength: number;
}

export interface AcceptanceCount {
  readonly accepted: number;
  /** Accepted, and the first rejected of each round. */
  readonly tested: number;
  readonly passes: number;
  readonly tokens: number;
  readonly texts: number;
  /** Texts that differ from the target's own. */
  readonly parted: number;
}

/** The seed of a text is the index of its prompt. */
export async function countAcceptance(
  target: Engine,
  draft: Engine,
  { scheme, sampling }: AcceptanceCase,
  { prompts, tokensMax, draftLength }: AcceptanceSize,
): Promise<AcceptanceCount> {
  let [accepted, tested, passes, tokens, parted] = [0, 0, 0, 0, 0];
  for (const [index, text] of prompts.entries()) {
    const request: SpeculateRequest = {
      prompt: target.info.vocabulary.tokenize(text, { addBos: true, parseSpecial: false }),
      tokensMax,
      scheme,
      sampling,
      seed: BigInt(index),
      draftLength,
      confidenceMin: 0,
    };
    const rounds = await play(target, draft, request);
    for (const round of rounds) {
      accepted += round.acceptedCount;
      tested += round.acceptedCount + (round.final === 'residual' ? 1 : 0);
    }
    const written = rounds.flatMap((round) => round.tokens);
    const alone = await play(target, null, { ...request, draftLength: 0 });
    if (alone.flatMap((round) => round.tokens).join() !== written.join()) parted++;
    tokens += written.length;
    passes += rounds.length;
  }
  return { accepted, tested, passes, tokens, texts: prompts.length, parted };
}

async function play(
  target: Engine,
  draft: Engine | null,
  request: SpeculateRequest,
): Promise<SpeculationRound[]> {
  const rounds: SpeculationRound[] = [];
  for await (const round of speculate(target, draft, request)) rounds.push(round);
  return rounds;
}
