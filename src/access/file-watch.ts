// Notices that files have changed, by looking: an editor that renames, a mounted secret whose link is turned and a network
// file system all show in their times, and not all of them in the system's own notices.

import { stat } from 'node:fs/promises';

const everyMsDefault = 1_000;

/** What tells one state of a file from another; a file that is not there has one too. */
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
