// Turns lines into messages, of one line or several, and commands. Pure.

/** The result of the lines so far. */
export type Entry =
  /** The message goes on in the next line. */
  | { readonly kind: 'more' }
  | { readonly kind: 'message'; readonly text: string }
  /** `/name rest`. */
  | { readonly kind: 'command'; readonly name: string; readonly rest: string };

/** Begins and ends a message of several lines. */
const fence = '"""';

export class MessageReader {
  /** Lines of an unfinished message. */
  #lines: string[] = [];
  #isFenced = false;

  /** Whether a message has begun and is not finished. */
  get isOpen(): boolean {
    return this.#lines.length > 0 || this.#isFenced;
  }

  /**
   * Takes one line. A message goes on after a `\` at the end of a line, and between two `"""`. A
   * line that begins with `/` is a command.
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

  /** The unfinished message at the end of the input; null where there is none. */
  end(): string | null {
    const text = this.#lines.join('\n').trim();
    this.drop();
    return text === '' ? null : text;
  }

  /** Drops an unfinished message. */
  drop(): void {
    this.#lines = [];
    this.#isFenced = false;
  }
}
