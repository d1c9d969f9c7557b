// Runs a command set as this process, with its streams, environment and signals, and sets the exit
// code.

import { constants } from 'node:os';
import { type CommandSet, runCommandSet } from './command-line.js';
import type { InputStream, OutputStream, Terminal } from './screen/terminal.js';

/** Runs the command line of this process, and sets its exit code. Call once. */
export async function runProcess(set: CommandSet): Promise<void> {
  endOnBrokenStreams(set.name);
  dropEmptyVariables();
  process.exitCode = await runCommandSet(set, process.argv.slice(2), processTerminal());
  // A command that failed may leave connections open: exit once its output is written.
  if (process.exitCode !== 0) {
    process.stdout.write('', () => process.stderr.write('', () => process.exit()));
  }
}

function endOnBrokenStreams(name: string): void {
  for (const stream of [process.stdout, process.stderr]) {
    // `head` closes the pipe when it has enough, which is no error.
    stream.on('error', (reason: NodeJS.ErrnoException) => {
      if (reason.code === 'EPIPE') process.exit(0);
      // Such as a full disk. Where stderr itself fails, the exit code has to do.
      if (stream === process.stdout) {
        process.stderr.write(`${name}: cannot write the output: ${reason.message}\n`);
      }
      process.exit(1);
    });
  }
}

/** Commander would take an empty value, and an environment file cannot leave a name out. */
function dropEmptyVariables(): void {
  for (const [name, value] of Object.entries(process.env)) {
    if (name.startsWith('PILOTFISH_') && value === '') delete process.env[name];
  }
}

function processTerminal(): Terminal {
  const stop = new AbortController();
  // The first signal lets the command clean up; the second ends it at once.
  const stopOrEnd = (signal: 'SIGINT' | 'SIGTERM') => (): void => {
    if (stop.signal.aborted) endBy(signal);
    stop.abort();
  };
  const interrupt = stopOrEnd('SIGINT');
  /** Set while Ctrl-C stops something smaller than the command. */
  let interruptible: (() => void) | null = null;
  process.on('SIGINT', () => (interruptible ?? interrupt)());
  process.on('SIGTERM', stopOrEnd('SIGTERM'));
  return {
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
}

/**
 * Ends by the signal itself: a shell reads 130 or 143. `process.exit` would run the destructors of
 * native libraries while a pass still computes, which may crash.
 */
function endBy(signal: 'SIGINT' | 'SIGTERM'): void {
  process.emit('exit', 128 + constants.signals[signal]); // Ends children.
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}
