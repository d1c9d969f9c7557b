// Which shared libraries are looked for, in what order, and what a folder of a user must hold.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findLibrary, platformPackages } from './library.js';

test('GPU packages come before the plain one, and unknown systems have none', () => {
  assert.deepEqual(platformPackages('linux', 'x64'), [
    '@node-llama-cpp/linux-x64-cuda',
    '@node-llama-cpp/linux-x64-vulkan',
    '@node-llama-cpp/linux-x64',
  ]);
  assert.deepEqual(platformPackages('darwin', 'arm64')[0], '@node-llama-cpp/mac-arm64-metal');
  assert.deepEqual(platformPackages('aix', 'ppc64'), []);
});

test('a folder of a user takes the libraries of any naming, and names what it refuses', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'pilotfish-library-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const refusal = { code: 'library-not-found', message: `no llama.cpp libraries in ${folder}` };
  for (const name of ['libggml.so', 'libggml-base.so.0', 'libllama.txt']) {
    writeFileSync(join(folder, name), '');
  }
  assert.throws(() => findLibrary(folder), refusal);
  writeFileSync(join(folder, 'libllama.so.0.5.0'), '');
  const { llama, ggml, ggmlBase, source } = findLibrary(folder);
  assert.deepEqual(
    [llama, ggml, ggmlBase],
    ['libllama.so.0.5.0', 'libggml.so', 'libggml-base.so.0'].map((name) => join(folder, name)),
  );
  assert.equal(source, 'setting');
  const file = join(folder, 'libggml.so');
  for (const path of [file, join(folder, 'absent')]) {
    assert.throws(() => findLibrary(path), {
      code: 'library-not-found',
      message: `no llama.cpp libraries in ${path}`,
    });
  }
});
