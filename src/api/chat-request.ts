// Checks the body of POST /v1/chat/completions and turns it into an ApiRequest.

import * as z from 'zod';
import type { ChatMessage } from '../base/chat-message.js';
import { checkPromptPictures, type PromptPicture } from '../pictures/prompt-picture.js';
import { ApiError, toApiError } from './api-error.js';
import type { ApiRequest } from './api-request.js';
import { messageContent } from './message-content.js';
import {
  onlyNeutral,
  sharedFields,
  sharedRequest,
  tooMuchText,
  withoutNulls,
} from './request-fields.js';
import { addIssue, errorOfIssues } from './request-issue.js';

/** Most messages of a prompt: the wire limit. */
const messagesMax = 1024;

const roles = {
  system: 'system',
  developer: 'system',
  user: 'user',
  assistant: 'assistant',
} as const;

const message = z.preprocess(
  withoutNulls,
  z.strictObject({
    role: z.unknown().transform((value, context): string => {
      const role = Object.entries(roles).find(([name]) => name === value)?.[1];
      if (role !== undefined) return role;
      const known = Object.keys(roles).join(', ');
      const why = `role ${JSON.stringify(value) ?? 'undefined'} is not one of ${known}`;
      return addIssue(context, 'invalid_value', why);
    }),
    content: messageContent.optional(),
    name: onlyNeutral('participant names are not supported'),
    tool_calls: onlyNeutral('tools are not supported', []),
    tool_call_id: onlyNeutral('tools are not supported'),
    function_call: onlyNeutral('functions are not supported'),
    refusal: onlyNeutral('refusals are not separated from other text'),
    audio: onlyNeutral('audio is not supported'),
    annotations: onlyNeutral('annotations are not supported', []),
  }),
);

/** Every field, for the schema and for the table of docs/api.md. */
export const chatFields = {
  ...sharedFields,
  messages: z.array(message).min(1).max(messagesMax),
  max_completion_tokens: z.int().min(1).optional(),
  logprobs: z.boolean().optional(),
  top_logprobs: z.int().min(0).max(20).optional(),
  modalities: onlyNeutral('text is the only modality', ['text']),
  tools: onlyNeutral('tools are not supported', []),
  tool_choice: onlyNeutral('tools are not supported', 'none', 'auto'),
  parallel_tool_calls: onlyNeutral('tools are not supported', true, false),
  functions: onlyNeutral('functions are not supported', []),
  function_call: onlyNeutral('functions are not supported', 'none', 'auto'),
  audio: onlyNeutral('audio is not supported'),
  prediction: onlyNeutral('predicted outputs are not supported'),
  reasoning_effort: onlyNeutral('reasoning effort cannot be set', 'none'),
  verbosity: onlyNeutral('verbosity cannot be set', 'medium'),
  web_search_options: onlyNeutral('web search is not supported'),
} as const;

const shape = z.strictObject(chatFields);

/** @throws ApiError naming the first field that is wrong. */
export function readChatRequest(body: unknown): ApiRequest {
  const given = withoutNulls(body);
  const parsed = shape.safeParse(given);
  if (!parsed.success) throw errorOfIssues(parsed.error.issues, given);
  const fields = parsed.data;
  const pictures: PromptPicture[] = [];
  const messages = fields.messages.map(({ role, content }, index): ChatMessage => {
    const param = `messages[${index}].content`;
    if (content === undefined) {
      throw new ApiError('missing_required_parameter', `'${param}' is missing`, param);
    }
    if (content.pictures.length > 0 && role !== 'user') {
      throw new ApiError('invalid_value', `'${param}': pictures are the user's`, param);
    }
    for (const picture of content.pictures) pictures.push({ ...picture, message: index });
    return { role, content: content.text };
  });
  checkPictureCount(pictures);
  const tooMuch = tooMuchText(messages.map(({ content }) => content));
  if (tooMuch !== null) {
    throw new ApiError('context_length_exceeded', `'messages': ${tooMuch}`, 'messages');
  }
  return {
    ...sharedRequest(fields),
    prompts: [{ kind: 'messages', messages, pictures }],
    tokensMax: tokensMaxOf(fields),
    topLogprobs: topLogprobsOf(fields),
  };
}

/** As many as the wire takes, at a server too: an answer does not depend on the door. */
function checkPictureCount(pictures: readonly PromptPicture[]): void {
  try {
    checkPromptPictures(pictures);
  } catch (reason) {
    const { message, code } = toApiError(reason);
    throw new ApiError(code, `'messages': ${message}`, 'messages');
  }
}

type Fields = z.output<typeof shape>;

function tokensMaxOf({ max_tokens: old, max_completion_tokens: now }: Fields): number | null {
  if (old !== undefined && now !== undefined && old !== now) {
    const message = `'max_completion_tokens' ${now} and 'max_tokens' ${old} disagree; give one`;
    throw new ApiError('invalid_value', message, 'max_completion_tokens');
  }
  return now ?? old ?? null;
}

function topLogprobsOf({ logprobs, top_logprobs: top }: Fields): number | null {
  if (top !== undefined && logprobs !== true) {
    throw new ApiError('invalid_value', "'top_logprobs' needs 'logprobs': true", 'top_logprobs');
  }
  return logprobs === true ? (top ?? 0) : null;
}
