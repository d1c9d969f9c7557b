// Prints errors, the only file that does: a sentence with its code, a remedy, and an exit code. A
// stack trace comes with PILOTFISH_DEBUG=1 only. Control characters are made visible.

import { CommanderError } from 'commander';
import { PilotfishError } from '../base/error.js';
import { withFlagNames } from './flags/flag-names.js';
import { usageError } from './flags/flags.js';
import { paragraph } from './screen/line-fit.js';
import { colourWanted, painter, type Terminal } from './screen/terminal.js';
import { visible } from './screen/visible.js';

/** Exit code of a command stopped with Ctrl-C: 128 + SIGINT. */
export const interruptedExitCode = 130;

export interface FailureReport {
  readonly message: string;
  /** Null where the user can do nothing. */
  readonly remedy: string | null;
  /** A code of error.ts, or `internal` for a bug. */
  readonly code: string;
  readonly exitCode: number;
}

/** The message, remedy and exit code for anything that a command throws. */
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
    remedy: 'This is a bug in pilotfish. Run again with PILOTFISH_DEBUG=1 and report the trace.',
    code: 'internal',
    exitCode: 1,
  };
}

/** Gives commander's messages the form of ours. */
function usageFailure(message: string): FailureReport {
  const { remedy, exitCode } = usageError('').entry;
  return { message: sentenceOf(message), remedy, code: 'usage', exitCode };
}

/** Removes the prefix of a commander message, and joins its hint on the second line. */
export const sentenceOf = (message: string): string =>
  message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');

/** Prints a failure and returns its exit code. */
export function printFailure(reason: unknown, terminal: Terminal): number {
  const failure = failureReport(reason);
  const paint = painter(colourWanted(terminal.err, terminal.env));
  const { message, remedy, code } = failure;
  const line = paragraph(visible(`pilotfish: ${message} [${code}]`, 'all'), terminal.err);
  terminal.err.write(`${line.replace('pilotfish:', (name) => paint('red', name))}\n`);
  if (remedy !== null) terminal.err.write(`${paragraph(`  ${remedy}`, terminal.err)}\n`);
  if (terminal.env['PILOTFISH_DEBUG'] === '1') {
    for (const trace of traces(reason)) terminal.err.write(`${visible(trace, 'terminal')}\n`);
  }
  return failure.exitCode;
}

/** Stack traces of an error and its causes, outermost first. Bounded: causes may form a cycle. */
function traces(reason: unknown): string[] {
  const found: string[] = [];
  let next: unknown = reason;
  while (next !== undefined && found.length < 8) {
    found.push(next instanceof Error ? traceOf(next) : String(next));
    next = next instanceof Error ? next.cause : undefined;
  }
  return found;
}

/** The lines of a trace are ours; those of the message in it may be a peer's. */
const traceOf = (error: Error): string =>
  (error.stack ?? String(error)).replace(error.message, () => visible(error.message, 'all'));
