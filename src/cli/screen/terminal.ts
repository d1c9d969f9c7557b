// Where a command writes and what it knows of its surroundings: streams, environment, cancellation, colour.
// Commands never touch `process` themselves, so a test can hand them a terminal of its own.

import { styleText } from 'node:util';

/** A place to write text. `isTTY`, `columns` and `rows` are absent when it is a file or a pipe. */
export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

/** A place to read bytes. `isTTY` is absent when it is a file or a pipe. */
export interface InputStream extends AsyncIterable<Uint8Array> {
  readonly isTTY?: boolean | undefined;
  /** Ends a read in progress. */
  destroy(): unknown;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Terminal {
  /** What was piped in; absent where nothing can be. */
  readonly in?: InputStream;
  /** Results: what a script would read. */
  readonly out: OutputStream;
  /** Progress, notes and errors: what a person would read. */
  readonly err: OutputStream;
  readonly env: Environment;
  /** Aborts when the user stops the command. */
  readonly signal: AbortSignal;
  /**
   * Has Ctrl-C stop something smaller than the command, until the function that is returned is called. Absent where
   * there is no keyboard.
   */
  readonly onInterrupt?: (stop: () => void) => () => void;
  /**
   * Has SIGHUP read files again instead of ending the command, until the function that is returned is called. Absent
   * where no signals come.
   */
  readonly onHangUp?: (reload: () => void) => () => void;
}

export type Style = Parameters<typeof styleText>[0];

/** Puts a style on a text, or returns it as it is where colour is off. */
export type Paint = (style: Style, text: string) => string;

/**
 * Whether `stream` gets colour. NO_COLOR (any value but empty) wins over FORCE_COLOR, as no-color.org asks;
 * without either, colour goes to terminals that are not `dumb`.
 */
export function colourWanted(stream: OutputStream, env: Environment): boolean {
  if (env['NO_COLOR']) return false;
  const force = env['FORCE_COLOR'];
  if (force !== undefined) return force !== '0' && force !== 'false';
  return stream.isTTY === true && env['TERM'] !== 'dumb';
}

/** A painter that was told once whether to paint, so that one output never mixes both. */
export function painter(colour: boolean): Paint {
  if (!colour) return (_style, text) => text;
  return (style, text) => styleText(style, text, { validateStream: false });
}
