// The one place that prints errors: a sentence, a remedy, the code in brackets, and the exit code that belongs to it.
// Shows a stack trace only under PILOTFISH_DEBUG=1, and always says so when the mistake is our own. Lets no message, which
// a server or a file may have worded, steer the terminal.

import { CommanderError } from 'commander';
import { PilotfishError } from '../base/error.js';
import { withFlagNames } from './flags/flag-names.js';
import { paragraph } from './screen/line-fit.js';
import { visible } from './screen/render.js';
import { colourWanted, painter, type Terminal } from './screen/terminal.js';

/** Exit code of a command stopped with Ctrl-C: 128 + SIGINT. */
export const interruptedExitCode = 130;

export interface FailureReport {
  readonly message: string;
  /** Null where there is nothing to do about it. */
  readonly remedy: string | null;
  /** A code of error.ts, or `internal` for a mistake of ours. */
  readonly code: string;
  readonly exitCode: number;
}

/** What to print and with which code to end for anything that a command throws. */
export function failureReport(reason: unknown): FailureReport {
  if (reason instanceof CommanderError) return usageFailure(reason.message);
  if (reason instanceof PilotfishError) {
    const { remedy, exitCode } = reason.entry;
    const message = withFlagNames(reason.message);
    const { code } = reason;
    if (code === 'cancelled') return { message, remedy: null, code, exitCode: interruptedExitCode };
    return { message, remedy: withFlagNames(remedy), code, exitCode };
  }
  return {
    message: `internal error: ${reason instanceof Error ? reason.message : String(reason)}`,
    remedy:
      'This is a mistake in pilotfish. Run again with PILOTFISH_DEBUG=1 and report the trace.',
    code: 'internal',
    exitCode: 1,
  };
}

/** Commander's messages, in the one form all messages have. */
function usageFailure(message: string): FailureReport {
  const { remedy, exitCode } = new PilotfishError('usage', '').entry;
  return { message: sentenceOf(message), remedy, code: 'usage', exitCode };
}

/** Commander's messages begin with a prefix and may have a hint on a second line. */
export const sentenceOf = (message: string): string =>
  message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');

/** Prints a failure and returns its exit code. */
export function printFailure(reason: unknown, terminal: Terminal): number {
  const failure = failureReport(reason);
  const paint = painter(colourWanted(terminal.err, terminal.env));
  const { message, remedy, code } = failure;
  const line = paragraph(visible(`pilotfish: ${message} [${code}]`, 'terminal'), terminal.err);
  terminal.err.write(`${line.replace('pilotfish:', (name) => paint('red', name))}\n`);
  if (remedy !== null) terminal.err.write(`${paragraph(`  ${remedy}`, terminal.err)}\n`);
  if (terminal.env['PILOTFISH_DEBUG'] === '1') {
    for (const trace of traces(reason)) terminal.err.write(`${visible(trace, 'terminal')}\n`);
  }
  return failure.exitCode;
}

/** Stack traces of an error and its causes, outermost first; bounded, as causes may form a ring. */
function traces(reason: unknown): string[] {
  const found: string[] = [];
  let next: unknown = reason;
  while (next !== undefined && found.length < 8) {
    found.push(next instanceof Error ? (next.stack ?? String(next)) : String(next));
    next = next instanceof Error ? next.cause : undefined;
  }
  return found;
}
