// Prompts of text or messages to the token ids of the server's model.

import { PilotfishError } from '../base/error.js';
import { type ChatMessage, renderChat } from '../engine/chat-template.js';
import type { EngineInfo } from '../engine/engine.js';
import type { Prompt } from '../protocol/frame.js';

const roles = ['system', 'user', 'assistant'] as const;

/**
 * The ids of a prompt. Special tokens are read in what a template renders, never in plain text.
 *
 * @throws PilotfishError `chat-template-failed` for a role or an order that the template cannot render.
 */
export function promptTokens(
  { vocabulary, chatTemplate }: EngineInfo,
  prompt: Exclude<Prompt, { kind: 'ids' }>,
): Int32Array {
  if (prompt.kind === 'text') {
    return vocabulary.tokenize(prompt.text, { addBos: true, parseSpecial: false });
  }
  const text = renderChat(chatTemplate, prompt.messages.map(checkedMessage), vocabulary);
  // Most templates write the start token themselves; twice would be another prompt.
  const start = vocabulary.bos === null ? '' : vocabulary.tokenText(vocabulary.bos);
  const addBos = start === '' || !text.startsWith(start);
  return vocabulary.tokenize(text, { addBos, parseSpecial: true });
}

function checkedMessage({ role, content }: { role: string; content: string }): ChatMessage {
  const known = roles.find((name) => name === role);
  if (known === undefined) {
    throw new PilotfishError(
      'chat-template-failed',
      `role '${role}' is none of ${roles.join(', ')}`,
    );
  }
  return { role: known, content };
}
