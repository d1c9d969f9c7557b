// Makes a prompt of text or messages into the texts between its pictures. Pure: long prompts are
// made on the thread that prepares, short ones where they are.

import { PilotfishError } from '../../base/error.js';
import { renderChat } from '../../engine/chat-template.js';
import type { EngineInfo } from '../../engine/engine.js';
import type { Vocabulary } from '../../engine/vocabulary.js';
import type { PicturePlace } from '../../pictures/prompt-picture.js';
import type { Prompt } from '../../protocol/frame.js';
import { PictureMarks } from './picture-marks.js';

export type TextPrompt = Exclude<Prompt, { kind: 'ids' }>;
export type TokenizeOptions = Parameters<Vocabulary['tokenize']>[1];

/** What a prompt becomes text by. */
export interface TextTerms extends Pick<EngineInfo, 'chatTemplate' | 'contextLength'> {
  readonly vocabulary: Pick<Vocabulary, 'bos' | 'eos' | 'tokenText' | 'longestTokenBytes'>;
}

/** A text, and how it is tokenised: by itself, as mtmd does. */
export interface TextPiece {
  readonly text: string;
  readonly options: TokenizeOptions;
}

/** The texts of a prompt, pictures between them. */
export interface PromptText<Piece = TextPiece> {
  /** [pictures + 1] */
  readonly pieces: readonly Piece[];
  /** Index of the picture behind each piece but the last. */
  readonly order: readonly number[];
}

/**
 * The texts of a prompt. Special tokens are read in what a template renders, never in plain text.
 *
 * @throws PilotfishError `chat-template-failed` for a role or an order that the template cannot
 *   render, `prompt-too-long` for texts that cannot fit the context in any tokens,
 *   `picture-invalid` for a picture that stands in no message.
 */
export function promptText(
  prompt: TextPrompt,
  places: readonly PicturePlace[],
  terms: TextTerms,
): PromptText {
  const { texts, order } = textsOf(prompt, places, terms);
  checkFits(texts, terms);
  const [first, ...rest] = texts;
  const own = { text: first!, options: firstOptions(prompt, first!, terms) };
  const { parseSpecial } = own.options;
  const others = rest.map((text) => ({ text, options: { addBos: false, parseSpecial } }));
  return { pieces: [own, ...others], order };
}

function textsOf(prompt: TextPrompt, places: readonly PicturePlace[], terms: TextTerms) {
  const { chatTemplate, vocabulary } = terms;
  if (places.length === 0) {
    const text =
      prompt.kind === 'text' ? prompt.text : renderChat(chatTemplate, prompt.messages, vocabulary);
    return { texts: [text], order: [] };
  }
  if (prompt.kind === 'text') {
    throw new PilotfishError('picture-invalid', 'pictures stand in messages, not in a text');
  }
  const marks = new PictureMarks();
  const rendered = renderChat(chatTemplate, marks.placed(prompt.messages, places), vocabulary);
  return marks.cut(rendered, places.length);
}

function firstOptions({ kind }: TextPrompt, text: string, { vocabulary }: TextTerms) {
  if (kind === 'text') return { addBos: true, parseSpecial: false };
  // Most templates write the start token themselves; twice would be another prompt.
  const start = vocabulary.bos === null ? '' : vocabulary.tokenText(vocabulary.bos);
  return { addBos: start === '' || !text.startsWith(start), parseSpecial: true };
}

/** Refuses texts that no tokens could make fit, before they are tokenised. */
function checkFits(texts: readonly string[], { contextLength, vocabulary }: TextTerms): void {
  // Even a vocabulary of single bytes could hold them.
  if (texts.reduce((sum, { length }) => sum + length, 0) <= contextLength) return;
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  const atLeast = Math.ceil(bytes / vocabulary.longestTokenBytes);
  if (atLeast <= contextLength) return;
  throw new PilotfishError(
    'prompt-too-long',
    `at least ${atLeast} tokens exceed the context of ${contextLength}`,
  );
}
