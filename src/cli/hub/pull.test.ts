// Checks that a download has the layout of the Hugging Face tools, resumes where it stopped, and
// fetches nothing twice.

import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { findCached } from './cache.js';
import { bytes, file, hash, name, ranges, setUp } from './pull-stage.suite.js';
import { parseReference } from './reference.js';
import { commit, noiseBytes, repo, startHub } from './stand-in-hub.suite.js';

test('a download fills blob, snapshot and ref as the Hugging Face tools lay them out', async (t) => {
  const { hub, cacheDir, paths, run } = await setUp(t);
  const pulled = await run();
  assert.deepEqual(pulled, {
    repo,
    commit,
    file,
    path: paths.pointer(commit, file),
    bytes: bytes.length,
    state: 'downloaded',
    reason: null,
  });
  assert.deepEqual(readFileSync(pulled.path), Buffer.from(bytes));
  assert.equal(readlinkSync(pulled.path), `../../../blobs/${hash}`);
  assert.equal(readFileSync(join(paths.refs, 'main'), 'utf8'), commit);
  assert.deepEqual(readdirSync(join(paths.root, 'blobs')), [hash]);
  assert.deepEqual(ranges(hub), [null]);
  assert.equal((await findCached(cacheDir, parseReference(name)))?.path, pulled.path);
});

test('a file that is here is not downloaded again', async (t) => {
  const { hub, run } = await setUp(t);
  await run();
  assert.equal((await run()).state, 'present');
  assert.equal(ranges(hub).length, 1);
});

test('a new commit with the same bytes gets a link, not a download', async (t) => {
  const { hub, paths, run } = await setUp(t);
  await run();
  const next = 'b'.repeat(40);
  hub.refs.set('main', next);
  const { path, state } = await run();
  assert.deepEqual([path, state], [paths.pointer(next, file), 'present']);
  assert.equal(ranges(hub).length, 1);
  assert.equal(readFileSync(join(paths.refs, 'main'), 'utf8'), next);
});

test('a connection cut in the middle is continued at the first missing byte', async (t) => {
  const { hub, paths, retries, run } = await setUp(t);
  hub.faults.push({ kind: 'cut', after: 100_000 }, { kind: 'cut', after: 50_000 });
  const pulled = await run();
  assert.deepEqual(readFileSync(pulled.path), Buffer.from(bytes));
  assert.equal(retries.length, 2);
  assert.match(
    retries[0]!,
    /no connection to 127\.0\.0\.1.*closed in the middle \(UND_ERR_SOCKET\)/,
  );
  assert.deepEqual(ranges(hub), [null, 'bytes=100000-299999', 'bytes=150000-299999']);
  assert.ok(!existsSync(paths.partial(hash)));
});

test('an answer that ends early without an error is continued too', async (t) => {
  const { hub, run } = await setUp(t);
  hub.faults.push({ kind: 'short', after: 70_000 });
  assert.deepEqual(readFileSync((await run()).path), Buffer.from(bytes));
  assert.deepEqual(ranges(hub), [null, 'bytes=70000-299999']);
});

test('silence is ended and the download continued', async (t) => {
  const { hub, retries, run } = await setUp(t);
  hub.faults.push({ kind: 'stall', after: 1000 });
  let stall = (): void => undefined;
  const pulled = await run(name, {
    onTimer: (onEnd) => {
      stall = onEnd;
    },
    onBytes: (done) => {
      if (done === 1000) stall();
    },
  });
  assert.deepEqual(readFileSync(pulled.path), Buffer.from(bytes));
  assert.match(retries[0]!, /sent nothing for 30 s/);
  assert.deepEqual(ranges(hub), [null, 'bytes=1000-299999']);
});

test('what an interrupted run left is continued by the next, and counted as there', async (t) => {
  const { hub, paths, starts, run } = await setUp(t);
  mkdirSync(join(paths.root, 'blobs'), { recursive: true });
  writeFileSync(paths.partial(hash), bytes.subarray(0, 123_456));
  assert.deepEqual(readFileSync((await run()).path), Buffer.from(bytes));
  assert.deepEqual(starts, [123_456]);
  assert.deepEqual(ranges(hub), ['bytes=123456-299999']);
});

test('a partial file that is complete is only checked', async (t) => {
  const { hub, paths, run } = await setUp(t);
  mkdirSync(join(paths.root, 'blobs'), { recursive: true });
  writeFileSync(paths.partial(hash), bytes);
  assert.equal((await run()).state, 'downloaded');
  assert.deepEqual(ranges(hub), []);
});

