// From the flags of `generate` to what is asked of the engines: every value said, every contradiction refused before a
// model is loaded. Draws the one number that nobody gave: the seed.

import { randomInt } from 'node:crypto';
import { PilotfishError } from '../../base/error.js';
import { checkStops } from '../../base/stop-text.js';
import type { Scheme } from '../../engine/engine.js';
import type { SpeculateRequest } from '../../local/speculate.js';
import { checkSampling } from '../../math/sampling.js';
import {
  type DraftOptions,
  type ModelOptions,
  type SamplingOptions,
  samplingOf,
} from '../flags.js';

export interface GenerateOptions extends ModelOptions, DraftOptions, SamplingOptions {
  readonly maxTokens: number;
  readonly file?: string;
  readonly stop: readonly string[];
  readonly deterministic?: boolean;
  readonly showDraft?: boolean;
  readonly json?: boolean;
}

/** All that a text depends on but its prompt. */
export type GenerateSettings = Omit<SpeculateRequest, 'prompt'> & {
  readonly stops: readonly string[];
};

/** 32 bits are enough to tell texts apart, and short enough to be typed again. */
const drawSeed = (): bigint => BigInt(randomInt(2 ** 32));

/**
 * @param given whether a flag was given on the command line, by its option name.
 * @throws PilotfishError `usage` for flags that contradict each other; `sampling-invalid`.
 */
export function settingsOf(
  options: GenerateOptions,
  given: (name: keyof GenerateOptions) => boolean,
): GenerateSettings {
  const sampling = samplingOf(options);
  // Ids are checked by the engine, which knows the vocabulary.
  checkSampling(sampling, Number.POSITIVE_INFINITY);
  checkStops(options.stop);
  checkDraftFlags(options, given);
  return {
    tokensMax: options.maxTokens,
    scheme: schemeOf(options),
    sampling,
    seed: options.seed ?? drawSeed(),
    draftLength: options.draft === undefined ? 0 : options.draftLength,
    confidenceMin: options.confidenceMin,
    stops: options.stop,
  };
}

function checkDraftFlags(
  options: GenerateOptions,
  given: (name: keyof GenerateOptions) => boolean,
): void {
  const { confidenceMin, draft, showDraft, json } = options;
  if (!(confidenceMin >= 0 && confidenceMin <= 1)) {
    throw usage(`--confidence-min ${confidenceMin} is outside [0, 1]`);
  }
  if (showDraft && json) throw usage('--show-draft and --json exclude each other');
  if (draft !== undefined) return;
  const flags = { draftLength: '--draft-length', confidenceMin: '--confidence-min' } as const;
  for (const [name, flag] of Object.entries({ ...flags, threadsDraft: '--threads-draft' })) {
    if (given(name as keyof GenerateOptions)) throw usage(needsDraft(flag));
  }
  if (showDraft) throw usage(needsDraft('--show-draft'));
}

const needsDraft = (flag: string): string =>
  `${flag} needs a draft model, such as --draft stories-draft for the bundled target`;

function schemeOf({ scheme, temp }: GenerateOptions): Scheme {
  if (scheme === 'greedy' && temp > 0) {
    throw usage(
      `--scheme greedy always takes the likeliest token, but --temp is ${temp}: add --temp 0, or use --scheme coupled`,
    );
  }
  return scheme ?? (temp === 0 ? 'greedy' : 'coupled');
}

const usage = (message: string): PilotfishError => new PilotfishError('usage', message);
