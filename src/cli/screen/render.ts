// Writes a text with its tokens marked, by colour or by wdiff-like marks. A model's text cannot
// control the terminal.

import type { LineFit } from './line-fit.js';
import { type Paint, painter, type Style } from './terminal.js';
import { visible } from './visible.js';

/** The origin of a token. `prompt`, `plain` and `target`: never drafted. `plain`: no mark. */
export type TokenMark =
  | 'prompt'
  | 'plain'
  | 'target'
  | 'accepted'
  | 'rejected'
  | 'residual'
  | 'bonus'
  | 'provisional';

interface Look {
  readonly style: Style | null;
  /** Marks around a run of tokens, without colour. */
  readonly open: string;
  readonly close: string;
  readonly meaning: string;
}

const looks: Readonly<Record<TokenMark, Look>> = {
  prompt: { style: 'bold', open: '', close: '', meaning: 'prompt' },
  plain: { style: null, open: '', close: '', meaning: 'text' },
  target: { style: 'blue', open: '{=', close: '=}', meaning: 'without a draft from here' },
  accepted: { style: 'green', open: '', close: '', meaning: 'drafted and accepted' },
  rejected: {
    style: ['red', 'dim', 'strikethrough'],
    open: '[-',
    close: '-]',
    meaning: 'drafted and rejected',
  },
  residual: {
    style: 'yellow',
    open: '{+',
    close: '+}',
    meaning: 'residual: replaces a rejected draft',
  },
  bonus: {
    style: 'cyan',
    open: '{*',
    close: '*}',
    meaning: 'bonus: after a fully accepted draft',
  },
  provisional: {
    style: ['magenta', 'dim'],
    open: '{?',
    close: '?}',
    meaning: 'by the draft model, not verified',
  },
};

/** [marks] the meaning of each mark, written in that mark. */
export function legendEntries(colour: boolean, marks: readonly TokenMark[]): string[] {
  const paint = painter(colour);
  return marks.map((mark) => {
    const { open, close, meaning } = looks[mark];
    return colour ? styled(paint, mark, meaning) : `${open}${meaning}${close}`;
  });
}

function styled(paint: Paint, mark: TokenMark, text: string): string {
  const { style } = looks[mark];
  return style === null ? text : paint(style, text);
}

/** Writes tokens one by one. Without marks and rejected tokens its output is the text. */
export class TokenStream {
  readonly #write: (text: string) => void;
  readonly #colour: boolean;
  readonly #paint: Paint;
  readonly #fit: LineFit | null;
  /** Holds the bytes of an unfinished character. Rejected tokens never pass through it. */
  readonly #decoder = new TextDecoder('utf-8');
  /** The mark that is open, without colour only. */
  #open: TokenMark | null = null;
  #last: TokenMark = 'plain';

  /** @param options.fit breaks lines at words; without it the terminal wraps them. */
  constructor(write: (text: string) => void, options: { colour: boolean; fit?: LineFit }) {
    this.#write = write;
    this.#fit = options.fit ?? null;
    this.#colour = options.colour;
    this.#paint = painter(options.colour);
  }

  /** @param bytes that end inside a character show it with the next token. */
  push(mark: TokenMark, bytes: Uint8Array): void {
    if (mark === 'rejected') {
      // Not part of the text: decoded alone, and kept on its line to preserve the layout.
      this.#show(mark, visible(new TextDecoder('utf-8').decode(bytes), 'all'));
      return;
    }
    this.#last = mark;
    this.#show(mark, visible(this.#decoder.decode(bytes, { stream: true }), 'terminal'));
  }

  /** Shows an unfinished character and closes the last mark. */
  end(): void {
    this.#show(this.#last, visible(this.#decoder.decode(), 'terminal'));
    this.#close();
  }

  #show(mark: TokenMark, text: string): void {
    if (text === '') return;
    if (this.#colour) {
      this.#write(styled(this.#paint, mark, this.#fitted(text)));
      return;
    }
    const begins = this.#open !== mark;
    if (begins) this.#close();
    let fitted = this.#fitted(text);
    if (begins) {
      // A line break that replaced a space stands before the mark.
      const breaks = fitted.startsWith('\n') && !text.startsWith('\n');
      const { open } = looks[mark];
      const rest = breaks ? fitted.slice(1) : fitted;
      // After a later line break the mark does not move the position.
      if (!rest.includes('\n')) this.#unbroken(open);
      fitted = `${breaks ? '\n' : ''}${open}${rest}`;
      this.#open = mark;
    }
    this.#write(fitted);
  }

  #fitted(text: string): string {
    return this.#fit?.push(text) ?? text;
  }

  /** Writes a mark without a break, beyond the end of the line if needed. */
  #unbroken(mark: string): string {
    this.#fit?.skip(mark);
    return mark;
  }

  #close(): void {
    if (this.#open === null) return;
    this.#write(this.#unbroken(looks[this.#open].close));
    this.#open = null;
  }
}
