// Breaks a text that comes in pieces into lines, at spaces where it can. Knows at every moment in which column the
// next character will stand, so that a caller can go back to it. Sees plain text only: colour is put on afterwards.

import { displayWidth } from './table.js';

/** A paragraph on a stream: broken at words where it is a terminal, in one line elsewhere. */
export function paragraph(
  text: string,
  {
    isTTY,
    columns,
  }: { readonly isTTY?: boolean | undefined; readonly columns?: number | undefined },
): string {
  return isTTY ? new LineFit(Math.max(2, (columns ?? 80) - 1)).push(text) : text;
}

/** Columns kept for the rest of a word on a line of so many, where words come in pieces. */
export const spareColumns = (columns: number): number => Math.min(8, Math.floor(columns / 8));

export class LineFit {
  readonly #columns: number;
  readonly #spare: number;
  #column = 0;
  #lineCount = 0;

  /**
   * @param columns a line may fill, >= 2; one less than the terminal has, where a full line may break by itself.
   * @param spare columns at the end of a line in which no word may end that is the last of its piece, in [0, columns):
   *   room for the rest of it, where words come in pieces.
   */
  constructor(columns: number, spare = 0) {
    this.#columns = columns;
    this.#spare = spare;
  }

  /** Columns filled of the current line. */
  get column(): number {
    return this.#column;
  }

  /** Line breaks so far. */
  get lineCount(): number {
    return this.#lineCount;
  }

  /** A fit that goes on from here and leaves this one as it is. */
  fork(): LineFit {
    const copy = new LineFit(this.#columns, this.#spare);
    copy.#column = this.#column;
    copy.#lineCount = this.#lineCount;
    return copy;
  }

  /** The text with line breaks put in; a break stands in the place of the space it came at. */
  push(text: string): string {
    return text
      .split(/(?=[ \n])/)
      .map((word, index, { length }) => this.#word(word, index === length - 1 ? this.#spare : 0))
      .join('');
  }

  /** Counts a text that the caller writes as it is. */
  skip(text: string): void {
    this.#column += displayWidth(text);
  }

  /** @param word a word with the space or line break before it, if there is one. @param spare columns for the rest of it. */
  #word(word: string, spare: number): string {
    if (word.startsWith('\n')) return this.#newLine() + this.#word(word.slice(1), spare);
    const end = this.#column + displayWidth(word);
    const isBeginning = word.startsWith(' ') && this.#column > 0;
    if (end <= this.#columns - (isBeginning ? spare : 0)) {
      this.#column = end;
      return word;
    }
    if (isBeginning) return this.#newLine() + this.#word(word.slice(1), spare);
    return this.#characters(word);
  }

  /** The rest of a word that begins in an earlier piece, or one wider than a line: broken where the line is full. */
  #characters(word: string): string {
    let fitted = '';
    for (const character of word) {
      const width = displayWidth(character);
      if (this.#column + width > this.#columns) fitted += this.#newLine();
      this.#column += width;
      fitted += character;
    }
    return fitted;
  }

  #newLine(): string {
    this.#column = 0;
    this.#lineCount++;
    return '\n';
  }
}
