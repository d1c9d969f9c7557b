// Command line flags as users of llama.cpp know them, each with an environment name, each checked where it is read.
// Fills in a law only where a command names one: otherwise a sampling flag not given leaves the law as the model has it.

import { type Command, Option } from 'commander';
import { PilotfishError } from '../base/error.js';
import type { Scheme } from '../engine/engine.js';
import { type CacheType, cacheTypes, type FlashAttention } from '../engine/llama/options.js';
import { logitBiasMax, type Sampling } from '../math/sampling.js';
import type { Environment } from './terminal.js';

/**
 * A flag with its environment name, which is PILOTFISH_ and the long name.
 *
 * @param spec `-ngl, --gpu-layers <n>`. Short names may have several letters after one dash, as llama.cpp has them:
 *   commander refuses to declare those, but finds them once they are set.
 */
export function flag(
  spec: string,
  description: string,
  parse?: (value: string) => unknown,
): Option {
  const [, short, long] = /^(?:(-\w+), )?(--.+)$/.exec(spec)!;
  const option = new Option(long!, description);
  if (short !== undefined) option.short = short;
  option.flags = spec;
  option.env(environmentName(option));
  if (parse) option.argParser((value: string) => parse(value));
  return option;
}

function environmentName(option: Option): string {
  const name = option.long!.replace(/^--(no-)?/, '');
  return `PILOTFISH_${name.toUpperCase().replaceAll('-', '_')}`;
}

/** `--json`, the same on every command that reads. */
export const jsonFlag = (): Option => flag('--json', 'print one JSON document instead of text');

const usage = (message: string): PilotfishError => new PilotfishError('usage', message);

/** Parser of a whole number in [low, high]. */
export function wholeNumber(name: string, low: number, high: number): (text: string) => number {
  return (text) => {
    const value = /^[+-]?\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
    if (!(value >= low && value <= high)) {
      throw usage(`${name} takes a whole number in [${low}, ${high}], not '${text}'`);
    }
    return value;
  };
}

/** Parser of a decimal number. Its range is checked with the whole law, by checkSampling. */
export function decimal(name: string): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!Number.isFinite(value)) throw usage(`${name} takes a number, not '${text}'`);
    return value;
  };
}

/** Parser of one of a few words. */
export function choice<const T extends string>(
  name: string,
  choices: readonly T[],
): (text: string) => T {
  return (text) => {
    const found = choices.find((word) => word === text.toLowerCase());
    if (found === undefined) throw usage(`${name} takes ${choices.join(', ')}, not '${text}'`);
    return found;
  };
}

const trueWords = ['1', 'true', 'on', 'yes', 'enabled'];
const falseWords = ['', '0', 'false', 'off', 'no', 'disabled'];

/** A yes or no from the environment, in the words llama.cpp takes. */
export function switchValue(name: string, text: string): boolean {
  const word = text.trim().toLowerCase();
  if (trueWords.includes(word)) return true;
  if (falseWords.includes(word)) return false;
  throw usage(
    `${name} takes ${trueWords.join(', ')} or ${falseWords.slice(1).join(', ')}, not '${text}'`,
  );
}

/**
 * Reads switches that came from the environment again: commander takes any value of theirs, even `0`, for yes.
 * To be run before the command's action.
 */
export function settleSwitches(command: Command, env: Environment): void {
  for (const option of command.options) {
    const name = option.attributeName();
    if (!option.isBoolean() || command.getOptionValueSource(name) !== 'env') continue;
    const text = env[option.envVar!];
    command.setOptionValueWithSource(name, switchValue(option.envVar!, text ?? ''), 'env');
  }
}

const cacheTypeNames = Object.keys(cacheTypes) as CacheType[];
const flashAttentionModes = ['auto', 'on', 'off'] as const satisfies readonly FlashAttention[];

/** What the model flags of a command come to. Absent means: the engine decides and says what it chose. */
export interface ModelOptions {
  readonly model: string;
  readonly draft?: string;
  readonly ctxSize?: number;
  readonly threads?: number;
  readonly gpuLayers?: number;
  readonly cacheTypeK?: CacheType;
  readonly cacheTypeV?: CacheType;
  readonly flashAttn?: FlashAttention;
}

/** Adds the flags that say which models run and how. `--model` is required unless the command names its default. */
export function addModelFlags(command: Command, defaults: { model?: string } = {}): Command {
  const flags = [
    flag('-m, --model <name>', 'target model: a path, a bundled name, or hf:user/repo/file.gguf'),
    flag('-md, --draft <name>', 'draft model, named like --model'),
    flag('-c, --ctx-size <n>', 'tokens of context', wholeNumber('--ctx-size', 1, 2 ** 24)),
    flag('-t, --threads <n>', 'threads per model', wholeNumber('--threads', 1, 512)),
    flag(
      '-ngl, --gpu-layers <n>',
      'layers kept on the GPU; -1 is all of them',
      wholeNumber('--gpu-layers', -1, 65536),
    ),
    flag(
      '-ctk, --cache-type-k <type>',
      `cache of keys: ${cacheTypeNames.join(', ')}`,
      choice('--cache-type-k', cacheTypeNames),
    ),
    flag(
      '-ctv, --cache-type-v <type>',
      'cache of values, as above',
      choice('--cache-type-v', cacheTypeNames),
    ),
    flag(
      '-fa, --flash-attn <mode>',
      flashAttentionModes.join(', '),
      choice('--flash-attn', flashAttentionModes),
    ),
  ];
  if (defaults.model === undefined) flags[0]!.makeOptionMandatory();
  else flags[0]!.default(defaults.model);
  for (const option of flags) command.addOption(option.helpGroup('Models:'));
  return command;
}

const schemes = [
  'greedy',
  'coupled',
  'agreement',
  'split',
  'full',
] as const satisfies readonly Scheme[];
/** Longer drafts are never accepted whole often enough to pay; each draft is a row of logits of memory. */
const draftLengthMax = 64;

/** What the draft flags come to. */
export interface DraftOptions {
  readonly draftLength: number;
  readonly confidenceMin: number;
  /** Absent: greedy at temperature 0, else coupled. */
  readonly scheme?: Scheme;
  /** Absent: as the target's. */
  readonly threadsDraft?: number;
}

/** Adds the flags that say how drafts are made and verified. None of them changes the target's law. */
export function addDraftFlags(command: Command): Command {
  const flags = [
    flag(
      '--draft-length <n>',
      'tokens drafted in a round; 0 is the target alone',
      wholeNumber('--draft-length', 0, draftLengthMax),
    ).default(4),
    flag(
      '--confidence-min <p>',
      'a draft ends behind the first token less sure than this; 0 never',
      decimal('--confidence-min'),
    ).default(0),
    flag(
      '--scheme <name>',
      `how drafts are verified: ${schemes.join(', ')} (default: greedy at --temp 0, else coupled)`,
      choice('--scheme', schemes),
    ),
    flag(
      '-td, --threads-draft <n>',
      'threads of the draft model (default: as --threads)',
      wholeNumber('--threads-draft', 1, 512),
    ),
  ];
  for (const option of flags) command.addOption(option.helpGroup('Drafting:'));
  return command;
}

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
export const customaryLaw: LawDefaults = { temp: 0.8, topK: 40, topP: 0.95, minP: 0.05 };

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
