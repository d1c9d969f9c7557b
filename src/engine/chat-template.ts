// Renders chat messages to the prompt text that a model was trained on, by the Jinja template of
// its file, or as a plain script if it has none. The text is tokenised with special tokens read as
// such.

import { Template } from '@huggingface/jinja';
import type { ChatMessage } from '../base/chat-message.js';
import { PilotfishError } from '../base/error.js';
import type { Vocabulary } from './vocabulary.js';

const roles = ['system', 'user', 'assistant'];

/**
 * The prompt that asks for the next assistant message; it is tokenised with special tokens read as
 * such.
 *
 * @param template Jinja template of the model file (`EngineInfo.chatTemplate`); null writes a
 *   script of `User:` and `Assistant:` lines.
 * @param messages [n >= 1]
 * @throws PilotfishError `prompt-empty` without messages, `chat-template-failed` for an unknown
 *   role, or with the template's own message.
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
  vocabulary: Pick<Vocabulary, 'bos' | 'eos' | 'tokenText'>,
): string {
  if (messages.length === 0) throw new PilotfishError('prompt-empty', 'there are no messages');
  messages.forEach(checkRole);
  if (template === null) return plainChat(messages);
  const textOf = (token: number | null): string =>
    token === null ? '' : vocabulary.tokenText(token);
  try {
    return parsed(template).render({
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

/** The template that was used last: parsing takes longer than rendering a short chat. */
let last: { readonly text: string; readonly template: Template } | null = null;

function parsed(text: string): Template {
  if (last?.text !== text) last = { text, template: new Template(text) };
  return last.template;
}

function checkRole({ role }: ChatMessage): void {
  if (roles.includes(role)) return;
  const why = `role '${role}' is none of ${roles.join(', ')}`;
  throw new PilotfishError('chat-template-failed', why);
}

const speakers: Readonly<Record<string, string>> = { user: 'User', assistant: 'Assistant' };

/** A script that any text model can continue, for models without a chat format. */
function plainChat(messages: readonly ChatMessage[]): string {
  const lines = messages.map(({ role, content }) =>
    role === 'system' ? content : `${speakers[role]}: ${content}`,
  );
  return `${lines.join('\n')}\n${speakers.assistant}:`;
}
