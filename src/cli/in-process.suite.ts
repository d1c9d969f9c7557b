// Runs a command inside the test's process, as main.ts does in one of its own. For commands that
// end quickly, at a hundredth of the cost of a process.

import { type CommandSet, runCommandSet } from './command-line.js';
import { pilotfish } from './program.js';
import type { Environment, OutputStream } from './screen/terminal.js';

/** Runs a command of `pilotfish`. @returns its output and its exit code. */
export const runHere = (args: readonly string[], env: Environment = {}) =>
  runSetHere(pilotfish, args, env);

/** Runs a command of any set. @returns its output and its exit code. */
export async function runSetHere(set: CommandSet, args: readonly string[], env: Environment = {}) {
  const said = { out: '', err: '' };
  const stream = (name: keyof typeof said): OutputStream => ({
    write: (text) => {
      said[name] += text;
    },
  });
  const code = await runCommandSet(set, args, {
    out: stream('out'),
    err: stream('err'),
    env: { HF_HOME: '/nonexistent', ...env },
    signal: new AbortController().signal,
  });
  return { code, ...said };
}
