// Breaks a text that arrives in pieces into lines, at spaces where it can. Knows the column of the
// next character, so that a caller can go back to it. Takes plain text; colour is added later.

import { displayWidth } from './table.js';

/** A paragraph for a stream: broken at words on a terminal, one line elsewhere. */
export function paragraph(
  text: string,
  {
    isTTY,
    columns,
  }: { readonly isTTY?: boolean | undefined; readonly columns?: number | undefined },
): string {
  return isTTY ? new LineFit(Math.max(2, (columns ?? 80) - 1)).push(text) : text;
}

/** Columns kept free for the rest of a word, for a given line width. */
export const spareColumns = (columns: number): number => Math.min(8, Math.floor(columns / 8));

export class LineFit {
  readonly #columns: number;
  readonly #spare: number;
  #column = 0;
  #lineCount = 0;

  /**
   * @param columns that a line may fill, >= 2. A full line may wrap by itself on a terminal.
   * @param spare columns at line ends, kept for the rest of a word that is split over pieces.
   */
  constructor(columns: number, spare = 0) {
    this.#columns = columns;
    this.#spare = spare;
  }

  /** Filled columns of the current line. */
  get column(): number {
    return this.#column;
  }

  /** Line breaks so far. */
  get lineCount(): number {
    return this.#lineCount;
  }

  /** A copy that continues from here and leaves this one unchanged. */
  fork(): LineFit {
    const copy = new LineFit(this.#columns, this.#spare);
    copy.#column = this.#column;
    copy.#lineCount = this.#lineCount;
    return copy;
  }

  /** The text with line breaks; each replaces the space where it stands. */
  push(text: string): string {
    return text
      .split(/(?=[ \n])/)
      .map((word, index, { length }) => this.#word(word, index === length - 1 ? this.#spare : 0))
      .join('');
  }

  /** Counts a text that the caller writes unchanged. */
  skip(text: string): void {
    this.#column += displayWidth(text);
  }

  /** @param word with the space or line break before it. @param spare columns for its rest. */
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

  /** Places the rest of a word, or a word wider than a line: breaks where the line is full. */
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
