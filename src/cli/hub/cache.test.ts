// Checks that models in the cache are found by reference and listed, also beside other files.

import assert from 'node:assert/strict';
import { lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { scanCacheDir } from '@huggingface/hub';
import { cachedCommit, findCached, listCached, placeBlob, repoPaths, writeRef } from './cache.js';
import { parseReference } from './reference.js';

const repo = 'user/my--repo';
const [old, now] = ['1'.repeat(40), '2'.repeat(40)];

async function emptyCache(t: TestContext): Promise<string> {
  const cacheDir = await mkdtemp(join(tmpdir(), 'pilotfish-cache-'));
  t.after(() => rm(cacheDir, { recursive: true }));
  return cacheDir;
}

async function addFile(cacheDir: string, commit: string, file: string, revision: string) {
  const paths = repoPaths(cacheDir, repo);
  const hash = `${commit}${file}`.replaceAll('/', '_');
  mkdirSync(dirname(paths.blob(hash)), { recursive: true });
  writeFileSync(paths.partial(hash), file);
  await placeBlob(paths.blob(hash), paths.partial(hash), paths.pointer(commit, file));
  await writeRef(cacheDir, repo, revision, commit);
}

const find = async (cacheDir: string, text: string) =>
  (await findCached(cacheDir, parseReference(text)))?.path ?? null;

test('a reference finds the file of the commit it stands for', async (t) => {
  const cacheDir = await emptyCache(t);
  const { pointer } = repoPaths(cacheDir, repo);
  await addFile(cacheDir, old, 'm-Q4_0.gguf', 'v1');
  await addFile(cacheDir, now, 'm-Q4_0.gguf', 'main');
  await addFile(cacheDir, now, 'big/m-Q8_0.gguf', 'main');
  assert.equal(await find(cacheDir, `hf:${repo}/m-Q4_0.gguf`), pointer(now, 'm-Q4_0.gguf'));
  assert.equal(await find(cacheDir, `hf:${repo}/m-Q4_0.gguf@v1`), pointer(old, 'm-Q4_0.gguf'));
  assert.equal(await find(cacheDir, `hf:${repo}/m-Q4_0.gguf@${old}`), pointer(old, 'm-Q4_0.gguf'));
  assert.equal(await find(cacheDir, `hf:${repo}:Q8_0`), pointer(now, 'big/m-Q8_0.gguf'));
  assert.equal(await find(cacheDir, `hf:${repo}:Q6_K`), null);
  assert.equal(await find(cacheDir, `hf:${repo}/other.gguf`), null);
  assert.equal(await find(cacheDir, `hf:${repo}/m-Q4_0.gguf@v2`), null);
  assert.equal(await find(cacheDir, 'hf:user/none/m-Q4_0.gguf'), null);
});

test('the list has every model file, in subfolders too, also beside broken ones', async (t) => {
  const cacheDir = await emptyCache(t);
  assert.deepEqual(await listCached(join(cacheDir, 'none')), []);
  await addFile(cacheDir, now, 'm.gguf', 'main');
  await addFile(cacheDir, now, 'big/m-Q8_0.gguf', 'main');
  await addFile(cacheDir, now, 'README.md', 'main');
  const { snapshots, pointer } = repoPaths(cacheDir, repo);
  symlinkSync('../../blobs/none', pointer(now, 'broken.gguf'));
  mkdirSync(join(snapshots, 'not-a-commit'));
  mkdirSync(join(cacheDir, 'datasets--a--b', 'snapshots', now), { recursive: true });
  mkdirSync(join(cacheDir, 'models--empty'));
  const listed = await listCached(cacheDir);
  assert.deepEqual(
    listed.map(({ repo, file, bytes }) => [repo, file, bytes]),
    [
      [repo, 'big/m-Q8_0.gguf', 15],
      [repo, 'm.gguf', 6],
    ],
  );
  // The result of the library's own scan of the same folder. Once it lists both, it can replace
  // ours.
  const { repos, warnings } = await scanCacheDir(cacheDir);
  assert.equal(repos.length, 0);
  assert.ok(warnings.length > 0);
});

test("what is written is what the library's scan reads", async (t) => {
  const cacheDir = await emptyCache(t);
  await addFile(cacheDir, now, 'm.gguf', 'main');
  await addFile(cacheDir, old, 'm.gguf', old);
  const { repos, warnings } = await scanCacheDir(cacheDir);
  assert.deepEqual(warnings, []);
  const revisions = repos[0]!.revisions.map(({ commitOid, refs, files }) => [
    commitOid,
    refs,
    files.length,
  ]);
  assert.deepEqual(revisions, [
    [old, [], 1],
    [now, ['main'], 1],
  ]);
});

test('where links cannot be made the file itself stands in the snapshot', async (t) => {
  const cacheDir = await emptyCache(t);
  const { blob, partial, pointer } = repoPaths(cacheDir, repo);
  mkdirSync(dirname(blob('x')), { recursive: true });
  writeFileSync(partial('x'), 'content');
  const path = pointer(now, 'm.gguf');
  await placeBlob(blob('x'), partial('x'), path, () => Promise.reject(new Error('EPERM')));
  assert.ok(lstatSync(path).isFile());
  assert.equal(readFileSync(path, 'utf8'), 'content');
});

test('a ref that holds no commit, or a revision that is a path, leads nowhere', async (t) => {
  const cacheDir = await emptyCache(t);
  const { refs } = repoPaths(cacheDir, repo);
  mkdirSync(refs, { recursive: true });
  writeFileSync(join(refs, 'main'), '../../elsewhere');
  assert.equal(await cachedCommit(cacheDir, repo, 'main'), null);
  assert.equal(await cachedCommit(cacheDir, repo, '../refs/main'), null);
  writeFileSync(join(refs, 'main'), `${now}\n`);
  assert.equal(await cachedCommit(cacheDir, repo, 'main'), now);
});
