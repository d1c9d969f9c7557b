// A process of our own that is told what to be by its one argument, in JSON, says when it is ready, answers questions one
// at a time, and ends when its parent lets go of it.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { PilotfishError } from '../../base/error.js';

export interface Child<Ready, Question, Answer> {
  readonly pid: number;
  /** What it said first. */
  readonly ready: Ready;
  ask(question: Question): Promise<Answer>;
  /** Resolves when it has ended. */
  stop(): Promise<void>;
}

export interface ChildOptions {
  /** Keeps the keyboard's Ctrl-C from it: whoever started it decides. */
  readonly isDetached?: boolean;
  /** Beside those of this process. */
  readonly nodeFlags?: readonly string[];
}

/**
 * Starts one.
 *
 * @param script a module beside the caller's, as compiled. @param spec what it is to be.
 * @throws PilotfishError `engine-failed` where it ends before it is ready.
 */
export async function startChild<Ready, Question, Answer>(
  script: URL,
  spec: unknown,
  { isDetached = false, nodeFlags = [] }: ChildOptions = {},
): Promise<Child<Ready, Question, Answer>> {
  const child = fork(fileURLToPath(script), [JSON.stringify(spec)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    detached: isDetached,
    execArgv: [...process.execArgv, ...nodeFlags],
  });
  const ready = (await nextMessage(child)) as Ready;
  return {
    pid: child.pid!,
    ready,
    ask: (question) => {
      child.send(question as object);
      return nextMessage(child) as Promise<Answer>;
    },
    stop: async () => {
      if (!child.connected) return;
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}

function nextMessage(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void =>
      reject(new PilotfishError('engine-failed', `the server's process ended with ${code}`));
    child.once('exit', onExit);
    child.once('message', (message) => {
      child.off('exit', onExit);
      resolve(message);
    });
  });
}
