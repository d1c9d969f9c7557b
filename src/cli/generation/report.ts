// Builds the document of --json: request, models, result and times. Pure.

import type { EngineInfo } from '../../engine/engine.js';
import type { Sampling } from '../../math/sampling.js';
import type { GeneratedText } from './generation.js';
import type { GenerateSettings } from './settings.js';

/** A loaded model in the document. */
export interface ModelReport {
  readonly name: string;
  readonly path: string;
  readonly contextLength: number;
  readonly threads: number;
}

export const modelReport = (engine: {
  readonly info: EngineInfo;
  readonly options: { readonly modelPath: string; readonly threads: number };
}): ModelReport => ({
  name: engine.info.modelName,
  path: engine.options.modelPath,
  contextLength: engine.info.contextLength,
  threads: engine.options.threads,
});

export interface ReportParts {
  readonly target: ModelReport;
  /** The drafter: a model, `ngram` by its name only, or none. */
  readonly draft: ModelReport | { readonly name: 'ngram' } | null;
  readonly settings: GenerateSettings;
  readonly deterministic: boolean;
  readonly promptText: string;
  readonly promptTokenCount: number;
  readonly loadMs: number;
  readonly generation: GeneratedText;
}

/** The document of --json. A rate without samples is null; a seed may exceed 2^53: a string. */
export function reportOf(parts: ReportParts): object {
  const { target, draft, settings, deterministic, generation, loadMs } = parts;
  const { tokensMax, stops, seed, sampling, ...rest } = settings;
  return {
    target,
    draft,
    settings: {
      ...rest,
      sampling: plainLaw(sampling),
      seed: String(seed),
      maxTokens: tokensMax,
      stop: stops,
      deterministic,
    },
    prompt: { text: parts.promptText, tokenCount: parts.promptTokenCount },
    text: generation.text,
    tokens: generation.tokens,
    ...(settings.topLogprobs !== undefined && { logprobs: generation.logprobs }),
    tokenCount: generation.tokens.length,
    endReason: generation.end,
    rounds: roundsOf(generation),
    timing: timingOf(generation, loadMs),
    tokensPerSecond: orNull((generation.tokens.length / generation.generationMs) * 1000),
  };
}

function plainLaw(sampling: Sampling): object {
  const bias = [...sampling.logitBias].map(([token, value]) => ({
    token,
    bias: value === -Infinity ? '-inf' : value,
  }));
  return { ...sampling, logitBias: bias };
}

function roundsOf({ tally }: GeneratedText): object {
  const { roundCount, draftedCount, testedCount, acceptedCount } = tally;
  return {
    roundCount,
    draftedCount,
    testedCount,
    acceptedCount,
    acceptanceRate: orNull(tally.acceptanceRate),
    draftEfficiency: orNull(tally.draftEfficiency),
    meanAcceptedLength: orNull(tally.meanAcceptedLength),
    positions: tally.positions.map((counts, index) => ({
      ...counts,
      acceptanceRate: orNull(tally.acceptanceRateAt(index)),
    })),
  };
}

const timingOf = (generation: GeneratedText, loadMs: number): object => ({
  loadMs,
  prefillMs: generation.targetTimes.prefillMs,
  generationMs: generation.generationMs,
  draftMs: generation.draftTimes.draftMs,
  verifyMs: generation.targetTimes.passMs,
});

/** JSON has no NaN and no infinity. */
const orNull = (value: number): number | null => (Number.isFinite(value) ? value : null);
