#!/usr/bin/env node
// The entry of the `pilotfish` command: hands the process's streams, environment and signals to the program.

import { run } from './program.js';
import type { InputStream, OutputStream, Terminal } from './screen/terminal.js';

const stop = new AbortController();

/** What Ctrl-C stops instead of the command. */
let interruptible: (() => void) | null = null;

/** The first signal lets the command put things in order; the second ends it where it stands. */
function onSignal(exitCode: number): () => void {
  return () => {
    if (stop.signal.aborted) process.exit(exitCode);
    stop.abort();
  };
}
const interrupt = onSignal(130);
process.on('SIGINT', () => (interruptible ?? interrupt)());
process.on('SIGTERM', onSignal(143));

for (const stream of [process.stdout, process.stderr]) {
  // A reader such as `head` that has enough closes the pipe: no error of ours.
  stream.on('error', (reason: NodeJS.ErrnoException) => {
    if (reason.code === 'EPIPE') process.exit(0);
    // A full disk, say: nothing of ours to trace. Where stderr itself fails, the exit code has to do.
    if (stream === process.stdout) {
      process.stderr.write(`pilotfish: cannot write the output: ${reason.message}\n`);
    }
    process.exit(1);
  });
}

const terminal: Terminal = {
  // Made on first use: most commands never read.
  get in(): InputStream {
    return process.stdin;
  },
  out: process.stdout satisfies OutputStream,
  err: process.stderr satisfies OutputStream,
  env: process.env,
  signal: stop.signal,
  onInterrupt: (stopIt) => {
    interruptible = stopIt;
    return () => {
      interruptible = null;
    };
  },
  onHangUp: (reload) => {
    process.on('SIGHUP', reload);
    return () => process.off('SIGHUP', reload);
  },
};

// An environment file cannot leave a name out, so an empty value is none; commander would take it for one.
for (const [name, value] of Object.entries(process.env)) {
  if (name.startsWith('PILOTFISH_') && value === '') delete process.env[name];
}

process.exitCode = await run(process.argv.slice(2), terminal);
// What failed or was stopped may have left connections and processes open: it ends all the same, once its words are out.
if (process.exitCode !== 0) {
  process.stdout.write('', () => process.stderr.write('', () => process.exit()));
}
