// A lock file beside what is being written, so that two runs never write the same file.
// A lock left by a process that died is taken over; one that is alive is respected. Node has no flock, hence this.

import { link, mkdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A living holder touches its lock this often; a lock not touched for `deadMs` has no holder. */
const touchMs = 10_000;
const deadMs = 60_000;
/** Patience with others that clear the same dead lock away: a second in all. */
const attemptsMax = 50;
const guardWaitMs = 20;

export interface LockMessages {
  /** Somebody else holds it. @param holder such as `process 7`. */
  readonly busy: (holder: string) => Error;
  /** The lock file cannot be written. */
  readonly failed: (path: string, reason: unknown) => Error;
}

export interface FileLock {
  release(): Promise<void>;
}

/** Makes the names of one process's files differ. */
let takeCount = 0;

/**
 * Takes the lock, or throws what `words` makes of the process that holds it.
 *
 * @param path of the lock file; its folder is made.
 */
export async function takeLock(path: string, words: LockMessages): Promise<FileLock> {
  const mine = `${path}.${process.pid}.${++takeCount}`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(mine, JSON.stringify({ host: hostname(), pid: process.pid }));
  } catch (reason) {
    throw words.failed(path, reason);
  }
  try {
    await claim(mine, path, words);
  } finally {
    await rm(mine, { force: true });
  }
  const timer = setInterval(() => {
    const now = new Date();
    // The folder may be removed under us; the download itself will say so.
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

/** A hard link appears with its content or not at all, and only once: what creating and then writing cannot give. */
async function claim(mine: string, path: string, words: LockMessages): Promise<void> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    if (await tryLink(mine, path, words)) return;
    const holder = await readHolder(path);
    if (holder === null) continue;
    if (holder.alive) throw words.busy(holder.name);
    await clearDead(mine, path, words);
  }
  throw words.busy(`another process (lock ${path})`);
}

/**
 * Removes a dead lock, one process at a time: looked at again under a lock of its own, it cannot have been taken over
 * meanwhile, since nobody can take what is there and nobody else removes it.
 */
async function clearDead(mine: string, path: string, words: LockMessages): Promise<void> {
  const guard = `${path}.takeover`;
  if (!(await tryLink(mine, guard, words))) {
    // Whoever cleared may have died over it.
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

async function tryLink(mine: string, path: string, words: LockMessages): Promise<boolean> {
  try {
    await link(mine, path);
    return true;
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code === 'EEXIST') return false;
    return createExclusively(mine, path, words);
  }
}

/** For file systems without hard links, such as those of memory cards. */
async function createExclusively(
  mine: string,
  path: string,
  words: LockMessages,
): Promise<boolean> {
  try {
    await writeFile(path, await readFile(mine), { flag: 'wx' });
    return true;
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw words.failed(path, reason);
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
    // EPERM: it runs, and belongs to someone else.
    return (reason as NodeJS.ErrnoException).code === 'EPERM';
  }
}
