// Reads lines from a keyboard or a pipe. A keyboard has line editing and history while a line is
// awaited. Otherwise it is an ordinary terminal, so that Ctrl-C is a signal during an answer.

import { clearLine, createInterface, cursorTo, type Interface } from 'node:readline';
import type { OutputStream, Terminal } from '../screen/terminal.js';

/** A line without its break, the end, or Ctrl-C while a line was awaited (and had begun). */
export type InputLine =
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'end' }
  | { readonly kind: 'interrupt'; readonly hadText: boolean };

interface Keyboard extends NodeJS.ReadableStream {
  setRawMode?(isRaw: boolean): unknown;
}

const historyLines = 1000;

export class LineInput {
  readonly #input: Keyboard;
  readonly #echo: OutputStream;
  readonly #signal: AbortSignal;
  readonly #readline: Interface;
  readonly #onAbort = (): void => this.#settle({ kind: 'end' });
  readonly isKeyboard: boolean;
  /** Lines that arrived early: pasted ones, or those that a pipe holds. */
  readonly #waiting: string[] = [];
  #isOver = false;
  #settleLine: ((line: InputLine) => void) | null = null;

  /** @param terminal whose `in` is present. */
  constructor({ in: input, out, err, signal }: Terminal) {
    // Commands read from Node's streams; the narrower type spares tests the rest of them.
    this.#input = input as unknown as Keyboard;
    this.#signal = signal;
    this.isKeyboard = input!.isTTY === true;
    this.#echo = out.isTTY === true ? out : err;
    this.#readline = createInterface({
      input: this.#input,
      ...(this.isKeyboard && { output: this.#echo as unknown as NodeJS.WritableStream }),
      terminal: this.isKeyboard,
      historySize: historyLines,
      removeHistoryDuplicates: true,
    });
    this.#rest();
    this.#readline.on('line', (text) => {
      if (this.#settleLine === null) this.#waiting.push(text);
      else this.#settle({ kind: 'line', text });
    });
    this.#readline.on('SIGINT', () => this.#interrupted());
    this.#readline.on('close', () => {
      this.#isOver = true;
      this.#settle({ kind: 'end' });
    });
    signal.addEventListener('abort', this.#onAbort);
  }

  /** Reads the next line. @param prompt shown before it, on a keyboard only. */
  read(prompt: string): Promise<InputLine> {
    const text = this.#waiting.shift();
    if (text !== undefined) return Promise.resolve({ kind: 'line', text });
    if (this.#isOver || this.#signal.aborted) return Promise.resolve({ kind: 'end' });
    return new Promise((resolve) => {
      this.#settleLine = resolve;
      this.#readline.resume();
      if (!this.isKeyboard) return;
      this.#input.setRawMode?.(true);
      this.#readline.setPrompt(prompt);
      this.#readline.prompt();
    });
  }

  #settle(line: InputLine): void {
    const settle = this.#settleLine;
    if (settle === null) return;
    this.#settleLine = null;
    this.#rest();
    settle(line);
  }

  /** Stops reading: the terminal handles keys again, and a pipe is not read into memory. */
  #rest(): void {
    if (this.#isOver) return;
    this.#readline.pause();
    if (this.isKeyboard) this.#input.setRawMode?.(false);
  }

  #interrupted(): void {
    const hadText = this.#readline.line !== '';
    // Takes the text out of the editor. On the screen it stays, above the line that the editor
    // believes it clears.
    this.#readline.write(null, { ctrl: true, name: 'e' });
    this.#readline.setPrompt('');
    this.#echo.write('^C\n');
    this.#readline.write(null, { ctrl: true, name: 'u' });
    this.#settle({ kind: 'interrupt', hadText });
  }

  /** Prints a note on a line of its own, also while a line is being typed. @param say prints it. */
  aside(say: () => void): void {
    if (!this.isKeyboard || this.#settleLine === null) {
      say();
      return;
    }
    const echo = this.#echo as unknown as NodeJS.WritableStream;
    cursorTo(echo, 0);
    clearLine(echo, 0);
    say();
    this.#readline.prompt(true);
  }

  close(): void {
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#readline.close();
  }
}
