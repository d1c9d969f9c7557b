// Makes the large models of benchmarks from the bundled ones, on first use: the same text at the
// cost of a bigger model. Kept in a folder: making one writes half a gigabyte.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, parse } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withPath } from '../json-file.js';
import { type InflateOptions, inflate } from './inflate.js';
import { inflateExit } from './inflate-exit.js';

const bundled = (file: string): string =>
  fileURLToPath(new URL(`../../../models/${file}`, import.meta.url));

const exitHead = (layer: number): string => bundled(`stories-exit-${layer}-f16.gguf`);

/** Names what is made of a head: heads are trained anew under the same file name. */
const digestOf = (path: string): string =>
  createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 12);

/** Blocks below each bundled head. */
export const exitLayers = [2, 4, 6] as const;

export const draftPath = bundled('stories-draft-f16.gguf');

/** 16 blocks of width 1024: what a model of about 0.2 billion weights costs. */
const largeShape = { blockCount: 16, embeddingLength: 1024, feedForwardLength: 2816 } as const;

/** Texts beyond what the bundled models were trained on: for times, not for words. */
const long = { contextLength: 2048 } as const;

/** Paths of models; those that are not bundled are made on first use. */
export type BenchModels = ReturnType<typeof benchModels>;

/** @param say told before a file is made, which takes some seconds. */
export function benchModels(folder: string, say: (line: string) => void) {
  const made = (name: string, make: (path: string) => void): string => {
    const path = join(folder, name);
    if (!existsSync(path)) {
      withPath(`--folder ${folder}`, 'made', () => mkdirSync(folder, { recursive: true }));
      say(`making ${path}`);
      make(path);
    }
    return path;
  };
  const inflated = (name: string, options: InflateOptions, type: 'f16' | 'q8_0' = 'f16'): string =>
    made(name, (path) => inflate(bundled(`stories-target-${type}.gguf`), path, options));
  return {
    /** The bundled target at the cost of 245 M weights with a vocabulary of 32 000. */
    wideVocabulary: (): string =>
      inflated('target-inflated-32k-v1.gguf', { ...largeShape, vocabSize: 32_000 }),
    /** The bundled target at the cost of 210 M weights; speaks the bundled draft's vocabulary. */
    inflatedTarget: (): string => inflated('target-inflated-v1.gguf', largeShape),
    /** The bundled target with a context of 2048 tokens in its header. */
    longTarget: (type: 'f16' | 'q8_0'): string =>
      inflated(`target-long-${type}-v1.gguf`, long, type),
    /** The same in eight bits, at the cost of 210 M weights. */
    longInflatedTarget: (): string =>
      inflated('target-inflated-long-q8_0-v1.gguf', { ...largeShape, ...long }, 'q8_0'),
    /** A head of the bundled target behind so many of its blocks, made for one of the above. */
    inflatedExit: (layer: number, targetPath: string): string =>
      made(`${parse(targetPath).name}-exit-${layer}-${digestOf(exitHead(layer))}.gguf`, (path) =>
        inflateExit(exitHead(layer), targetPath, path),
      ),
    /** A head as it is bundled. */
    exit: exitHead,
    draft: (): string => draftPath,
    /** The robot's target and its encoder of pictures. */
    seeing: () => ({
      modelPath: bundled('robot/robot-target-f16.gguf'),
      encoderPath: bundled('robot/robot-encoder-f16.gguf'),
    }),
    /** The bundled target as it is used by default: eight bits. */
    target: (): string => bundled('stories-target-q8_0.gguf'),
  };
}
