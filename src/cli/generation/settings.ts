// Turns the flags of `generate` into a request: every value set, every contradiction refused before
// a model is loaded. Draws a seed where none is given.

import type { Command } from 'commander';
import { checkStops } from '../../base/stop-text.js';
import type { SpeculateRequest } from '../../engine/local/speculate.js';
import { schemaText } from '../../grammar/output-format.js';
import { checkSampling } from '../../math/sampling.js';
import { checkDraftFlags, type DraftOptions, drafterOf, schemeOf } from '../flags/draft-flags.js';
import type { LoadOptions } from '../flags/model-flags.js';
import { drawSeed, type SamplingOptions, samplingOf } from '../flags/sampling-flags.js';
import { checkLogprobs, formatOf, type TextOptions } from '../flags/text-flags.js';

export interface GenerateFlags extends LoadOptions, DraftOptions, SamplingOptions, TextOptions {
  readonly model: string;
  readonly maxTokens: number;
  /** Absent: as the target's. */
  readonly threadsDraft?: number;
  readonly deterministic?: boolean;
}

/** Everything that a text depends on except its prompt. */
export type GenerateSettings = Omit<SpeculateRequest, 'prompt'> & {
  readonly stops: readonly string[];
};

/** @throws PilotfishError `usage` for flags that contradict each other; `sampling-invalid`. */
export function generateSettings(
  options: GenerateFlags,
  command: Pick<Command, 'options' | 'getOptionValueSource'>,
): GenerateSettings {
  const sampling = samplingOf(options);
  // The engine checks ids, because it knows the vocabulary.
  checkSampling(sampling, Number.POSITIVE_INFINITY);
  checkStops(options.stop);
  checkDraftFlags(options, command, ['--threads-draft']);
  checkLogprobs(options);
  const format = formatOf(options);
  return {
    tokensMax: options.maxTokens,
    scheme: schemeOf(options),
    sampling,
    seed: options.seed ?? drawSeed(),
    draftLength: drafterOf(options).kind === 'none' ? 0 : options.draftLength,
    confidenceMin: options.confidenceMin,
    stops: options.stop,
    ...(format !== null && { schema: schemaText(format) }),
    ...(options.logprobs !== undefined && { topLogprobs: options.logprobs }),
  };
}
