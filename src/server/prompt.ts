// Turns prompts of text or messages into token ids of the server's model.

import type { EngineInfo } from '../engine/engine.js';
import { promptText, type TextPrompt } from './preparation/prompt-text.js';

/**
 * The ids of a prompt.
 *
 * @throws PilotfishError as `promptText`.
 */
export function promptTokens(info: EngineInfo, prompt: TextPrompt): Int32Array {
  const [piece] = promptText(prompt, [], info).pieces;
  return info.vocabulary.tokenize(piece!.text, piece!.options);
}
