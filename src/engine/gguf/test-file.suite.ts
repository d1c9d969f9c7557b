// Makes files for the tests of this folder: one temporary folder per test file, removed at its end.
// Writes models and bytes; never reads them back.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import type { TinyModel } from './tiny-model.suite.js';
import { writeGguf } from './writer.js';

const folder = mkdtempSync(join(tmpdir(), 'pilotfish-gguf-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A path in the folder of this test file. */
export const inFolder = (name: string): string => join(folder, name);

export function writtenModel({ metadata, tensors }: TinyModel, name = 'model.gguf'): string {
  const path = inFolder(name);
  writeGguf(path, metadata, tensors);
  return path;
}

export function writtenBytes(bytes: Uint8Array | string, name = 'bytes.gguf'): string {
  const path = inFolder(name);
  writeFileSync(path, bytes);
  return path;
}
