// A text as it comes out of speculation, every token marked by its fate: drafted and accepted, drafted and rejected,
// residual, bonus. Colour on a terminal, wdiff-like marks elsewhere. Never lets a model's text steer the terminal.

import type { LineFit } from './line-fit.js';
import { type Paint, painter, type Style } from './terminal.js';

/** What became of a token. `prompt`, `plain` and `target` tokens were never drafted; `plain` ones are not marked. */
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
  /** Marks around a run of tokens where there is no colour. */
  readonly open: string;
  readonly close: string;
  readonly meaning: string;
}

const looks: Readonly<Record<TokenMark, Look>> = {
  prompt: { style: 'bold', open: '', close: '', meaning: 'prompt' },
  plain: { style: null, open: '', close: '', meaning: 'text' },
  target: { style: 'blue', open: '{=', close: '=}', meaning: 'written by the target alone' },
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
  bonus: { style: 'cyan', open: '{*', close: '*}', meaning: 'bonus: behind drafts that all stood' },
  provisional: {
    style: ['magenta', 'dim'],
    open: '{?',
    close: '?}',
    meaning: 'the draft alone, not verified',
  },
};

/** [fates] what each mark means, in its own mark. */
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

/** One verdict as it is shown. Buffers stay the caller's. */
export interface ShownRound {
  /** [draftCount], the bytes each drafted token would add to the text. */
  readonly drafted: readonly Uint8Array[];
  /** In [0, draftCount]. */
  readonly acceptedCount: number;
  readonly final: { readonly kind: 'residual' | 'bonus'; readonly bytes: Uint8Array };
}

/** Writes tokens one by one. Without the marks and the rejected runs, what it writes is the text itself. */
export class TokenStream {
  readonly #write: (text: string) => void;
  readonly #colour: boolean;
  readonly #paint: Paint;
  readonly #fit: LineFit | null;
  /** Holds the bytes of a character whose end has not come yet; rejected tokens never pass through it. */
  readonly #decoder = new TextDecoder('utf-8');
  /** The fate whose opening mark stands unclosed, without colour only. */
  #open: TokenMark | null = null;
  #last: TokenMark = 'plain';

  /** @param options.fit breaks lines at words; without it the terminal breaks them where it must. */
  constructor(write: (text: string) => void, options: { colour: boolean; fit?: LineFit }) {
    this.#write = write;
    this.#fit = options.fit ?? null;
    this.#colour = options.colour;
    this.#paint = painter(options.colour);
  }

  /** @param bytes what the token adds to the text; may end inside a character, which is then shown with the next token. */
  push(mark: TokenMark, bytes: Uint8Array): void {
    if (mark === 'rejected') {
      // Not part of the text: decoded alone, and kept on its line so that it cannot tear the layout.
      this.#show(mark, visible(new TextDecoder('utf-8').decode(bytes), 'all'));
      return;
    }
    this.#last = mark;
    this.#show(mark, visible(this.#decoder.decode(bytes, { stream: true }), 'terminal'));
  }

  /** Shows a whole verdict: accepted drafts, the rejected one, what was cut behind it, the final token. */
  pushRound(round: ShownRound): void {
    round.drafted.forEach((bytes, index) => {
      this.push(index < round.acceptedCount ? 'accepted' : 'rejected', bytes);
    });
    this.push(round.final.kind, round.final.bytes);
  }

  /** Shows what is left of an unfinished character and closes the last mark. */
  end(): void {
    this.#show(this.#last, visible(this.#decoder.decode(), 'terminal'));
    this.#close();
  }

  #show(fate: TokenMark, text: string): void {
    if (text === '') return;
    if (this.#colour) {
      this.#write(styled(this.#paint, fate, this.#fitted(text)));
      return;
    }
    const begins = this.#open !== fate;
    if (begins) this.#close();
    let fitted = this.#fitted(text);
    if (begins) {
      // A line break that took the place of a space stands before the mark, not inside it.
      const breaks = fitted.startsWith('\n') && !text.startsWith('\n');
      const { open: mark } = looks[fate];
      const rest = breaks ? fitted.slice(1) : fitted;
      // On a line that a later break has ended the mark moves nothing any more.
      if (!rest.includes('\n')) this.#unbroken(mark);
      fitted = `${breaks ? '\n' : ''}${mark}${rest}`;
      this.#open = fate;
    }
    this.#write(fitted);
  }

  #fitted(text: string): string {
    return this.#fit?.push(text) ?? text;
  }

  /** Marks stay with what they mark, a little beyond the line if need be. */
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

/** C0, DEL and C1: everything by which a text could move the cursor, recolour or rename the window. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const controls = /[\u0000-\u001f\u007f-\u009f]/g;

/**
 * Text with control characters made visible. `terminal` leaves line breaks and tabs alone; `all` shows those as well.
 * Carriage returns are always shown: alone they overwrite the line.
 */
export function visible(text: string, scope: 'terminal' | 'all'): string {
  return text.replace(controls, (character) => {
    if (character === '\n') return scope === 'terminal' ? character : '⏎';
    if (character === '\t') return scope === 'terminal' ? character : '⇥';
    return character < ' ' ? String.fromCharCode(0x2400 + character.charCodeAt(0)) : '␦';
  });
}
