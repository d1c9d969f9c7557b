// Checks that each failed download has its error code, and leaves nothing that a later one would
// trust.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PilotfishError } from '../../base/error.js';
import { listCached } from './cache.js';
import { bytes, file, hash, name, setUp } from './pull-stage.suite.js';
import { commit, noiseBytes, repo, startHub } from './stand-in-hub.suite.js';

test('corrupted bytes are a checksum-mismatch, and nothing of them is left', async (t) => {
  const { hub, paths, run } = await setUp(t);
  hub.faults.push({ kind: 'flip' });
  await assert.rejects(run(), {
    code: 'checksum-mismatch',
    message: new RegExp(`instead of ${hash}`),
  });
  assert.deepEqual(readdirSync(join(paths.root, 'blobs')), []);
  assert.ok(!existsSync(paths.snapshots) && !existsSync(paths.refs));
  assert.equal((await run()).state, 'downloaded');
});

test('a corrupted beginning from another run is found out at the end', async (t) => {
  const { paths, run } = await setUp(t);
  mkdirSync(join(paths.root, 'blobs'), { recursive: true });
  writeFileSync(paths.partial(hash), noiseBytes(99).reverse());
  await assert.rejects(run(), { code: 'checksum-mismatch' });
  assert.ok(!existsSync(paths.partial(hash)));
});

test('a file that is served with another size than it is listed with is refused', async (t) => {
  const { hub, run } = await setUp(t);
  hub.files.set(file, { bytes, listedSize: 5 });
  await assert.rejects(run(), {
    code: 'download-failed',
    message: /with 5 bytes but serves 300000/,
  });
});

test('refusals say what is missing, at once', async (t) => {
  const { hub, retries, run } = await setUp(t);
  const cases = [
    [
      401,
      'RepoNotFound',
      null,
      'download-failed',
      /private, gated or does not exist, and HF_TOKEN is not set/,
    ],
    [401, '', 'hf_x', 'download-failed', /the token gives no access/],
    [
      403,
      'GatedRepo',
      null,
      'download-failed',
      /is gated: accept its terms at http.*\/user\/repo and set HF_TOKEN/,
    ],
    [403, 'GatedRepo', 'hf_x', 'download-failed', /with the account of this token/],
    [404, 'RepoNotFound', null, 'model-not-found', /no such repository: hf:user\/repo/],
    [404, '', null, 'model-not-found', /no such repository, revision or file/],
    [400, '', null, 'download-failed', /status 400/],
  ] as const;
  for (const [status, code, token, ours, message] of cases) {
    hub.refusal = { status, code };
    hub.asked.length = 0;
    await assert.rejects(run(name, { token }), { code: ours, message });
    assert.equal(hub.asked.length, 1);
  }
  assert.deepEqual(retries, []);
});

test('a file that the repository does not have is model-not-found', async (t) => {
  const { run } = await setUp(t);
  await assert.rejects(run(`hf:${repo}/none.gguf`), {
    code: 'model-not-found',
    message: /no file 'none\.gguf'/,
  });
});

test('a busy hub is asked again, longer apart each time, and not for ever', async (t) => {
  const { hub, retries, waits, run } = await setUp(t);
  hub.faults.push({ kind: 'status', status: 503 }, { kind: 'status', status: 429 });
  assert.equal((await run()).state, 'downloaded');
  assert.match(retries[0]!, /status 503/);
  assert.match(retries[1]!, /limiting requests/);
  assert.deepEqual(waits, [1000, 2000]);
  hub.refusal = { status: 500, code: '' };
  hub.asked.length = 0;
  await assert.rejects(run(`hf:${repo}/other.gguf`), {
    code: 'download-failed',
    message: /status 500/,
  });
  assert.equal(hub.asked.length, 3);
});