test('a partial file that is longer than the whole is thrown away', async (t) => {
  const { hub, paths, starts, run } = await setUp(t);
  mkdirSync(join(paths.root, 'blobs'), { recursive: true });
  writeFileSync(paths.partial(hash), noiseBytes(bytes.length + 1));
  assert.deepEqual(readFileSync((await run()).path), Buffer.from(bytes));
  assert.deepEqual(starts, [0]);
  assert.deepEqual(ranges(hub), [null]);
});

test('cancelling keeps the bytes, says how many, and the next run goes on from there', async (t) => {
  const { hub, paths, run } = await setUp(t);
  const stop = new AbortController();
  hub.faults.push({ kind: 'stall', after: 150_000 });
  const onBytes = (done: number) => {
    if (done === 150_000) stop.abort();
  };
  await assert.rejects(run(name, { signal: stop.signal, onBytes }), {
    code: 'cancelled',
    message: /150 kB of 300 kB are kept/,
  });
  assert.equal(lstatSync(paths.partial(hash)).size, 150_000);
  assert.deepEqual(readdirSync(join(paths.root, '..', '.locks', 'models--user--repo')), []);
  assert.deepEqual(readFileSync((await run()).path), Buffer.from(bytes));
  assert.deepEqual(ranges(hub), [null, 'bytes=150000-299999']);
});

test('a server that does not continue downloads is read from the start', async (t) => {
  const { hub, run } = await setUp(t);
  hub.faults.push({ kind: 'cut', after: 10_000 }, { kind: 'ignore-range' });
  assert.deepEqual(readFileSync((await run()).path), Buffer.from(bytes));
  assert.deepEqual(ranges(hub), [null, 'bytes=10000-299999', null]);
});

test('small files that are plain git objects are verified by their own hash', async (t) => {
  const { hub, run } = await setUp(t);
  hub.files.set('tiny.gguf', { bytes: bytes.subarray(0, 500), lfs: false });
  const pulled = await run(`hf:${repo}/tiny.gguf`);
  assert.match(readlinkSync(pulled.path), /blobs\/[0-9a-f]{40}$/);
  hub.files.set('other.gguf', { bytes: bytes.subarray(0, 501), lfs: false });
  hub.faults.push({ kind: 'flip' });
  await assert.rejects(run(`hf:${repo}/other.gguf`), { code: 'checksum-mismatch' });
});

test('a quantisation picks its file from all pages of the listing', async (t) => {
  const { hub, run } = await setUp(t);
  hub.files.set('README.md', { bytes: bytes.subarray(0, 9) });
  hub.files.set('model-Q8_0.gguf', { bytes: bytes.subarray(0, 1000) });
  assert.equal((await run(`hf:${repo}:Q8_0`)).file, 'model-Q8_0.gguf');
  assert.equal((await run(`hf:${repo}:q4_k_m`)).file, file);
  await assert.rejects(run(`hf:${repo}`), { code: 'usage', message: /model-Q8_0\.gguf/ });
});

test('branches, tags and commits lead to the commit they stand for', async (t) => {
  const { hub, paths, run } = await setUp(t);
  const tagged = 'd'.repeat(40);
  hub.refs.set('v1.0', tagged).set('refs/pr/1', commit);
  assert.equal((await run(`${name}@v1.0`)).commit, tagged);
  assert.equal((await run(`${name}@refs/pr/1`)).commit, commit);
  assert.equal(readFileSync(join(paths.refs, 'refs/pr/1'), 'utf8'), commit);
  await assert.rejects(run(`${name}@v9`), { code: 'model-not-found', message: /no such revision/ });
});

test('a file of a given commit that is here needs no hub at all', async (t) => {
  const { hub, run } = await setUp(t);
  const first = await run(`${name}@${commit}`);
  assert.equal(first.state, 'downloaded');
  hub.asked.length = 0;
  assert.equal((await run(`${name}@${commit}`)).state, 'present');
  assert.equal(hub.asked.length, 0);
});

test('a redirect to another host is followed without the token', async (t) => {
  const { hub, run } = await setUp(t);
  const store = await startHub();
  t.after(() => store.close());
  store.files.set(file, { bytes });
  hub.redirectTo = store.url;
  assert.equal((await run(name, { token: 'hf_secret' })).state, 'downloaded');
  assert.ok(hub.asked.every(({ authorization }) => authorization === 'Bearer hf_secret'));
  assert.ok(store.asked.length > 0);
  assert.ok(store.asked.every(({ authorization }) => authorization === null));
});
