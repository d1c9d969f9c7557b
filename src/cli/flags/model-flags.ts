// Defines the flags for loading models, and turns them into engine settings.

import type { Option } from 'commander';
import type { LlamaEngine } from '../../engine/llama/index.js';
import {
  type CacheType,
  cacheTypes,
  type FlashAttention,
  type LlamaOptions,
} from '../../engine/llama/options.js';
import type { Terminal } from '../screen/terminal.js';
import { noteTo } from '../screen/text-view.js';
import { flag, oneOfNames, usageError, wholeNumber } from './flags.js';

const cacheTypeNames = Object.keys(cacheTypes) as CacheType[];
const flashAttentionModes = ['auto', 'on', 'off'] as const satisfies readonly FlashAttention[];

/** The values of the loading flags. Absent: the engine decides and reports its choice. */
export interface LoadOptions {
  readonly ctxSize?: number;
  readonly threads?: number;
  readonly threadsBatch?: number;
  readonly poll?: number;
  readonly prio?: number;
  /** Numbers of processors. */
  readonly cpuRange?: readonly number[];
  readonly gpuLayers?: number;
  readonly cacheTypeK?: CacheType;
  readonly cacheTypeV?: CacheType;
  readonly flashAttn?: FlashAttention;
}

/** `--model`; required without a default. */
export function modelFlag(defaultName?: string): Option {
  const option = flag(
    '-m, --model <name>',
    'target model: a path, a bundled name, or hf:user/repo/file.gguf',
  );
  return defaultName === undefined ? option.makeOptionMandatory() : option.default(defaultName);
}

/** The flags for how models are loaded. */
export function loadFlags(): Option[] {
  return [
    flag(
      '-c, --ctx-size <n>',
      'tokens of context (default: as trained, at most 4096)',
      wholeNumber(8, 2 ** 24),
    ),
    flag(
      '-t, --threads <n>',
      'threads per model (default: one less than the cores)',
      wholeNumber(1, 512),
    ),
    flag(
      '-tb, --threads-batch <n>',
      'threads for prompts and batches (default: as --threads)',
      wholeNumber(1, 512),
    ),
    flag(
      '--poll <n>',
      'how long threads spin between passes, 0 to 100 (default: 50, or 0 where models share cores)',
      wholeNumber(0, 100),
    ),
    flag(
      '--prio <n>',
      'priority of the threads: -1 low, 0 normal, 1 medium, 2 high, 3 real-time',
      wholeNumber(-1, 3),
    ),
    flag('-Cr, --cpu-range <lo-hi>', 'processors the threads may use', processorRange),
    flag('-ngl, --gpu-layers <n>', 'layers kept on the GPU; -1 keeps all', wholeNumber(-1, 65536)),
    flag(
      '-ctk, --cache-type-k <type>',
      `type of the key cache: ${cacheTypeNames.join(', ')}`,
      oneOfNames(cacheTypeNames),
    ),
    flag(
      '-ctv, --cache-type-v <type>',
      'type of the value cache; the same names',
      oneOfNames(cacheTypeNames),
    ),
    flag(
      '-fa, --flash-attn <mode>',
      flashAttentionModes.join(', '),
      oneOfNames(flashAttentionModes),
    ),
  ];
}

/** Parses `lo-hi`, both included. */
function processorRange(text: string, name: string): readonly number[] {
  const [, low, high] = (/^(\d+)-(\d+)$/.exec(text.trim()) ?? []).map(Number);
  if (low === undefined || high === undefined || low > high || high >= 512) {
    throw usageError(`${name} takes two processor numbers below 512 such as 0-3, not '${text}'`);
  }
  return Array.from({ length: high - low + 1 }, (_, index) => low + index);
}

/** The engine settings that flags set; the others are left out. */
export function loadSettings(options: LoadOptions): Partial<LlamaOptions> {
  const settings = {
    contextLength: options.ctxSize,
    threads: options.threads,
    batchThreads: options.threadsBatch,
    poll: options.poll,
    priority: options.prio,
    processors: options.cpuRange,
    gpuLayers: options.gpuLayers,
    cacheTypeK: options.cacheTypeK,
    cacheTypeV: options.cacheTypeV,
    flashAttention: options.flashAttn,
  };
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as Partial<LlamaOptions>;
}

/** Warns when the context is longer than in training: it works, but the text gets worse. */
export function warnOfLongContext(
  { info, trainedContext }: LlamaEngine,
  { ctxSize }: LoadOptions,
  terminal: Pick<Terminal, 'err' | 'env'>,
): void {
  if (ctxSize === undefined || ctxSize <= trainedContext) return;
  noteTo(terminal)(
    `${info.modelName} was trained on ${trainedContext} tokens of context; text beyond that is poor with --ctx-size ${ctxSize}`,
  );
}
