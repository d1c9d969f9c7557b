// Runs the real command as a child process, for tests of output and exit code.

import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, plainEnvironment } from './cli-process.suite.js';

const script = join(dirname(fileURLToPath(import.meta.url)), '..', 'main.js');

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A running child. */
export interface Running {
  readonly pid: number;
  readonly kill: (signal: NodeJS.Signals) => void;
  /** Calls back once, at the child's first output on stdout. */
  readonly onFirstOutput: (heard: () => void) => void;
  /** Calls back with every piece of the child's stdout. */
  readonly onOutput: (heard: (text: string) => void) => void;
  /** Closes our end of the child's stdout, as `head` does. */
  readonly closeOutput: () => void;
  /** Calls back once, at the child's first output on stderr. */
  readonly onFirstNews: (heard: () => void) => void;
}

/**
 * @param env in addition to the test's environment, from which variables of pilotfish are removed.
 * @param input for stdin; null: none.
 */
export const run = (
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  onStart: (child: Running) => void = () => undefined,
  input: string | null = null,
): Promise<Ended> => runScript(script, args, env, onStart, input);

/** Like `run`, with another entry file. @param script path of the compiled file. */
export function runScript(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  onStart: (child: Running) => void = () => undefined,
  input: string | null = null,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], {
      env: { ...plainEnvironment(), ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    child.stdin.end(input ?? '');
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      err += text;
    });
    onStart({
      pid: child.pid!,
      kill: (signal) => child.kill(signal),
      onFirstOutput: (heard) => child.stdout.once('data', heard),
      onOutput: (heard) => child.stdout.on('data', heard),
      closeOutput: () => child.stdout.destroy(),
      onFirstNews: (heard) => child.stderr.once('data', heard),
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, out, err }));
  });
}

export interface Served {
  readonly url: string;
  readonly kill: (signal: NodeJS.Signals) => void;
}

/** Runs a server with these arguments until `use` returns, then stops it with SIGINT. */
export async function withServe(
  args: readonly string[],
  use: (served: Served) => Promise<void>,
): Promise<Ended> {
  const port = await freePort();
  const { child, ended } = await new Promise<{ child: Running; ended: Promise<Ended> }>(
    (resolve, reject) => {
      const ending = run([...args, '--port', `${port}`], {}, (running) => {
        // Its first output says that it is ready.
        running.onFirstOutput(() => resolve({ child: running, ended: ending }));
      });
      ending.then(({ err }) => reject(new Error(err)), reject);
    },
  );
  try {
    await use({ url: `ws://127.0.0.1:${port}`, kill: child.kill });
  } finally {
    child.kill('SIGINT');
  }
  return ended;
}
