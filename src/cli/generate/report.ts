// What is said of a text when it is done: one line for people, one document for programs. Pure: numbers in, words out.

import type { EngineInfo } from '../../engine/engine.js';
import type { Sampling } from '../../math/sampling.js';
import { formatCount, formatShare, formatTokenRate } from '../numbers.js';
import type { Generation, TextEnd } from './generation.js';
import type { GenerateSettings } from './settings.js';

const endWords: Readonly<Record<TextEnd, string>> = {
  'end-of-text': 'the model ended the text',
  length: '--max-tokens is reached',
  context: 'the context is full',
  stop: 'a stop string came',
  interrupted: 'stopped with Ctrl-C',
};

/** `128 tokens, 139 tokens/s | accepted 93 of 152 tested (61.2 %), 1.79 a round | seed 42 | ...` without line break. */
export function summary(generation: Generation, seed: bigint): string {
  const { tokens, end, generationMs } = generation;
  const count = `${formatCount(tokens.length)} ${tokens.length === 1 ? 'token' : 'tokens'}`;
  const rate = formatTokenRate(tokens.length, generationMs);
  return [`${count}, ${rate}`, acceptanceWords(generation), `seed ${seed}`, endWords[end]].join(
    ' | ',
  );
}

function acceptanceWords({ tally }: Generation): string {
  if (tally.testedCount === 0) return 'no drafts';
  const { acceptedCount, testedCount, acceptanceRate, meanAcceptedLength } = tally;
  const counts = `${formatCount(acceptedCount)} of ${formatCount(testedCount)} tested`;
  return `accepted ${counts} (${formatShare(acceptanceRate)}), ${meanAcceptedLength.toFixed(2)} a round`;
}

/** What the document says of a loaded model. */
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
  readonly draft: ModelReport | null;
  readonly settings: GenerateSettings;
  readonly deterministic: boolean;
  readonly promptText: string;
  readonly promptTokenCount: number;
  readonly loadMs: number;
  readonly generation: Generation;
}

/** The document of --json. Rates of nothing are null; the seed is a string because it may exceed 2^53. */
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

function roundsOf({ tally }: Generation): object {
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

const timingOf = (generation: Generation, loadMs: number): object => ({
  loadMs,
  prefillMs: generation.targetTimes.prefillMs,
  generationMs: generation.generationMs,
  draftMs: generation.draftTimes.draftMs,
  verifyMs: generation.targetTimes.passMs,
});

/** JSON has no NaN and no infinity. */
const orNull = (value: number): number | null => (Number.isFinite(value) ? value : null);
