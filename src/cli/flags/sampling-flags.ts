// Defines the flags of sampling and length. Without defaults of the command, flags that are not
// given leave the law unchanged.

import { randomInt } from 'node:crypto';
import type { Command } from 'commander';
import { logitBiasMax, type Sampling } from '../../math/sampling.js';
import { addGroup, decimal, flag, usageError, wholeNumber } from './flags.js';

/** The values of the sampling flags, all set. */
export interface SamplingOptions {
  readonly maxTokens?: number;
  readonly temp: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  readonly repeatPenalty: number;
  readonly presencePenalty: number;
  readonly frequencyPenalty: number;
  readonly logitBias: ReadonlyMap<number, number>;
  readonly seed?: bigint;
}

/** The parameters for which a command may have its own defaults. */
export type LawDefaults = Pick<SamplingOptions, 'temp' | 'topK' | 'topP' | 'minP'>;

/** The model's law, unchanged. */
const neutralLaw: LawDefaults = { temp: 1, topK: 0, topP: 1, minP: 0 };

/** The defaults of llama.cpp's command line. */
export const usualLaw: LawDefaults = { temp: 0.8, topK: 40, topP: 0.95, minP: 0.05 };

/** Adds the sampling flags. Without `law` the defaults change nothing. */
export function addSamplingFlags(
  command: Command,
  law: LawDefaults = neutralLaw,
  maxTokens?: number,
): Command {
  const count = wholeNumber(0, countMax);
  const bias = flag(
    '--logit-bias <id=value>',
    'add a value to one logit; -inf bans the token; repeatable, or a list with commas',
  ).default(new Map(), 'none');
  const length = flag('-n, --max-tokens <n>', 'most tokens to write', wholeNumber(1, countMax));
  return addGroup(command, 'Sampling', [
    length.default(maxTokens),
    flag('--temp <t>', 'temperature in [0, 100]; 0 is greedy', decimal).default(law.temp),
    flag('--top-k <k>', 'keep the k likeliest tokens; 0 keeps all', count).default(law.topK),
    flag('--top-p <p>', 'keep the likeliest tokens up to this mass; 1 keeps all', decimal).default(
      law.topP,
    ),
    flag(
      '--min-p <p>',
      'drop tokens less likely than this share of the likeliest one; 0 is off',
      decimal,
    ).default(law.minP),
    flag(
      '--repeat-penalty <x>',
      'divide the logits of tokens seen so far by this; 1 is off',
      decimal,
    ).default(1),
    flag(
      '--presence-penalty <x>',
      'subtract this once from the logits of written tokens; 0 is off',
      decimal,
    ).default(0),
    flag(
      '--frequency-penalty <x>',
      'subtract this from the logits of written tokens, once per occurrence; 0 is off',
      decimal,
    ).default(0),
    bias.argParser(collectLogitBias),
    flag('--seed <n>', 'seed of all random choices, in [0, 2^64)', parseSeed),
  ]);
}

const countMax = 2 ** 31 - 1;

/** Adds the pairs of one `--logit-bias`, such as `15043=-1.5,2=-inf`, to those before. */
export function collectLogitBias(
  text: string,
  before: ReadonlyMap<number, number>,
): ReadonlyMap<number, number> {
  const biases = new Map(before);
  for (const pair of text.split(',')) {
    const [, id, bias] = /^\s*(\d+)\s*=\s*(\S+)\s*$/.exec(pair) ?? [];
    const value =
      bias === undefined ? Number.NaN : /^-inf(inity)?$/i.test(bias) ? -Infinity : Number(bias);
    if (id === undefined || Number.isNaN(value) || value === Infinity) {
      throw usageError(`--logit-bias takes ID=VALUE such as 15043=-1.5 or 2=-inf, not '${pair}'`);
    }
    biases.set(Number(id), value);
  }
  if (biases.size > logitBiasMax) {
    throw usageError(
      `--logit-bias names ${biases.size} tokens; at most ${logitBiasMax} are allowed`,
    );
  }
  return biases;
}

/** Draws a seed of 32 bits: short enough to type again. */
export const drawSeed = (): bigint => BigInt(randomInt(2 ** 32));

/** Parses a seed in [0, 2^64), decimal or 0x hexadecimal. @throws PilotfishError `usage`. */
export function parseSeed(text: string): bigint {
  const value = /^(\d+|0x[\da-f]+)$/i.test(text.trim()) ? BigInt(text.trim()) : -1n;
  if (value < 0n || value >= 1n << 64n) {
    throw usageError(`--seed takes a whole number in [0, 2^64), not '${text}'`);
  }
  return value;
}

/** The sampling parameters of the flags; checkSampling checks them against the vocabulary. */
export function samplingOf(options: SamplingOptions): Sampling {
  return {
    temperature: options.temp,
    topK: options.topK,
    topP: options.topP,
    minP: options.minP,
    repetitionPenalty: options.repeatPenalty,
    presencePenalty: options.presencePenalty,
    frequencyPenalty: options.frequencyPenalty,
    logitBias: options.logitBias,
  };
}
