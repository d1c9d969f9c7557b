// Defines the flags for loading models, and turns them into engine settings.

import type { Option } from 'commander';
import { checkModelFile } from '../../engine/gguf/model-file.js';
import {
  type CacheType,
  cacheTypes,
  type FlashAttention,
  type LlamaOptions,
} from '../../engine/llama/options.js';
import type { Terminal } from '../screen/terminal.js';
import { noteTo } from '../screen/text-view.js';
import { flag, oneOfNames, wholeNumber } from './flags.js';

const cacheTypeNames = Object.keys(cacheTypes) as CacheType[];
const flashAttentionModes = ['auto', 'on', 'off'] as const satisfies readonly FlashAttention[];

/** The values of the loading flags. Absent: the engine decides and reports its choice. */
export interface LoadOptions {
  readonly ctxSize?: number;
  readonly threads?: number;
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
    flag('-t, --threads <n>', 'threads per model', wholeNumber(1, 512)),
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

/** The engine settings that flags set; the others are left out. */
export function loadSettings(options: LoadOptions): Partial<LlamaOptions> {
  const settings = {
    contextLength: options.ctxSize,
    threads: options.threads,
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
  modelPath: string,
  { ctxSize }: LoadOptions,
  terminal: Pick<Terminal, 'err' | 'env'>,
): void {
  if (ctxSize === undefined) return;
  const { contextLength, name } = checkModelFile(modelPath);
  if (ctxSize <= contextLength) return;
  noteTo(terminal)(
    `${name} was trained on ${contextLength} tokens of context; text beyond that is poor with --ctx-size ${ctxSize}`,
  );
}
