// Runs a command set as this process, with its streams, environment and signals, and sets the exit
// code.

import { constants } from 'node:os';
import { type CommandSet, runCommandSet } from './command-line.js';
import type { InputStream, OutputStream, Terminal } from './screen/terminal.js';

/** What has happened to the streams of this process. */
interface Streams {
  /** Of a stream that cannot be written to any more; null while all can. */
  brokenCode: 0 | 1 | null;
}

/** Runs the command line of this process, and sets its exit code. Call once. */
export async function runProcess(set: CommandSet): Promise<void> {
  const stop = new AbortController();
  const streams: Streams = { brokenCode: null };
  stopOnBrokenStreams(set.name, streams, stop);
  dropEmptyVariables();
  const code = await runCommandSet(set, process.argv.slice(2), processTerminal(stop, streams));
  process.exitCode = streams.brokenCode ?? code;
  // A command that failed may leave connections open: exit once its output is written.
  if (process.exitCode !== 0 || streams.brokenCode !== null) {
    process.stdout.write('', () => process.stderr.write('', () => process.exit()));
  }
}

/** A command that is stopped ends its pass and closes its engine; then it is ended. */
const endMsMax = 10_000;

/**
 * Stops the command where its output cannot be written, as a signal would: `process.exit` in
 * mid-pass would run the destructors of native libraries while they compute.
 */
function stopOnBrokenStreams(name: string, streams: Streams, stop: AbortController): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (reason: NodeJS.ErrnoException) => {
      if (streams.brokenCode !== null) return;
      // `head` closes the pipe when it has enough, which is no error.
      streams.brokenCode = reason.code === 'EPIPE' ? 0 : 1;
      // The command may be over.
      process.exitCode = streams.brokenCode;
      // Such as a full disk. Where stderr itself fails, the exit code has to do.
      if (streams.brokenCode === 1 && stream === process.stdout) {
        process.stderr.write(`${name}: cannot write the output: ${reason.message}\n`);
      }
      // No one has stopped the command: what it says to that is for no one.
      for (const one of [process.stdout, process.stderr]) one.write = mute;
      stop.abort();
      setTimeout(() => process.kill(process.pid, 'SIGKILL'), endMsMax).unref();
    });
  }
}

/** In place of `write`: takes a text and drops it. */
function mute(_text: unknown, ...rest: readonly unknown[]): boolean {
  const written = rest.at(-1);
  if (typeof written === 'function') setImmediate(() => written());
  return true;
}

/** Commander would take an empty value, and an environment file cannot leave a name out. */
function dropEmptyVariables(): void {
  for (const [name, value] of Object.entries(process.env)) {
    if (name.startsWith('PILOTFISH_') && value === '') delete process.env[name];
  }
}

function processTerminal(stop: AbortController, streams: Streams): Terminal {
  // The first signal lets the command clean up; the second ends it at once.
  const stopOrEnd = (signal: 'SIGINT' | 'SIGTERM') => (): void => {
    if (stop.signal.aborted && streams.brokenCode === null) endBy(signal);
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
