// Shows a text on stdout while it is written: the final part, and on a screen also the provisional
// part. Notes go to stderr on lines of their own. A pipe gets nothing that could be retracted.

import { LineFit, paragraph, spareColumns } from './line-fit.js';
import { legendEntries, type TokenMark, TokenStream } from './render.js';
import { colourWanted, painter, type Terminal } from './terminal.js';
import { visible } from './visible.js';

export interface TextView {
  /** Writes final text; call it while nothing is pending. */
  show(mark: TokenMark, text: string): void;
  /** Replaces the provisional text; an empty text removes it. */
  pending(text: string): void;
  /** Prints a note on a line of its own. */
  note(text: string): void;
  /** Removes pending text and ends the line. */
  end(): void;
}

export interface TextViewOptions {
  /** The prompt, where tokens are marked; null: text without marks. */
  readonly markedPrompt: string | null;
  /** Marks that the legend explains; empty where it was shown before. */
  readonly legend: readonly TokenMark[];
}

/** A view for stdout: a screen, or a pipe or file. */
export function textView(terminal: Terminal, options: TextViewOptions): TextView {
  const { out, err, env } = terminal;
  if (options.markedPrompt !== null && options.legend.length > 0) {
    err.write(`${legendEntries(colourWanted(out, env), options.legend).join('\n')}\n\n`);
  }
  const isScreen = out.isTTY === true && env['TERM'] !== 'dumb';
  const view = isScreen ? new ScreenView(terminal, options) : new PipeView(terminal, options);
  if (options.markedPrompt !== null) view.show('prompt', options.markedPrompt);
  return view;
}

/** A view that shows notes only. */
export const silentView = (terminal: Terminal): TextView => ({
  show: () => undefined,
  pending: () => undefined,
  note: noteTo(terminal),
  end: () => undefined,
});

/** Prints a note on stderr, on one line, with control characters made visible. */
export function noteTo({ err, env }: Pick<Terminal, 'err' | 'env'>): (text: string) => void {
  const paint = painter(colourWanted(err, env));
  return (text) => {
    const line = paragraph(visible(`pilotfish: ${text}`, 'all'), err);
    err.write(`${line.replace('pilotfish:', (name) => paint('yellow', name))}\n`);
  };
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Writes final text only, with marks that need no colour. */
class PipeView implements TextView {
  readonly note: (text: string) => void;
  readonly #write: (text: string) => void;
  readonly #marked: TokenStream | null;
  readonly #isTerminal: boolean;
  #last = '\n';

  constructor(terminal: Terminal, { markedPrompt }: TextViewOptions) {
    const { out, env } = terminal;
    this.note = noteTo(terminal);
    this.#isTerminal = out.isTTY === true;
    this.#write = (text) => {
      if (text === '') return;
      out.write(text);
      this.#last = text;
    };
    this.#marked =
      markedPrompt === null
        ? null
        : new TokenStream(this.#write, { colour: colourWanted(out, env) });
  }

  show(mark: TokenMark, text: string): void {
    if (this.#marked !== null) this.#marked.push(mark, bytesOf(text));
    else if (mark !== 'rejected') this.#write(this.#isTerminal ? visible(text, 'terminal') : text);
  }

  pending(): void {}

  end(): void {
    this.#marked?.end();
    if (!this.#last.endsWith('\n')) this.#write('\n');
  }
}

/** Provisional text, and how much of it is shown: no more than the cursor can go back over. */
interface Pending {
  readonly text: string;
  /** Position after the shown part. */
  readonly fit: LineFit;
  readonly stream: TokenStream;
  readonly isCut: boolean;
}

/** Columns kept free at line ends for marks, which are never broken. */
const markColumns = 4;

/** Writes to a terminal. Breaks lines at words, so that the position of the cursor is known. */
class ScreenView implements TextView {
  readonly #terminal: Terminal;
  readonly #isMarked: boolean;
  readonly #colour: boolean;
  readonly #say: (text: string) => void;
  readonly #fit: LineFit;
  readonly #stream: TokenStream;
  #pending: Pending | null = null;

  constructor(terminal: Terminal, { markedPrompt }: TextViewOptions) {
    const { out, env } = terminal;
    this.#terminal = terminal;
    this.#isMarked = markedPrompt !== null;
    this.#colour = colourWanted(out, env);
    this.#say = noteTo(terminal);
    const columns = Math.max(2, (out.columns ?? 80) - (this.#colour ? 1 : 1 + markColumns));
    this.#fit = new LineFit(columns, spareColumns(columns));
    this.#stream = this.#streamOn(this.#fit);
  }

  #streamOn(fit: LineFit): TokenStream {
    const { out } = this.#terminal;
    return new TokenStream((text) => out.write(text), { colour: this.#colour, fit });
  }

  show(mark: TokenMark, text: string): void {
    this.pending('');
    if (this.#isMarked) this.#stream.push(mark, bytesOf(text));
    else if (mark === 'provisional') this.#stream.push(mark, bytesOf(text));
    else if (mark !== 'rejected') this.#stream.push('plain', bytesOf(text));
  }

  pending(text: string): void {
    const before = this.#pending;
    if (before !== null && before.text !== '' && text.startsWith(before.text)) {
      this.#pending = this.#extended({ ...before, text }, text.slice(before.text.length));
      return;
    }
    this.#takeAway();
    if (text === '') return;
    // Closes an open mark.
    this.#stream.end();
    const fit = this.#fit.fork();
    this.#pending = this.#extended({ text, fit, stream: this.#streamOn(fit), isCut: false }, text);
  }

  /** Shows more, as long as the cursor can go back over it. */
  #extended(pending: Pending, more: string): Pending {
    if (pending.isCut) return pending;
    const { fit, stream } = pending;
    const linesMax = Math.max(0, (this.#terminal.out.rows ?? Infinity) - 2);
    for (const word of more.split(/(?=[ \n])/)) {
      const probe = fit.fork();
      probe.push(word);
      if (probe.lineCount - this.#fit.lineCount > linesMax) {
        if (linesMax > 0) stream.push('provisional', bytesOf(' ...'));
        return { ...pending, isCut: true };
      }
      stream.push('provisional', bytesOf(word));
    }
    return pending;
  }

  #takeAway(): void {
    if (this.#pending === null) return;
    const { fit } = this.#pending;
    this.#pending = null;
    const lines = fit.lineCount - this.#fit.lineCount;
    const up = lines > 0 ? `\u001b[${lines}A` : '';
    // Relative rows and an absolute column stay right when the screen has scrolled.
    this.#terminal.out.write(`${up}\u001b[${this.#fit.column + 1}G\u001b[J`);
  }

  note(text: string): void {
    const { out, err } = this.#terminal;
    const isShared = err.isTTY === true;
    const shown = this.#pending?.text ?? '';
    if (isShared) {
      this.pending('');
      this.#stream.end();
      if (this.#fit.column > 0) out.write(this.#fit.push('\n'));
    }
    this.#say(text);
    if (isShared) this.pending(shown);
  }

  end(): void {
    this.pending('');
    this.#stream.end();
    if (this.#fit.column > 0) this.#terminal.out.write(this.#fit.push('\n'));
  }
}
