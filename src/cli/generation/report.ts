// Builds the document of --json: request, models, result and times. Pure.

import { unreachable } from '../../base/assert.js';
import type { EngineInfo } from '../../engine/engine.js';
import type { Sampling } from '../../math/sampling.js';
import type { DrafterName } from '../flags/draft-flags.js';
import type { GeneratedText } from './generation.js';
import type { GenerateSettings } from './settings.js';

/** A loaded model, as far as the document names it. */
interface ReportedModel {
  readonly info: Pick<EngineInfo, 'modelName' | 'contextLength'>;
  readonly options: { readonly modelPath: string; readonly threads: number };
}

interface ReportParts {
  readonly engines: {
    readonly target: ReportedModel;
    readonly draft: ReportedModel | null;
    readonly draftKind: DrafterName['kind'];
    readonly loadMs: number;
  };
  readonly settings: GenerateSettings;
  readonly deterministic: boolean;
  readonly promptText: string;
  readonly promptTokenCount: number;
  readonly generation: GeneratedText;
}

/** The document of --json. A rate without samples is null; a seed may exceed 2^53: a string. */
export function reportOf(parts: ReportParts): object {
  const { engines, settings, deterministic, generation } = parts;
  const { loadMs } = engines;
  const { tokensMax, stops, seed, sampling, ...rest } = settings;
  return {
    target: modelReport(engines.target),
    draft: draftReport(engines),
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

function draftReport({ draftKind, draft }: ReportParts['engines']): object | null {
  switch (draftKind) {
    case 'model':
      return modelReport(draft!);
    case 'suffix':
      return { name: draftKind };
    case 'none':
      return null;
    default:
      return unreachable(draftKind);
  }
}

const modelReport = ({ info, options }: ReportedModel): object => ({
  name: info.modelName,
  path: options.modelPath,
  contextLength: info.contextLength,
  threads: options.threads,
});

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
