// Checks names of models, manifests and checksums.

import assert from 'node:assert/strict';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { checkModelFile } from '../../engine/gguf/model-file.js';
import { tinyModel } from '../../engine/gguf/tiny-model.suite.js';
import { writeGguf } from '../../engine/gguf/writer.js';
import {
  bundledFolder,
  bundledModel,
  checkBundled,
  findBundled,
  findBundledHead,
  listBundled,
  listBundledHeads,
  listLeftOut,
  namesOf,
} from '../../engine/llama/bundled.js';
import { repoPaths, writeRef } from '../hub/cache.js';
import { listModels } from './catalogue.js';
import { resolveModel } from './model-name.js';

const repo = 'user/repo';
const [current, old] = ['1'.repeat(40), '2'.repeat(40)];

/**
 * A cache with one sound model in two commits and one that is cut off, and a folder of llama.cpp's.
 */
async function setUp(t: TestContext) {
  const home = mkdtempSync(join(tmpdir(), 'pilotfish-models-'));
  t.after(() => rmSync(home, { recursive: true }));
  const cacheDir = join(home, 'hub');
  const paths = repoPaths(cacheDir, repo);
  for (const commit of [current, old])
    mkdirSync(join(paths.snapshots, commit, 'sub'), { recursive: true });
  const { metadata, tensors } = tinyModel();
  const sound = paths.pointer(current, 'sub/m-F16.gguf');
  writeGguf(sound, metadata, tensors);
  symlinkSync(sound, paths.pointer(old, 'm.gguf'));
  cpSync(sound, paths.pointer(current, 'cut.gguf'));
  truncateSync(paths.pointer(current, 'cut.gguf'), 20_000);
  await writeRef(cacheDir, repo, 'main', current);
  const llamaCache = join(home, 'llama.cpp');
  mkdirSync(llamaCache);
  writeFileSync(join(llamaCache, 'page.gguf'), '<!DOCTYPE html><html>');
  return { home, cacheDir, paths, llamaCache };
}

test('bundled models have their names, with and without -q8_0 and .gguf', () => {
  for (const name of ['stories-draft', 'stories-draft-q8_0', 'stories-draft-q8_0.gguf']) {
    assert.equal(findBundled(name)?.path, join(bundledFolder, 'stories-draft-q8_0.gguf'));
  }
  assert.equal(findBundled('stories'), null);
  assert.equal(findBundled('../models/stories-draft'), null);
});

test('a path that cannot be looked at is left to the check of the file, which says why', async () => {
  const inFile = join(import.meta.filename, 'model.gguf');
  const tooLong = 'a'.repeat(5000);
  for (const name of [inFile, tooLong]) assert.equal(await resolveModel(name, {}), name);
  assert.throws(() => checkModelFile(inFile), { code: 'model-not-found', message: /ENOTDIR/ });
  assert.throws(() => checkModelFile(tooLong), {
    code: 'model-not-found',
    message: /ENAMETOOLONG/,
  });
});

test('a file of the package is refused where it is not the one that was published', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'pilotfish-bundled-'));
  t.after(() => rmSync(folder, { recursive: true }));
  // The SHA-256 of `abc`, FIPS 180-2.
  const sha256 = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  const files = ['good', 'bad', 'gone'].map((name) => ({ file: `${name}.gguf`, sha256 }));
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ files }));
  writeFileSync(join(folder, 'good.gguf'), 'abc');
  writeFileSync(join(folder, 'bad.gguf'), 'abd');
  writeFileSync(join(folder, 'own.gguf'), 'of the user');
  for (const name of ['good', 'gone', 'own']) checkBundled(join(folder, `${name}.gguf`), folder);
  assert.throws(() => checkBundled(join(folder, 'bad.gguf'), folder), {
    code: 'checksum-mismatch',
    message: new RegExp(`SHA-256 is a52d15.*, not ${sha256}`),
  });
  checkBundled(join(folder, 'bad.gguf'), bundledFolder);
});

test('a manifest names files that are missing, and gives checksums to those that are there', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'pilotfish-bundled-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const files = [
    { file: 'a-f16.gguf', role: 'target', sha256: 'aa' },
    { file: 'b-exit-3-f16.gguf', role: 'exit', sha256: 'cc' },
    { file: 'tokenizer.model', role: 'tokenizer', sha256: 'bb' },
  ];
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ files }));
  writeFileSync(join(folder, 'a-q8_0.gguf'), '');
  assert.deepEqual(
    listBundled(folder).map(({ name, file, sha256 }) => [name, file, sha256]),
    [
      ['a-f16', 'a-f16.gguf', 'aa'],
      ['a', 'a-q8_0.gguf', null],
    ],
  );
  assert.deepEqual(
    listBundledHeads(folder).map(({ name, file, sha256 }) => [name, file, sha256]),
    [['b-exit-3', 'b-exit-3-f16.gguf', 'cc']],
  );
});