test('every new byte resets the count of tries', async (t) => {
  const { hub, waits, run } = await setUp(t);
  for (let cut = 0; cut < 6; cut++) hub.faults.push({ kind: 'cut', after: 1000 });
  assert.equal((await run()).state, 'downloaded');
  assert.deepEqual(waits, [1000, 1000, 1000, 1000, 1000, 1000]);
});

test('without a network the hub is named, and what is here can still be had', async (t) => {
  const { retries, run } = await setUp(t);
  const gone = await startHub();
  await gone.close();
  const unreachable = { endpoint: gone.url };
  await assert.rejects(run(name, unreachable), {
    code: 'download-failed',
    message:
      /no connection to 127\.0\.0\.1:\d+ for hf:.*: the connection was refused \(ECONNREFUSED\)/,
  });
  assert.equal(retries.length, 2);
  await run();
  const { state, reason } = await run(name, unreachable);
  assert.equal(state, 'unchecked');
  assert.match(reason!, /ECONNREFUSED/);
  assert.equal(retries.length, 2);
});

test('HF_HUB_OFFLINE makes no request', async (t) => {
  const { hub, run } = await setUp(t);
  const offline = { offline: true };
  await assert.rejects(run(name, offline), { code: 'model-not-found', message: /HF_HUB_OFFLINE/ });
  assert.equal(hub.asked.length, 0);
  await run();
  hub.asked.length = 0;
  assert.equal((await run(name, offline)).state, 'unchecked');
  assert.equal((await run(`hf:${repo}:Q4_K_M`, offline)).file, file);
  await assert.rejects(run(`hf:${repo}:Q8_0`, offline), { code: 'model-not-found' });
  assert.equal(hub.asked.length, 0);
});

test('a second pull of the same file is refused while the first runs', async (t) => {
  const { hub, run } = await setUp(t);
  hub.faults.push({ kind: 'stall', after: 1000 });
  const stop = new AbortController();
  let second: Promise<unknown> = Promise.resolve();
  const first = run(name, {
    signal: stop.signal,
    onBytes: () => {
      second = assert
        .rejects(run(), {
          code: 'download-failed',
          message: new RegExp(`by process ${process.pid}`),
        })
        .finally(() => stop.abort());
    },
  });
  await assert.rejects(first, { code: 'cancelled' });
  await second;
  assert.equal((await run()).state, 'downloaded');
});

test('a hub that names commits, files or hashes that lead elsewhere is not followed', async (t) => {
  const { hub, cacheDir, run } = await setUp(t);
  hub.refs.set('main', '../../../evil');
  await assert.rejects(run(), { code: 'download-failed', message: /for the commit of/ });
  hub.refs.set('main', commit);
  hub.files.set('../../evil-Q2_K.gguf', { bytes });
  await assert.rejects(run(`hf:${repo}:Q2_K`), {
    code: 'download-failed',
    message: /cannot be used/,
  });
  assert.deepEqual(await listCached(cacheDir), []);
});

test('all failures are PilotfishErrors', async (t) => {
  const { hub, run } = await setUp(t);
  hub.files.clear();
  for (const text of [name, `hf:${repo}`, `hf:${repo}:Q4`, 'hf:other/repo']) {
    await assert.rejects(run(text), (reason) => reason instanceof PilotfishError);
  }
});
test('what would fill the disk is refused before a byte is sent', async (t) => {
  const { hub, run } = await setUp(t);
  hub.files.set(file, { bytes, listedSize: 1e15 });
  await assert.rejects(run(), {
    code: 'download-failed',
    message: /1000 TB are missing, and .*blobs has only .* free/,
  });
  assert.equal(hub.fileRequests().length, 0);
});

test('a cache that cannot be written is named', async (t) => {
  const { cacheDir, run } = await setUp(t);
  const inFile = join(cacheDir, 'file');
  writeFileSync(inFile, '');
  await assert.rejects(run(name, { cacheDir: join(inFile, 'hub') }), {
    code: 'download-failed',
    message: /cannot write .*: ENOTDIR/,
  });
});
