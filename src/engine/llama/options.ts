// What can be set when a model is loaded, with defaults and bounds in one place.

import { PilotfishError } from '../../base/error.js';
import { type Cores, coresHere, defaultPoll, defaultThreads, ownProcessors } from './cores.js';
import type { ExitChoice, ExitPlan } from './exit-plan.js';

/** KV cache element types by llama.cpp's names, with ggml's numbers. */
export const cacheTypes = { f32: 0, f16: 1, q4_0: 2, q8_0: 8 } as const;
/** Element type of the KV cache: `f32`, `f16`, `q8_0` or `q4_0`. */
export type CacheType = keyof typeof cacheTypes;
const isQuantised = (type: CacheType): boolean => type === 'q4_0' || type === 'q8_0';

const flashAttentionModes = { auto: -1, off: 0, on: 1 } as const;
/** Whether llama.cpp uses flash attention: `on`, `off`, or `auto`, where it decides. */
export type FlashAttention = keyof typeof flashAttentionModes;
export const flashAttentionNumber = (mode: FlashAttention): number => flashAttentionModes[mode];

/** What can be set when a model is loaded. Only the path has no default. */
export interface LlamaOptions {
  readonly modelPath: string;
  /** Sequences that can live at once, in [1, 256]. Default 1. */
  readonly slotCount?: number;
  /** Most tokens of one slot. Default: the model's training context, at most 4096. */
  readonly contextLength?: number;
  /** Most tokens of one pass. Default 512. */
  readonly passTokensMax?: number;
  /**
   * Most judged rows of one pass; each costs a row of logits of memory. Default: 17 a slot, at most
   * passTokensMax.
   */
  readonly passRowsMax?: number;
  /**
   * ggml threads of a pass with one token. Default: the physical cores, but one less than this
   * process may use, because ggml's threads wait for each other and starve when they share a core.
   */
  readonly threads?: number;
  /** ggml threads of a pass with several tokens, such as a prompt. Default: as `threads`. */
  readonly batchThreads?: number;
  /**
   * Of 100: how long the threads spin for the next pass before they sleep; 50 is about 0.3 s.
   * Default 50, and 0 where the threads leave no core for the rest of the program.
   */
  readonly poll?: number;
  /** Priority of the threads: -1 low, 0 normal, 1 medium, 2 high, 3 real-time. Default 0. */
  readonly priority?: number;
  /**
   * Numbers of the processors that the threads may use, below 512. Default: any, or one each where
   * there are as many threads as processors.
   */
  readonly processors?: readonly number[];
  /** Layers on a GPU; -1 is all of them, and harmless without a GPU. Default -1. */
  readonly gpuLayers?: number;
  /** Default f16. */
  readonly cacheTypeK?: CacheType;
  readonly cacheTypeV?: CacheType;
  /** Default auto. */
  readonly flashAttention?: FlashAttention;
  /**
   * One cache for all slots (true) or an equal share each (false). Default true: a pass of segments
   * of different lengths is one batch then, where shares need one batch a length. False under
   * `deterministic`.
   */
  readonly unifiedCache?: boolean;
  /**
   * Bit-identical logits whatever shares a pass and whatever was in the cache before, on CPU
   * backends. llama.cpp sums attention in the order of the cache's cells, which other slots would
   * scatter, so each slot has a cache of its own and is computed alone; its kernels for one row may
   * round differently from those for more, so a lone token or row gets a dummy behind it, and long
   * segments are computed in pieces. Without it a near tie may fall the other way in another batch.
   * Costs the gain of batching and the time of the dummies. Default false.
   */
  readonly deterministic?: boolean;
  /** Folder of a llama.cpp build of the user's own. */
  readonly libraryFolder?: string;
  /**
   * Where the engine's hints come from: a trained head's file, or the model's own norm and output
   * behind so many blocks (untrained). Default null: no hints, and nothing of llama.cpp calls back.
   */
  readonly exit?: ExitChoice | null;
  /**
   * Load a file that was not seen before in a child process first, so that one that crashes
   * llama.cpp ends only the child. Default true.
   */
  readonly probe?: boolean;
}

/** Options with every default filled in; what the worker is started with. */
export type ResolvedOptions = Required<Omit<LlamaOptions, 'libraryFolder' | 'probe' | 'exit'>> & {
  readonly exit: ExitPlan | null;
  /** Each thread has one of the processors. */
  readonly isPinned: boolean;
  /** The threads leave no core for the thread that owns the engine. */
  readonly takesTurns: boolean;
};

/** For one thread where several were wanted: what was decided for them falls. */
export const forOneThread = (options: ResolvedOptions): ResolvedOptions => ({
  ...options,
  takesTurns: false,
  ...(options.isPinned && { isPinned: false, processors: [] }),
});

