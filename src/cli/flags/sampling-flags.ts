// The flags of a law and of how much is written. Fills in a law only where a command names one: otherwise a flag not
// given leaves the law as the model has it.

import { randomInt } from 'node:crypto';
import type { Command } from 'commander';
import { PilotfishError } from '../../base/error.js';
import { logitBiasMax, type Sampling } from '../../math/sampling.js';
import { decimal, flag, wholeNumber } from './flags.js';

/** What the sampling flags come to, with every value said. */
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

/** The parts of a law that a command may give defaults of its own. */
export type LawDefaults = Pick<SamplingOptions, 'temp' | 'topK' | 'topP' | 'minP'>;

/** The law as the model has it. */
const neutralLaw: LawDefaults = { temp: 1, topK: 0, topP: 1, minP: 0 };

/** What users of llama.cpp's command line get when they name nothing. */
export const usualLaw: LawDefaults = { temp: 0.8, topK: 40, topP: 0.95, minP: 0.05 };

/** Adds the flags of a law. Unless the command gives a law, defaults change nothing; help shows them either way. */
export function addSamplingFlags(
  command: Command,
  law: LawDefaults = neutralLaw,
  maxTokens?: number,
): Command {
  const number = (spec: string, text: string, value: number, parse?: (text: string) => number) => {
    const name = /--[\w-]+/.exec(spec)![0];
    return flag(spec, text, parse ?? decimal(name)).default(value);
  };
  const countMax = 2 ** 31 - 1;
  const flags = [
    flag(
      '-n, --max-tokens <n>',
      'tokens to write at most',
      wholeNumber('--max-tokens', 1, countMax),
    ).default(maxTokens),
    number('--temp <t>', 'temperature in [0, 100]; 0 is greedy', law.temp),
    number(
      '--top-k <k>',
      'keep the k likeliest tokens; 0 keeps all',
      law.topK,
      wholeNumber('--top-k', 0, countMax),
    ),
    number('--top-p <p>', 'keep the likeliest tokens up to this mass; 1 keeps all', law.topP),
    number(
      '--min-p <p>',
      'drop tokens less likely than this share of the likeliest; 0 is off',
      law.minP,
    ),
    number('--repeat-penalty <x>', 'divides logits of tokens seen so far; 1 is off', 1),
    number('--presence-penalty <x>', 'taken once from logits of tokens written; 0 is off', 0),
    number(
      '--frequency-penalty <x>',
      'taken per occurrence from logits of tokens written; 0 is off',
      0,
    ),
    flag(
      '--logit-bias <id=value>',
      'added to one logit; -inf bans the token; may be given again or as a list',
    ),
    flag('--seed <n>', 'seed of all chance, in [0, 2^64)', parseSeed),
  ];
  const bias = flags.find((option) => option.long === '--logit-bias')!;
  bias.default(new Map(), 'none');
  bias.argParser(collectLogitBias);
  for (const option of flags) command.addOption(option.helpGroup('Sampling:'));
  return command;
}

/**
 * One value of `--logit-bias`, added to those before it: `15043=-1.5`, or several with commas (as the environment
 * needs them). Throws `usage` for a malformed pair; ids are checked against the vocabulary by checkSampling.
 */
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
      throw usage(`--logit-bias takes ID=VALUE such as 15043=-1.5 or 2=-inf, not '${pair}'`);
    }
    biases.set(Number(id), value);
  }
  if (biases.size > logitBiasMax) {
    throw usage(`--logit-bias names ${biases.size} tokens, more than ${logitBiasMax}`);
  }
  return biases;
}

/** 32 bits are enough to tell texts apart, and short enough to be typed again. */
export const drawSeed = (): bigint => BigInt(randomInt(2 ** 32));

const usage = (message: string): PilotfishError => new PilotfishError('usage', message);

/** A seed in [0, 2^64), decimal or 0x hexadecimal. Throws `usage`. */
export function parseSeed(text: string): bigint {
  const value = /^(\d+|0x[\da-f]+)$/i.test(text.trim()) ? BigInt(text.trim()) : -1n;
  if (value < 0n || value >= 1n << 64n) {
    throw usage(`--seed takes a whole number in [0, 2^64), not '${text}'`);
  }
  return value;
}

/** The law's parameters that the flags name; to be checked with checkSampling once the vocabulary is known. */
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
