// Locks a path with a file beside it, so that two runs never write the same file. Takes over the
// lock of a process that died and respects a living one. Node has no flock.

import { link, mkdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A living holder touches its lock this often. A lock untouched for `deadMs` has no holder. */
const touchMs = 10_000;
const deadMs = 60_000;
/** Tries while other processes clear the same dead lock: a second in all. */
const attemptsMax = 50;
const guardWaitMs = 20;

export interface LockMessages {
  /** Another process holds the lock. @param holder such as `process 7`. */
  readonly busy: (holder: string) => Error;
  /** The lock file cannot be written. */
  readonly failed: (path: string, reason: unknown) => Error;
}

export interface FileLock {
  release(): Promise<void>;
}

/** Makes file names unique within this process. */
let takeCount = 0;

/** Takes the lock; makes its folder. @throws `messages.busy` or `messages.failed`. */
export async function takeLock(path: string, messages: LockMessages): Promise<FileLock> {
  const mine = `${path}.${process.pid}.${++takeCount}`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(mine, JSON.stringify({ host: hostname(), pid: process.pid }));
  } catch (reason) {
    throw messages.failed(path, reason);
  }
  try {
    await claim(mine, path, messages);
  } finally {
    await rm(mine, { force: true });
  }
  const timer = setInterval(() => {
    const now = new Date();
    // The folder may have been removed. The work under the lock will fail and say so.
    utimes(path, now, now).catch(() => undefined);
  }, touchMs);
  timer.unref();
  return {
    async release() {
      clearInterval(timer);
      await rm(path, { force: true });
    },
  };
}

/** Takes the lock by hard link, so that it appears with its content. */
async function claim(mine: string, path: string, messages: LockMessages): Promise<void> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    if (await tryLink(mine, path, messages)) return;
    const holder = await readHolder(path);
    if (holder === null) continue;
    if (holder.alive) throw messages.busy(holder.name);
    await clearDead(mine, path, messages);
  }
  throw messages.busy(`another process (lock ${path})`);
}

/** Removes a dead lock under a second lock: no other process removes it, or takes it meanwhile. */
async function clearDead(mine: string, path: string, messages: LockMessages): Promise<void> {
  const guard = `${path}.takeover`;
  if (!(await tryLink(mine, guard, messages))) {
    // The process that was clearing may have died.
    if ((await readHolder(guard))?.alive === false) await rm(guard, { force: true });
    else await sleep(guardWaitMs);
    return;
  }
  try {
    if ((await readHolder(path))?.alive === false) await rm(path, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
}

async function tryLink(mine: string, path: string, messages: LockMessages): Promise<boolean> {
  try {
    await link(mine, path);
    return true;
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code === 'EEXIST') return false;
    return createExclusively(mine, path, messages);
  }
}

/** For file systems without hard links, such as those of memory cards. */
async function createExclusively(
  mine: string,
  path: string,
  messages: LockMessages,
): Promise<boolean> {
  try {
    await writeFile(path, await readFile(mine), { flag: 'wx' });
    return true;
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw messages.failed(path, reason);
  }
}

async function readHolder(path: string): Promise<{ name: string; alive: boolean } | null> {
  try {
    const { mtimeMs } = await stat(path);
    const { host, pid } = parseHolder(await readFile(path, 'utf8'));
    const here = host === hostname();
    const touched = Date.now() - mtimeMs < deadMs;
    const name = `process ${pid}${here ? '' : ` on ${host}`}`;
    return { name, alive: touched && (!here || isRunning(pid)) };
  } catch {
    return null;
  }
}

function parseHolder(text: string): { host: string; pid: number } {
  try {
    const { host, pid } = JSON.parse(text);
    return { host: String(host), pid: Number(pid) };
  } catch {
    return { host: 'an unknown machine', pid: 0 };
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (reason) {
    // EPERM: the process runs and belongs to another user.
    return (reason as NodeJS.ErrnoException).code === 'EPERM';
  }
}
