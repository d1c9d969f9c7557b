// Counts the cost of an answer, summed over its choices, in the fields clients know: OpenAI's
// usage, vLLM's metrics.speculative_decoding, llama.cpp's timings.

import type { GenerationResult } from './generator.js';

export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  /** Absent where the server does not tell. */
  readonly prompt_tokens_details?: { readonly cached_tokens: number };
  readonly completion_tokens_details: {
    readonly accepted_prediction_tokens: number;
    readonly rejected_prediction_tokens: number;
  };
}

export interface UsageReport {
  readonly usage: Usage;
  readonly metrics: {
    readonly speculative_decoding: {
      /** 1 + accepted / rounds; null without rounds. */
      readonly mean_acceptance_length: number | null;
      /** accepted / tested; null where nothing was tested. */
      readonly draft_acceptance_rate: number | null;
      readonly num_spec_steps: number;
      readonly num_accepted_draft_tokens: number;
      /** Tested drafts; drafts after a rejection are not tested. */
      readonly num_draft_tokens: number;
      /** All drafted tokens, tested or not. */
      readonly num_spec_tokens: number;
      /** False where a choice ended on unverified tokens. */
      readonly is_verified: boolean;
      /** Tokens by who proposed each; only those that are not 0. */
      readonly num_tokens_by_source: { readonly [source in TokenSource]?: number };
    };
  };
  readonly timings: {
    readonly predicted_n: number;
    /** From the first token to the last, of the slowest choice. */
    readonly predicted_ms: number;
    readonly predicted_per_second: number | null;
    readonly draft_n: number;
    readonly draft_n_accepted: number;
  };
}

type TokenSource = keyof GenerationResult['sources'];
const sourceNames: readonly TokenSource[] = ['device', 'model', 'suffix', 'target'];

/** Sums without zeros. */
function bySource(results: readonly GenerationResult[]): { [source in TokenSource]?: number } {
  const sums = sourceNames.map((name) => {
    return [name, results.reduce((sum, { sources }) => sum + sources[name], 0)] as const;
  });
  return Object.fromEntries(sums.filter(([, sum]) => sum > 0));
}

const share = (part: number, whole: number): number | null => (whole > 0 ? part / whole : null);

/** @param results [n >= 1] of all choices. @param promptCount tokens of each prompt once. */
export function usageOf(results: readonly GenerationResult[], promptCount: number): UsageReport {
  const sum = (read: (result: GenerationResult) => number): number =>
    results.reduce((total, result) => total + read(result), 0);
  const tokenCount = sum((result) => result.tokenCount);
  const tested = sum((result) => result.testedCount);
  const accepted = sum((result) => result.acceptedCount);
  const rounds = sum((result) => result.roundCount);
  // Choices after the first find its prompt cached, so the least is what the prompt itself found.
  const cached = results.map(({ cachedCount }) => cachedCount).filter((count) => count !== null);
  const predictedMs = Math.max(
    ...results.map(({ totalMs, firstTokenMs }) => totalMs - (firstTokenMs ?? totalMs)),
  );
  return {
    usage: {
      prompt_tokens: promptCount,
      completion_tokens: tokenCount,
      total_tokens: promptCount + tokenCount,
      ...(cached.length > 0 && { prompt_tokens_details: { cached_tokens: Math.min(...cached) } }),
      completion_tokens_details: {
        accepted_prediction_tokens: accepted,
        rejected_prediction_tokens: tested - accepted,
      },
    },
    metrics: {
      speculative_decoding: {
        mean_acceptance_length: rounds > 0 ? 1 + accepted / rounds : null,
        draft_acceptance_rate: share(accepted, tested),
        num_spec_steps: rounds,
        num_accepted_draft_tokens: accepted,
        num_draft_tokens: tested,
        num_spec_tokens: sum((result) => result.draftedCount),
        is_verified: results.every((result) => result.isVerified),
        num_tokens_by_source: bySource(results),
      },
    },
    timings: {
      predicted_n: tokenCount,
      predicted_ms: predictedMs,
      predicted_per_second: share(tokenCount * 1000, predictedMs),
      draft_n: tested,
      draft_n_accepted: accepted,
    },
  };
}
