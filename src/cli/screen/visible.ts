// Makes the characters visible with which a text could control a terminal, forge a line or reorder
// the text around it. Every text of a peer, a model or a file goes through here on its way to a
// terminal or a log.

/** C0, DEL and C1: they move the cursor, recolour, rename the window. */
const controls = '\\u0000-\\u001f\\u007f-\\u009f';
/** Line and paragraph separator, which some programs break lines at. */
const separators = '\\u2028\\u2029';
/** Embeddings, overrides and isolates: they reorder what follows them, up to the line's end. */
const bidiControls = '\\u202a-\\u202e\\u2066-\\u2069';
/** Marks that order only their neighbours. Arabic and Hebrew texts need them. */
const bidiMarks = '\\u200e\\u200f\\u061c';

const inText = new RegExp(`[${controls}${separators}${bidiControls}]`, 'g');
const inLine = new RegExp(`[${controls}${separators}${bidiControls}${bidiMarks}]`, 'g');
/** JSON escapes C0 by itself. */
const inJson = new RegExp(`[\\u007f-\\u009f${separators}${bidiControls}${bidiMarks}]`, 'g');

/**
 * The text with control characters made visible.
 *
 * @param scope `terminal`: a text of many lines, such as an answer; line breaks, tabs and bidi
 *   marks stay. `all`: a message or a name, which stays on its line. Carriage returns are always
 *   shown: alone they overwrite the line.
 */
export function visible(text: string, scope: 'terminal' | 'all'): string {
  return text.replace(scope === 'all' ? inLine : inText, (character) => {
    if (character === '\n') return scope === 'terminal' ? character : '⏎';
    if (character === '\t') return scope === 'terminal' ? character : '⇥';
    return character < ' ' ? String.fromCharCode(0x2400 + character.charCodeAt(0)) : '␦';
  });
}

/** JSON of the same value, with these characters escaped: a terminal may show it. */
export const visibleJson = (json: string): string =>
  json.replace(
    inJson,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
