// What models/manifest.json says of the bundled files is true of the files, and no model lies there that it leaves out.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkModelFile } from '../gguf/model-file.js';

interface Entry {
  readonly file: string;
  readonly role: 'draft' | 'target' | 'tokenizer';
  readonly sha256: string;
  readonly bytes: number;
  /** Null for a file without weights. */
  readonly quantisation: string | null;
  readonly licence: string;
}

const pathOf = (name: string): string =>
  fileURLToPath(new URL(`../../../models/${name}`, import.meta.url));
const { files }: { files: Entry[] } = JSON.parse(readFileSync(pathOf('manifest.json'), 'utf8'));

for (const { file, bytes, sha256, quantisation, licence } of files) {
  test(`${file} has the size, the checksum and the quantisation of the manifest`, () => {
    const content = readFileSync(pathOf(file));
    assert.equal(content.length, bytes);
    assert.equal(createHash('sha256').update(content).digest('hex'), sha256);
    assert.match(licence, /MIT/);
    if (quantisation === null) return;
    const facts = checkModelFile(pathOf(file));
    assert.equal(facts.quantisation, quantisation);
    // The stories were generated with Llama 3.1: its licence wants the name first, and the notice.
    assert.match(facts.name, /^Llama /);
    assert.match(licence, /Built with Llama/);
  });
}

test('the manifest names every model of the folder, and a draft and a target of each quantisation', () => {
  const there = readdirSync(pathOf('')).filter((name) => /\.(gguf|model)$/.test(name));
  assert.deepEqual(files.map(({ file }) => file).sort(), there.sort());
  const types = (role: string) =>
    files.filter((entry) => entry.role === role).map((entry) => entry.quantisation);
  assert.deepEqual(types('draft'), types('target'));
});
