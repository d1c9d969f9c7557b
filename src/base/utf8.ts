// Converts text to UTF-8 and back: whole texts, texts cut to a number of bytes, and texts whose
// bytes arrive in pieces.

/** The WHATWG coders. Node and every browser have them; the pure layers lack their types. */
declare const TextEncoder: new () => { encode(text: string): Uint8Array };
declare const TextDecoder: new (
  label: 'utf-8',
  options?: { fatal: boolean; ignoreBOM: boolean },
) => { decode(bytes?: Uint8Array, options?: { stream: boolean }): string };

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The bytes of a text; a lone surrogate becomes the replacement character. */
export function toUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The text of bytes, or null when they are not UTF-8. */
export function fromUtf8(bytes: Uint8Array): string | null {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return null;
  }
}

/**
 * The longest beginning of a text that is at most `bytesMax` bytes of UTF-8; no character is
 * broken.
 */
export function cutText(text: string, bytesMax: number): string {
  // A UTF-16 unit is at most three bytes.
  if (text.length * 3 <= bytesMax) return text;
  let bytes = 0;
  let units = 0;
  for (const character of text) {
    bytes += utf8LengthOf(character.codePointAt(0)!);
    if (bytes > bytesMax) return text.slice(0, units);
    units += character.length;
  }
  return text;
}

/** Bytes of one code point; a lone surrogate takes three, as the replacement character does. */
function utf8LengthOf(codePoint: number): number {
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x10000 ? 3 : 4;
}

/** Decodes bytes that arrive token by token; a token may end inside a character. */
export class Utf8Stream {
  readonly #decoder = new TextDecoder('utf-8');

  /**
   * Text that is complete with these bytes. Bytes of an unfinished character wait. Never throws.
   */
  push(bytes: Uint8Array): string {
    return this.#decoder.decode(bytes, { stream: true });
  }

  /** The bytes still waiting, as replacement characters. The stream is empty again afterwards. */
  end(): string {
    return this.#decoder.decode();
  }
}
