// UTF-8 of whole texts: to bytes, back, and cut to a number of bytes. Text that arrives in pieces: base/utf8.ts.

/** The parts of the WHATWG coders used here; Node and every browser have them, the pure layers lack their types. */
declare const TextEncoder: new () => { encode(text: string): Uint8Array };
declare const TextDecoder: new (
  label: 'utf-8',
  options: { fatal: boolean; ignoreBOM: boolean },
) => { decode(bytes: Uint8Array): string };

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The bytes of a text; a lone surrogate becomes the replacement character. */
export function toUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The text of bytes, or null when they are not UTF-8. */
export function fromUtf8(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/** The longest beginning of a text that is at most `bytesMax` bytes of UTF-8; no character is broken. */
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
