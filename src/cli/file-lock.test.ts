// Checks the lock between processes: one holder at a time, and no lock stays for ever.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { type LockMessages, takeLock } from './file-lock.js';

const words: LockMessages = {
  busy: (holder) => new Error(`held by ${holder}`),
  failed: (_path, reason) => reason as Error,
};

async function lockPath(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pilotfish-lock-'));
  t.after(() => rm(folder, { recursive: true }));
  return join(folder, 'models--user--repo', 'abc.pilotfish');
}

async function writeHolder(path: string, holder: object | string, ageMs = 0): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  writeFileSync(path, typeof holder === 'string' ? holder : JSON.stringify(holder));
  const touched = (Date.now() - ageMs) / 1000;
  utimesSync(path, touched, touched);
}

/** The id of a process that has ended. */
const deadPid = (): number => spawnSync(process.execPath, ['--version']).pid;

test('a lock is held by one, and free again once released', async (t) => {
  const path = await lockPath(t);
  const lock = await takeLock(path, words);
  assert.equal(JSON.parse(readFileSync(path, 'utf8')).pid, process.pid);
  await assert.rejects(takeLock(path, words), {
    message: `held by process ${process.pid}`,
  });
  await lock.release();
  assert.ok(!existsSync(path));
  await (await takeLock(path, words)).release();
  assert.deepEqual(readdirSync(dirname(path)), []);
});

test('of many that come at once one gets the lock', async (t) => {
  const path = await lockPath(t);
  const pid = deadPid();
  // Once in some forty rounds two got it, while dead locks were moved aside and not cleared by one
  // at a time.
  for (let round = 0; round < 40; round++) {
    await writeHolder(path, { host: hostname(), pid });
    const tries = await Promise.allSettled(Array.from({ length: 16 }, () => takeLock(path, words)));
    const taken = tries.filter(({ status }) => status === 'fulfilled');
    assert.equal(taken.length, 1);
    for (const lock of taken)
      await (lock as PromiseFulfilledResult<{ release(): Promise<void> }>).value.release();
  }
  assert.deepEqual(readdirSync(dirname(path)), []);
});

test('the lock of a process that died is taken over', async (t) => {
  const path = await lockPath(t);
  await writeHolder(path, { host: hostname(), pid: deadPid() });
  const lock = await takeLock(path, words);
  assert.equal(JSON.parse(readFileSync(path, 'utf8')).pid, process.pid);
  await lock.release();
});

test('the lock of another machine is respected while it is touched, and taken over after', async (t) => {
  const path = await lockPath(t);
  await writeHolder(path, { host: 'elsewhere', pid: 7 });
  await assert.rejects(takeLock(path, words), { message: /by process 7 on elsewhere/ });
  await writeHolder(path, { host: 'elsewhere', pid: 7 }, 120_000);
  await (await takeLock(path, words)).release();
});

test('a lock whose content cannot be read is respected until it is old', async (t) => {
  const path = await lockPath(t);
  await writeHolder(path, 'garbage');
  await assert.rejects(takeLock(path, words), { message: /on an unknown machine/ });
  await writeHolder(path, '', 120_000);
  await (await takeLock(path, words)).release();
});

test('a living holder touches its lock', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const path = await lockPath(t);
  const lock = await takeLock(path, words);
  utimesSync(path, 1, 1);
  t.mock.timers.tick(10_000);
  // The touch is asynchronous and reports nothing when it is done.
  while (statSync(path).mtimeMs === 1000) await turn();
  assert.ok(statSync(path).mtimeMs > 1000);
  await lock.release();
});
