// Holds the proof harness: two small models whose logits depend on the whole context, and the exact
// law of the text that a scheme's rounds produce. Holds no scheme; the shipped ones are under
// proof.

import type { ChanceBranch } from './enumerating-chance.suite.js';
import { TokenHistory } from './history.js';
import { type Law, probOf } from './law.js';
import { lawFromLogits } from './law-pipeline.js';
import { noiseKey, uniform } from './noise.js';
import { applyPenalties } from './penalty.js';
import { plainSampling as plain, type Sampling } from './sampling.js';

export { plain };

/**
 * Every filter alone and all together; each changes the laws of the toy models (asserted by the
 * tests).
 */
export const samplings: Readonly<Record<string, Sampling>> = {
  'no filter': plain,
  'temperature 0.5': { ...plain, temperature: 0.5 },
  'temperature 1.7': { ...plain, temperature: 1.7 },
  'top-k 2': { ...plain, topK: 2 },
  'top-p 0.7': { ...plain, topP: 0.7 },
  'min-p 0.4': { ...plain, minP: 0.4 },
  penalties: { ...plain, repetitionPenalty: 1.8, presencePenalty: 0.7, frequencyPenalty: 0.4 },
  bias: {
    ...plain,
    logitBias: new Map([
      [0, 0.8],
      [1, -1.1],
    ]),
  },
  'all at once': {
    temperature: 1.3,
    topK: 3,
    topP: 0.95,
    minP: 0.05,
    repetitionPenalty: 1.3,
    presencePenalty: 0.2,
    frequencyPenalty: 0.3,
    logitBias: new Map([[1, 0.5]]),
  },
};

/** The law of the token that follows a prefix. */
export type LawAt = (prefix: readonly number[]) => Law;

/** Tokens of the prompt of every proof: penalties tell them from the output. */
export const prompt: readonly number[] = [1, 0];

/**
 * A model whose logits are uniform in [-2, 2] and differ with every prefix, through the shipped
 * penalties and filters. Laws are kept, since proofs ask for the same few prefixes over and over.
 */
export function toyModel(name: bigint, vocabSize: number, sampling: Sampling): LawAt {
  const key = noiseKey(name, 'draft');
  const known = new Map<string, Law>();
  return (prefix) => {
    const label = prefix.join();
    let law = known.get(label);
    if (!law) {
      // Tokens are below 16; a collision of long prefixes would only make two contexts alike.
      const place = prefix.reduce((number, token) => number * 17 + token + 1, 0) >>> 0;
      const logits = new Float32Array(vocabSize).map((_, id) => 4 * uniform(key, place, id) - 2);
      const history = new TokenHistory();
      prefix.forEach((token, index) => {
        history.push(token, index >= prompt.length);
      });
      applyPenalties(logits, sampling, history);
      law = lawFromLogits(logits, sampling);
      known.set(label, law);
    }
    return law;
  };
}

/** Probability of every text, labelled by its tokens joined with commas. */
export type TextLaw = ReadonlyMap<string, number>;

/** The tokens that one round commits after a prefix, in all branches: at least one each. */
export type Round = (prefix: readonly number[]) => readonly ChanceBranch<readonly number[]>[];

/**
 * The exact law of the next `length` tokens after `prefix` when rounds are run until there are
 * enough.
 */
export function textLaw(round: Round, prefix: readonly number[], length: number): TextLaw {
  const known = new Map<string, TextLaw>();
  const after = (start: readonly number[], missing: number): TextLaw => {
    if (missing <= 0) return new Map([['', 1]]);
    // Start and missing determine each other.
    const label = start.join();
    const found = known.get(label);
    if (found) return found;
    const law = new Map<string, number>();
    for (const { value, weight } of round(start)) {
      const tokens = value.slice(0, missing);
      for (const [rest, prob] of after([...start, ...tokens], missing - tokens.length)) {
        const text = rest === '' ? tokens.join() : `${tokens.join()},${rest}`;
        law.set(text, (law.get(text) ?? 0) + weight * prob);
      }
    }
    known.set(label, law);
    return law;
  };
  return after(prefix, length);
}

/** Rounds of one token from the target alone: what every scheme must equal. */
export function targetOnly(targetLawAt: LawAt, vocabSize: number): Round {
  return (prefix) => {
    const law = targetLawAt(prefix);
    return Array.from({ length: vocabSize }, (_, token) => ({
      value: [token],
      weight: probOf(law, token),
    })).filter(({ weight }) => weight > 0);
  };
}

/** Half the sum of absolute differences, in [0, 1]. */
export function totalVariation(a: TextLaw, b: TextLaw): number {
  let sum = 0;
  for (const text of new Set([...a.keys(), ...b.keys()])) {
    sum += Math.abs((a.get(text) ?? 0) - (b.get(text) ?? 0));
  }
  return sum / 2;
}
