// Starts a process of our own with its role as one JSON argument. It reports when it is ready,
// answers questions one at a time, and ends with its parent.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { PilotfishError } from '../../base/error.js';

export interface Child<Ready, Question, Answer> {
  readonly pid: number;
  /** Its first message. */
  readonly ready: Ready;
  ask(question: Question): Promise<Answer>;
  /** Resolves when it has ended. */
  stop(): Promise<void>;
}

export interface ChildOptions {
  /** Keeps the keyboard's Ctrl-C from it, so that its parent decides when it ends. */
  readonly isDetached?: boolean;
  /** In addition to those of this process. */
  readonly nodeFlags?: readonly string[];
}

/**
 * @param script compiled module. @param spec its role. @throws `engine-failed` if it ends early.
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
