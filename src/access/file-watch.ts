// Notices changed files by polling. Editors that rename, mounted secrets whose link is switched and
// network file systems all change the times of a file; the change notices of the system miss some
// of them.

import { stat } from 'node:fs/promises';

const everyMsDefault = 1_000;

/** Identifies one state of a file; a missing file has one too. */
async function signatureOf(path: string): Promise<string> {
  try {
    const { mtimeMs, ctimeMs, size, ino } = await stat(path);
    return `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
  } catch (reason) {
    return (reason as NodeJS.ErrnoException).code ?? 'unreadable';
  }
}

/**
 * Calls back after any of the files has changed, and at every look where `onLook` is given.
 *
 * @returns what ends it. It keeps no process alive.
 */
export function watchFiles(
  paths: readonly string[],
  onChange: () => void,
  { onLook = () => undefined, everyMs = everyMsDefault }: WatchOptions = {},
): () => void {
  let before: string | null = null;
  let isOver = false;
  const check = async (): Promise<void> => {
    const now = (await Promise.all(paths.map(signatureOf))).join('\n');
    if (isOver) return;
    const hasChanged = before !== null && now !== before;
    before = now;
    if (hasChanged) onChange();
    onLook();
  };
  void check();
  const timer = setInterval(() => void check(), everyMs).unref();
  return () => {
    isOver = true;
    clearInterval(timer);
  };
}

export interface WatchOptions {
  readonly onLook?: () => void;
  readonly everyMs?: number;
}
