// From lines to what a person means by them: a message, of one line or several, or a command. Pure.

/** What the lines so far come to. */
export type Entry =
  /** The message goes on in the next line. */
  | { readonly kind: 'more' }
  | { readonly kind: 'message'; readonly text: string }
  /** `/name rest`. */
  | { readonly kind: 'command'; readonly name: string; readonly rest: string };

/** Opens a message of several lines, and closes it. */
const fence = '"""';

export class MessageReader {
  /** Lines of a message that is not whole. */
  #lines: string[] = [];
  #isFenced = false;

  /** Whether a message has begun and is not whole. */
  get isOpen(): boolean {
    return this.#lines.length > 0 || this.#isFenced;
  }

  /**
   * Takes one line without its break. A message goes on behind a `\` at the end of a line, and between two `"""`. A line
   * that begins with `/` is a command; with a space before it, it is a message.
   */
  take(line: string): Entry {
    if (this.#isFenced) return this.#takeFenced(line);
    if (!this.isOpen && line.trimStart().startsWith(fence)) {
      this.#isFenced = true;
      const first = line.trimStart().slice(fence.length);
      return first === '' ? { kind: 'more' } : this.#takeFenced(first);
    }
    if (line.endsWith('\\')) {
      this.#lines.push(line.slice(0, -1));
      return { kind: 'more' };
    }
    const command = this.isOpen ? null : /^\/(\S*)\s*(.*)$/.exec(line);
    if (command !== null) return { kind: 'command', name: command[1]!, rest: command[2]!.trim() };
    return this.#whole(line);
  }

  #takeFenced(line: string): Entry {
    if (!line.trimEnd().endsWith(fence)) {
      this.#lines.push(line);
      return { kind: 'more' };
    }
    this.#isFenced = false;
    return this.#whole(line.trimEnd().slice(0, -fence.length));
  }

  #whole(last: string): Entry {
    const text = [...this.#lines, last].join('\n').trim();
    this.#lines = [];
    return { kind: 'message', text };
  }

  /** What the input's end leaves of a message that is not whole; null where there is nothing. */
  end(): string | null {
    const text = this.#lines.join('\n').trim();
    this.drop();
    return text === '' ? null : text;
  }

  /** Forgets the lines of a message that is not whole. */
  drop(): void {
    this.#lines = [];
    this.#isFenced = false;
  }
}