/** llama.cpp's ceiling of sequences in one context. */
const slotCountMax = 256;
/** Compute buffers grow with the pass, which is one physical batch: more only costs memory. */
const passTokensCeiling = 2048;
/** ggml's ceilings (GGML_MAX_N_THREADS). */
const threadsMax = 512;
const processorsMax = 512;
/** Longest context of a slot that nothing asks for. */
export const contextLengthDefaultMax = 4096;
/** Judged rows per slot that the default provides for: drafts of 16 and the row after them. */
const rowsPerSlot = 17;

/**
 * Fills defaults and checks bounds.
 *
 * @param trainedContext tokens the model was trained on.
 * @param exit what `planExit` has made of `options.exit`.
 * @param cores which decide how many threads there are by default.
 * @throws PilotfishError `usage` naming option, value and bound; `context-too-large` beyond 2^31
 * cells.
 */
export function resolveOptions(
  options: LlamaOptions,
  trainedContext: number,
  exit: ExitPlan | null = null,
  cores: Cores = coresHere(),
): ResolvedOptions {
  const whole = (name: string, value: number, low: number, high: number): number => {
    if (Number.isInteger(value) && value >= low && value <= high) return value;
    throw new PilotfishError('usage', `${name} ${value} is outside [${low}, ${high}]`);
  };
  const oneOf = <T extends string>(name: string, value: T, values: object): T => {
    if (Object.hasOwn(values, value)) return value;
    throw new PilotfishError(
      'usage',
      `${name} '${value}' is not one of ${Object.keys(values).join(', ')}`,
    );
  };
  const slotCount = whole('slotCount', options.slotCount ?? 1, 1, slotCountMax);
  const contextLength = whole(
    'contextLength',
    options.contextLength ?? Math.min(trainedContext, contextLengthDefaultMax),
    8,
    2 ** 24,
  );
  if (slotCount * contextLength >= 2 ** 31) {
    throw new PilotfishError(
      'context-too-large',
      `${slotCount} slots of ${contextLength} tokens exceed 2^31 cells`,
    );
  }
  const deterministic = options.deterministic ?? false;
  const unifiedCache = options.unifiedCache ?? !deterministic;
  if (deterministic && unifiedCache) {
    throw new PilotfishError(
      'usage',
      'deterministic excludes unifiedCache: other slots would decide the order in which attention is summed',
    );
  }
  if (exit && !deterministic && !unifiedCache) {
    throw new PilotfishError(
      'usage',
      "exit needs unifiedCache or deterministic: separate caches are computed in an order of llama.cpp's own",
    );
  }
  const cacheTypeV = oneOf('cacheTypeV', options.cacheTypeV ?? 'f16', cacheTypes);
  const flashAttention = oneOf(
    'flashAttention',
    options.flashAttention ?? 'auto',
    flashAttentionModes,
  );
  if (flashAttention === 'off' && isQuantised(cacheTypeV)) {
    throw new PilotfishError(
      'usage',
      `cacheTypeV ${cacheTypeV} needs flash attention, but flashAttention is off`,
    );
  }
  const passTokensMax = whole('passTokensMax', options.passTokensMax ?? 512, 1, passTokensCeiling);
  const threads = whole('threads', options.threads ?? defaultThreads(cores), 1, threadsMax);
  const batchThreads = whole('batchThreads', options.batchThreads ?? threads, 1, threadsMax);
  const threadCount = Math.max(threads, batchThreads);
  const own = options.processors === undefined ? ownProcessors(threadCount, cores) : [];
  const rowsDefault = Math.min(passTokensMax, slotCount * rowsPerSlot);
  return {
    modelPath: options.modelPath,
    slotCount,
    contextLength,
    passTokensMax,
    passRowsMax: whole('passRowsMax', options.passRowsMax ?? rowsDefault, 1, passTokensMax),
    threads,
    batchThreads,
    poll: whole('poll', options.poll ?? defaultPoll(threadCount, cores), 0, 100),
    priority: whole('priority', options.priority ?? 0, -1, 3),
    isPinned: own.length > 0,
    takesTurns: threads > 1 && threadCount >= cores.usable,
    processors: (options.processors ?? own).map((processor) =>
      whole('processor', processor, 0, processorsMax - 1),
    ),
    gpuLayers: whole('gpuLayers', options.gpuLayers ?? -1, -1, 2 ** 16),
    cacheTypeK: oneOf('cacheTypeK', options.cacheTypeK ?? 'f16', cacheTypes),
    cacheTypeV,
    flashAttention,
    unifiedCache,
    deterministic,
    exit,
  };
}
