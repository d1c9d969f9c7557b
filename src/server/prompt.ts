// Turns prompts of text or messages into token ids of the server's model.

import { PilotfishError } from '../base/error.js';
import { renderChat } from '../engine/chat-template.js';
import type { EngineInfo } from '../engine/engine.js';
import type { Vocabulary } from '../engine/vocabulary.js';
import type { Prompt } from '../protocol/frame.js';

type TextPrompt = Exclude<Prompt, { kind: 'ids' }>;

/**
 * The ids of a prompt. Special tokens are read in what a template renders, never in plain text.
 *
 * @throws PilotfishError `chat-template-failed` for a role or an order that the template cannot
 *   render, `prompt-too-long` for a text that cannot fit the context in any tokens.
 */
export function promptTokens(info: EngineInfo, prompt: TextPrompt): Int32Array {
  const { vocabulary, chatTemplate, contextLength } = info;
  const text =
    prompt.kind === 'text' ? prompt.text : renderChat(chatTemplate, prompt.messages, vocabulary);
  checkFits(text, vocabulary, contextLength);
  return vocabulary.tokenize(text, tokenizeOptions(prompt, text, vocabulary));
}

export type TokenizeOptions = Parameters<Vocabulary['tokenize']>[1];

/** How the text of a prompt is read. @param text of the prompt, or rendered from its messages. */
export function tokenizeOptions(
  { kind }: Pick<TextPrompt, 'kind'>,
  text: string,
  vocabulary: Vocabulary,
): TokenizeOptions {
  if (kind === 'text') return { addBos: true, parseSpecial: false };
  // Most templates write the start token themselves; twice would be another prompt.
  const start = vocabulary.bos === null ? '' : vocabulary.tokenText(vocabulary.bos);
  return { addBos: start === '' || !text.startsWith(start), parseSpecial: true };
}

const longestTokens = new WeakMap<Vocabulary, number>();

/** Bytes of the longest token, >= 1. */
function longestTokenBytes(vocabulary: Vocabulary): number {
  let longest = longestTokens.get(vocabulary);
  if (longest !== undefined) return longest;
  longest = 1;
  for (let token = 0; token < vocabulary.size; token++) {
    longest = Math.max(longest, vocabulary.tokenBytes(token).length);
  }
  longestTokens.set(vocabulary, longest);
  return longest;
}

/**
 * Refuses a text that no tokens could make fit, before it is tokenised.
 *
 * @throws PilotfishError `prompt-too-long`.
 */
export function checkFits(text: string, vocabulary: Vocabulary, contextLength: number): void {
  // Even a vocabulary of single bytes could hold it.
  if (text.length <= contextLength) return;
  const atLeast = Math.ceil(Buffer.byteLength(text) / longestTokenBytes(vocabulary));
  if (atLeast <= contextLength) return;
  throw new PilotfishError(
    'prompt-too-long',
    `at least ${atLeast} tokens exceed the context of ${contextLength}`,
  );
}
