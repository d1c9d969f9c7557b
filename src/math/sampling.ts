// Lists the parameters that turn logits into a law, with their ranges. Draft and target share one
// type. No field has a default here: the caller states every one.

import { PilotfishError } from '../base/error.js';

/**
 * Parameters of a law, applied in this order (penalty.ts, law-pipeline.ts): repetition penalty,
 * presence and frequency penalty, logit bias, temperature, top-k, top-p, min-p.
 */
export interface Sampling {
  /** [0, 100]. 0 means the law is a point mass on the largest logit (ties: lowest id). */
  readonly temperature: number;
  /** Keep the k largest logits; 0 keeps all. */
  readonly topK: number;
  /** (0, 1]. Keep the smallest set of likeliest tokens whose mass reaches this; 1 keeps all. */
  readonly topP: number;
  /** [0, 1). Keep tokens at least this fraction as likely as the likeliest; 0 keeps all. */
  readonly minP: number;
  /**
   * [0.01, 100]. Divides positive and multiplies negative logits of tokens seen in prompt or
   * output; 1 is off.
   */
  readonly repetitionPenalty: number;
  /** [-100, 100]. Subtracted once from logits of tokens seen in the output; 0 is off. */
  readonly presencePenalty: number;
  /** [-100, 100]. Subtracted per occurrence in the output; 0 is off. */
  readonly frequencyPenalty: number;
  /** Added to single logits; -Infinity bans a token. */
  readonly logitBias: ReadonlyMap<number, number>;
}

/** Most biased tokens. A longer list would cost more than the row it changes. */
export const logitBiasMax = 1024;

const bounds = {
  temperature: { low: 0, high: 100, range: '[0, 100]' },
  topP: { low: Number.MIN_VALUE, high: 1, range: '(0, 1]' },
  minP: { low: 0, high: 1 - Number.EPSILON / 2, range: '[0, 1)' },
  repetitionPenalty: { low: 0.01, high: 100, range: '[0.01, 100]' },
  presencePenalty: { low: -100, high: 100, range: '[-100, 100]' },
  frequencyPenalty: { low: -100, high: 100, range: '[-100, 100]' },
} as const;

/**
 * Refuses parameters outside their ranges.
 *
 * @param vocabSize biased tokens must lie in [0, vocabSize).
 * @throws PilotfishError `sampling-invalid` naming the first parameter outside its range, or
 *   `token-out-of-range` for a bias.
 *
 * @example
 * ```ts
 * import { checkSampling, plainSampling } from 'pilotfish/math';
 *
 * checkSampling({ ...plainSampling, temperature: 0.8, topK: 40 }, 32_000);
 * ```
 */
export function checkSampling(sampling: Sampling, vocabSize: number): void {
  for (const [name, { low, high, range }] of Object.entries(bounds)) {
    const value = sampling[name as keyof typeof bounds];
    if (!(value >= low && value <= high)) {
      throw new PilotfishError('sampling-invalid', `${name} ${value} is outside ${range}`);
    }
  }
  const { topK, logitBias } = sampling;
  if (!Number.isInteger(topK) || topK < 0) {
    throw new PilotfishError('sampling-invalid', `topK ${topK} is not a whole number >= 0`);
  }
  if (logitBias.size > logitBiasMax) {
    throw new PilotfishError(
      'sampling-invalid',
      `logitBias names ${logitBias.size} tokens, more than ${logitBiasMax}`,
    );
  }
  for (const [id, bias] of logitBias) {
    if (!Number.isInteger(id) || id < 0 || id >= vocabSize) {
      throw new PilotfishError(
        'token-out-of-range',
        `logitBias token ${id} is outside [0, ${vocabSize})`,
      );
    }
    if (Number.isNaN(bias) || bias === Infinity) {
      throw new PilotfishError('sampling-invalid', `logitBias of token ${id} is ${bias}`);
    }
  }
}

/** Whether any parameter needs the history of tokens. */
export function usesHistory(sampling: Sampling): boolean {
  return (
    sampling.repetitionPenalty !== 1 ||
    sampling.presencePenalty !== 0 ||
    sampling.frequencyPenalty !== 0
  );
}

/** Whether top-k, top-p or min-p may cut the vocabulary; the law is then sparse. */
export function isFiltered({ topK, topP, minP }: Sampling): boolean {
  return topK > 0 || topP < 1 || minP > 0;
}

/**
 * The softmax itself: temperature 1, everything else off. A starting point to change, never an
 * implied default.
 */
export const plainSampling: Sampling = {
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  logitBias: new Map(),
};
