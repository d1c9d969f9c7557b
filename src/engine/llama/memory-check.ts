// Refuses models and contexts that cannot fit before anything is allocated. Estimates are lower
// bounds: what passes here may still fail in llama.cpp, which then says so; what fails here would
// have died or swapped.

import { totalmem } from 'node:os';
import { PilotfishError } from '../../base/error.js';
import type { ModelFacts } from '../gguf/model-file.js';
import { computeDevices } from './ffi/devices.js';
import type { LibraryFiles } from './library.js';
import type { CacheType, ResolvedOptions } from './options.js';

/** Bytes of a cache element relative to float16; quantised types store 32 elements and a scale. */
const cacheFactor: Record<CacheType, number> = { f32: 2, f16: 1, q8_0: 34 / 64, q4_0: 18 / 64 };

const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(2)} GiB`;

/**
 * Bytes that an engine may use in all: the machine's, or the container's if that is less, and those
 * of its GPUs.
 */
export function memoryLimit({ gpuLayers }: ResolvedOptions, files: LibraryFiles): number {
  const gpuBytes = computeDevices(files)
    .filter(({ kind }) => kind === 'gpu')
    .reduce((sum, { totalBytes }) => sum + totalBytes, 0);
  const constrained = process.constrainedMemory();
  const here = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return here + (gpuLayers === 0 ? 0 : gpuBytes);
}

/**
 * @param limit bytes that there are, see memoryLimit.
 * @throws PilotfishError `model-too-large` or `context-too-large` with both numbers.
 */
export function checkMemory(facts: ModelFacts, options: ResolvedOptions, limit: number): void {
  const { exit } = options;
  const weights = weightBytesOf({ facts, options });
  if (weights > limit) {
    const withExit = exit === null ? '' : ', its early exit included';
    throw new PilotfishError(
      'model-too-large',
      `${options.modelPath} has ${gib(weights)} of weights${withExit}; this machine has ${gib(limit)}`,
    );
  }
  const cacheBytes = cacheBytesOf({ facts, options });
  if (weights + cacheBytes > limit) {
    throw new PilotfishError(
      'context-too-large',
      `${options.slotCount} slots of ${options.contextLength} tokens need ${gib(cacheBytes)} beside ` +
        `${gib(weights)} of weights; this machine has ${gib(limit)}`,
    );
  }
}

/** A model and how it will be loaded. */
export interface PlannedLoad {
  readonly facts: ModelFacts;
  readonly options: ResolvedOptions;
}

const weightBytesOf = ({ facts, options }: PlannedLoad): number =>
  facts.tensorBytes + (options.exit?.weightBytes ?? 0);

function cacheBytesOf({ facts, options }: PlannedLoad): number {
  const cells = options.slotCount * options.contextLength;
  const factor = (cacheFactor[options.cacheTypeK] + cacheFactor[options.cacheTypeV]) / 2;
  return cells * facts.kvBytesPerToken.f16 * factor;
}

/**
 * Refuses a draft model that does not fit beside a target.
 *
 * @param target fits alone.
 * @throws PilotfishError `model-too-large` or `context-too-large` with the bytes of both.
 */
export function checkMemoryOfPair(target: PlannedLoad, draft: PlannedLoad, limit: number): void {
  const weights = weightBytesOf(target) + weightBytesOf(draft);
  const caches = cacheBytesOf(target) + cacheBytesOf(draft);
  if (weights + caches <= limit) return;
  const needOf = (load: PlannedLoad): string =>
    `${gib(weightBytesOf(load))} of weights and ${gib(cacheBytesOf(load))} of cache`;
  throw new PilotfishError(
    weights > limit ? 'model-too-large' : 'context-too-large',
    `the target needs ${needOf(target)}, and the draft model beside it ${needOf(draft)}; this machine has ${gib(limit)}, enough for the target alone`,
  );
}
