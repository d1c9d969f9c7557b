// Changes the key file, one process at a time. A reader finds the old file or the new one, both
// complete.

import { chmod, chown, open, rename, rm, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { keyFileText, readKeyFile, type StoredKey } from '../access/index.js';
import type { PilotfishError } from '../base/error.js';
import { type FileLock, takeLock } from './file-lock.js';
import { usageError } from './flags/flags.js';

/** Longest wait for other processes; a change takes milliseconds. */
const patienceMs = 5_000;
const tryMs = 20;

/**
 * Replaces the keys of a file with the result of `change`; after an error it is unchanged. A new
 * file is readable for its owner only.
 */
export async function changeKeys(
  path: string,
  change: (keys: readonly StoredKey[]) => readonly StoredKey[],
): Promise<void> {
  const lock = await takeLockPatiently(`${path}.lock`, path);
  try {
    await replace(path, keyFileText(change(await keysOf(path))));
  } finally {
    await lock.release();
  }
}

/** The keys of a file; none where there is no file yet. @throws as readKeyFile. */
export async function keysOf(path: string): Promise<readonly StoredKey[]> {
  return (await isThere(path)) ? readKeyFile(path) : [];
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    (reason: NodeJS.ErrnoException) => reason.code !== 'ENOENT',
  );

async function takeLockPatiently(lockPath: string, path: string): Promise<FileLock> {
  let busy: Error | null = null;
  const words = {
    busy: (holder: string) => {
      busy = usageError(`the key file ${path} is being changed by ${holder}`);
      return busy;
    },
    failed: cannotWrite,
  };
  const untilMs = performance.now() + patienceMs;
  for (;;) {
    try {
      return await takeLock(lockPath, words);
    } catch (reason) {
      if (reason !== busy || performance.now() > untilMs) throw reason;
      await sleep(tryMs);
    }
  }
}

async function replace(path: string, text: string): Promise<void> {
  const draft = `${path}.new`;
  try {
    await rm(draft, { force: true });
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await keepOwner(path, draft);
    await rename(draft, path);
  } catch (reason) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw cannotWrite(path, reason);
  }
}

/** Keeps the owner, so that a service can still read its file after an administrator changed it. */
async function keepOwner(path: string, draft: string): Promise<void> {
  if (!(await isThere(path))) return;
  const { mode, uid, gid } = await stat(path);
  const mine = await stat(draft);
  if (mine.uid !== uid || mine.gid !== gid) await chown(draft, uid, gid);
  await chmod(draft, mode & 0o640);
}

function cannotWrite(path: string, reason: unknown): PilotfishError {
  const code = (reason as NodeJS.ErrnoException).code ?? String(reason);
  return usageError(`cannot write ${path}: ${code}`, { cause: reason });
}
