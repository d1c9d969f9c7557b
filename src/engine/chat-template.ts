// Messages to the prompt text a chat model was trained on, by the Jinja template of its file, or plainly where it has
// none. The text that comes out is tokenised with special tokens read as such.

import { Template } from '@huggingface/jinja';
import { PilotfishError } from '../base/error.js';
import type { Vocabulary } from './vocabulary.js';

/** A message of a chat, as a model is shown it. */
export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/**
 * The prompt that asks for the next assistant message; it is tokenised with special tokens read as
 * such.
 *
 * @param template Jinja template of the model file (`EngineInfo.chatTemplate`); null writes a
 *   script of `User:` and `Assistant:` lines.
 * @param messages [n >= 1]
 * @throws PilotfishError `prompt-empty` without messages, `chat-template-failed` with the template's own complaint.
 *
 * @example
 * ```ts
 * import { createScriptedEngine, renderChat } from 'pilotfish/engine';
 *
 * const { vocabulary } = createScriptedEngine().info;
 * const messages = [{ role: 'user', content: 'Hello' }] as const;
 * renderChat(null, messages, vocabulary); // = 'User: Hello\nAssistant:'
 * ```
 */
export function renderChat(
  template: string | null,
  messages: readonly ChatMessage[],
  vocabulary: Vocabulary,
): string {
  if (messages.length === 0) throw new PilotfishError('prompt-empty', 'there are no messages');
  if (template === null) return plainChat(messages);
  const textOf = (token: number | null): string =>
    token === null ? '' : vocabulary.tokenText(token);
  try {
    return new Template(template).render({
      messages: messages.map((message) => ({ ...message })),
      add_generation_prompt: true,
      bos_token: textOf(vocabulary.bos),
      eos_token: textOf(vocabulary.eos),
    });
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new PilotfishError('chat-template-failed', `chat template: ${detail}`, { cause });
  }
}

const speakers = { user: 'User', assistant: 'Assistant' } as const;

/** For models that were never taught a chat format: a script that any text model can carry on. */
export function plainChat(messages: readonly ChatMessage[]): string {
  const lines = messages.map(({ role, content }) =>
    role === 'system' ? content : `${speakers[role]}: ${content}`,
  );
  return `${lines.join('\n')}\n${speakers.assistant}:`;
}
