// Emulates a terminal for tests: a grid of characters that knows the control sequences in use and
// refuses any other.

import type { OutputStream } from './terminal.js';

export class Screen implements OutputStream {
  readonly isTTY = true;
  readonly columns: number;
  readonly rows: number;
  readonly #lines: string[][] = [[]];
  #row = 0;
  #column = 0;
  /** Everything that was written. */
  written = '';

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  /** The visible text, and the text scrolled away above it. */
  get text(): string {
    return this.#lines.map((line) => line.join('').trimEnd()).join('\n');
  }

  write(text: string): void {
    this.written += text;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what it reads
    for (const part of text.match(/\u001b\[[\d;]*[A-Za-z]|./gsu) ?? []) this.#put(part);
  }

  #put(part: string): void {
    if (part === '\n') {
      this.#row++;
      this.#column = 0;
      this.#lines[this.#row] ??= [];
    } else if (part.startsWith('\u001b[')) this.#control(part.at(-1)!, Number(part.slice(2, -1)));
    else {
      // A full line breaks when the next character comes.
      if (this.#column === this.columns) this.#put('\n');
      const line = this.#lines[this.#row]!;
      while (line.length < this.#column) line.push(' ');
      line[this.#column++] = part;
    }
  }

  /** Erases everything after the cursor. */
  #endLine(): void {
    const line = this.#lines[this.#row]!;
    line.length = Math.min(line.length, this.#column);
  }

  #control(letter: string, count: number): void {
    switch (letter) {
      case 'm':
        break;
      case 'A':
        // The cursor stops at the top of the visible part.
        this.#row = Math.max(this.#row - count, this.#lines.length - this.rows, 0);
        break;
      case 'G':
        this.#column = count - 1;
        break;
      case 'K':
        this.#endLine();
        break;
      case 'J':
        this.#lines.length = this.#row + 1;
        this.#endLine();
        break;
      default:
        throw new Error(`control sequence ${letter} is not known here`);
    }
  }
}
