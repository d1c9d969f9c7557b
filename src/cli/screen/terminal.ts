// Defines the surroundings of a command: streams, environment, cancellation, colour. Commands never
// use `process` directly, so a test can pass a terminal of its own.

import { styleText } from 'node:util';
import { visibleJson } from './visible.js';

/** A stream for text. `isTTY`, `columns` and `rows` are absent for a file or a pipe. */
export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

/** A stream of bytes. `isTTY` is absent for a file or a pipe. */
export interface InputStream extends AsyncIterable<Uint8Array> {
  readonly isTTY?: boolean | undefined;
  /** Ends a read in progress. */
  destroy(): unknown;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Terminal {
  /** Stdin; absent where there is none. */
  readonly in?: InputStream;
  /** Stdout: results, for scripts. */
  readonly out: OutputStream;
  /** Stderr: progress, notes and errors, for people. */
  readonly err: OutputStream;
  readonly env: Environment;
  /** Aborts when the user stops the command. */
  readonly signal: AbortSignal;
  /** Makes Ctrl-C stop something smaller until the result is called. Absent without a keyboard. */
  readonly onInterrupt?: (stop: () => void) => () => void;
  /** Makes SIGHUP reload files until the result is called. Absent where no signals arrive. */
  readonly onHangUp?: (reload: () => void) => () => void;
}

/** Sets the exit code of a command that ends without an error. */
export type Exit = (code: number) => void;

/** Writes the document of --json. */
export const printJson = ({ out }: Terminal, document: unknown): unknown =>
  out.write(`${visibleJson(JSON.stringify(document, null, 2))}\n`);

/** Resolves when the signal aborts. */
export function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

export type Style = Parameters<typeof styleText>[0];

/** Styles a text, or returns it unchanged where colour is off. */
export type Paint = (style: Style, text: string) => string;

/**
 * Whether `stream` gets colour. NO_COLOR (any non-empty value) wins over FORCE_COLOR, as
 * no-color.org asks. Without either, terminals other than `dumb` get colour.
 */
export function colourWanted(stream: OutputStream, env: Environment): boolean {
  if (env['NO_COLOR']) return false;
  const force = env['FORCE_COLOR'];
  if (force !== undefined) return force !== '0' && force !== 'false';
  return stream.isTTY === true && env['TERM'] !== 'dumb';
}

/** Makes a painter with colour on or off, so that one output never mixes both. */
export function painter(colour: boolean): Paint {
  if (!colour) return (_style, text) => text;
  return (style, text) => styleText(style, text, { validateStream: false });
}
