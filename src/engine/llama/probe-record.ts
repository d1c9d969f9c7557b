// Remembers which model files have passed the probe, so that each is loaded in a child process
// once. An entry is an empty file, named by the digest of all that the probe depends on: header,
// size and time of the model, the libraries, and the options.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { FileCursor } from '../gguf/file-cursor.js';
import type { ModelFacts } from '../gguf/model-file.js';
import type { LibraryFiles } from './library.js';
import type { ResolvedOptions } from './options.js';

/** Beyond so many entries all are forgotten. */
const entriesMax = 1000;

/** `pilotfish/probed` in the user's cache folder. */
const defaultFolder = (): string =>
  join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'pilotfish', 'probed');

/** Name of the entry for a model with these libraries and options. */
export function probeEntry(
  { path, headerBytes }: Pick<ModelFacts, 'path' | 'headerBytes'>,
  files: LibraryFiles,
  options: ResolvedOptions,
): string {
  // How many threads compute, and how they wait, is nothing to a file.
  const threads = { threads: 0, batchThreads: 0, poll: 0, priority: 0, processors: [] };
  const asked = { ...options, ...threads, isPinned: false, takesTurns: false };
  const head = options.exit?.headPath ?? null;
  const marks = [files.llama, files.ggml, path, head].map((file) => file && markOf(file));
  return createHash('sha256')
    .update(JSON.stringify([asked, marks]))
    .update(firstBytes(path, headerBytes))
    .digest('hex');
}

/** @param folder where entries are. */
export function hasPassed(entry: string, folder: string = defaultFolder()): boolean {
  return existsSync(join(folder, entry));
}

/** Where nothing can be written, the file is probed again next time. */
export function notePassed(entry: string, folder: string = defaultFolder()): void {
  try {
    mkdirSync(folder, { recursive: true });
    const entries = readdirSync(folder);
    if (entries.length >= entriesMax) for (const old of entries) rmSync(join(folder, old));
    writeFileSync(join(folder, entry), '');
  } catch {
    return;
  }
}

/** Changes with the content of a file, unless its time is set back. */
function markOf(path: string): string {
  const { size, mtimeMs, ino } = statSync(path);
  return [path, size, mtimeMs, ino].join(' ');
}

function firstBytes(path: string, count: number): Uint8Array {
  const cursor = new FileCursor(path, count);
  try {
    return cursor.take(Math.min(count, cursor.fileBytes));
  } finally {
    cursor.close();
  }
}
