// Runs a command in the process of the test, as main.ts does in one of its own: for what is decided before anything lives
// longer than the command, at a hundredth of the cost of a process.

import { run } from './program.js';
import type { OutputStream } from './screen/terminal.js';

/** What a user gets to see of a command that writes to a pipe, and its exit code. */
export async function runHere(args: readonly string[]) {
  const said = { out: '', err: '' };
  const stream = (name: keyof typeof said): OutputStream => ({
    write: (text) => {
      said[name] += text;
    },
  });
  const code = await run(args, {
    out: stream('out'),
    err: stream('err'),
    env: { HF_HOME: '/nonexistent' },
    signal: new AbortController().signal,
  });
  return { code, ...said };
}