test('a model that the package leaves out is no fault, and asking for it says where it is', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'pilotfish-bundled-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const files = [
    { file: 'a-q8_0.gguf', role: 'target', sha256: 'aa' },
    { file: 'a-f16.gguf', role: 'target', sha256: 'bb', packed: false },
    { file: 'a-exit-2-f16.gguf', role: 'exit', sha256: 'cc', packed: false },
    { file: 'a-exit-4-f16.gguf', role: 'exit', sha256: 'dd' },
  ];
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ files }));
  assert.equal(namesOf([...listBundled(folder), ...listBundledHeads(folder)]), 'a, a-exit-4');
  assert.equal(namesOf(listLeftOut(folder)), 'a-f16, a-exit-2');
  assert.throws(() => findBundled('a-f16', folder), {
    code: 'model-not-found',
    message: 'a-f16 comes with a clone of the repository; the package has only a',
  });
  assert.throws(() => findBundledHead('a-exit-2', folder), { message: /only a-exit-4$/ });
  writeFileSync(join(folder, 'a-f16.gguf'), '');
  assert.equal(findBundled('a-f16', folder)?.file, 'a-f16.gguf');
  assert.equal(namesOf(listLeftOut(folder)), 'a-exit-2');
});

test('a bundled model is named without its path by code too', () => {
  assert.equal(bundledModel('stories-draft'), join(bundledFolder, 'stories-draft-q8_0.gguf'));
  assert.throws(() => bundledModel('stories'), {
    code: 'model-not-found',
    message: /no bundled model 'stories', only .*stories-target/,
  });
});

test('a name is a path before it is a bundled model', async (t) => {
  const { home } = await setUp(t);
  const env = { HF_HOME: home };
  assert.equal(basename(await resolveModel('stories-target', env)), 'stories-target-q8_0.gguf');
  const before = process.cwd();
  t.after(() => process.chdir(before));
  process.chdir(home);
  writeFileSync('stories-target', '');
  assert.equal(await resolveModel('stories-target', env), 'stories-target');
});

test('a name that means nothing says what would', async (t) => {
  const { home } = await setUp(t);
  const env = { HF_HOME: home };
  await assert.rejects(resolveModel('nothing.gguf', env), {
    code: 'model-not-found',
    message:
      /there is no file 'nothing\.gguf'; bundled models are .*stories-draft, .*stories-target/,
  });
  await assert.rejects(resolveModel('user/repo/x.gguf', env), {
    code: 'model-not-found',
    message: /its name is hf:user\/repo\/x\.gguf/,
  });
  await assert.rejects(resolveModel('hf:../../x.gguf', env), { code: 'usage' });
});

test('the catalogue says of every model what it is or why it cannot be used', async (t) => {
  const { cacheDir, paths, llamaCache } = await setUp(t);
  const settings = { endpoint: 'http://none', token: null, cacheDir, offline: false };
  const entries = await listModels(settings, { LLAMA_CACHE: llamaCache });
  assert.deepEqual(
    entries.filter(({ head }) => head).map(({ name, head, facts }) => [name, head!.layer, facts]),
    [2, 4, 6].map((layer) => [`stories-exit-${layer}`, layer, null]),
  );
  const others = entries.filter(({ source }) => source !== 'bundled');
  assert.deepEqual(
    others.map(({ name, path, facts, problem }) => [
      name,
      path,
      facts?.architecture,
      problem?.code,
    ]),
    [
      ['hf:user/repo/cut.gguf', paths.pointer(current, 'cut.gguf'), undefined, 'model-truncated'],
      ['hf:user/repo/sub/m-F16.gguf', paths.pointer(current, 'sub/m-F16.gguf'), 'llama', undefined],
      [`hf:user/repo/m.gguf@${old}`, paths.pointer(old, 'm.gguf'), 'llama', undefined],
      [join(llamaCache, 'page.gguf'), join(llamaCache, 'page.gguf'), undefined, 'model-not-gguf'],
    ],
  );
  assert.ok(
    others.every(({ path, problem }) => problem === null || !problem.message.includes(path)),
  );
  const bundled = entries.filter(({ source, head }) => source === 'bundled' && !head);
  assert.ok(bundled.length >= 2 && bundled.every(({ facts }) => facts?.contextLength === 512));
});
