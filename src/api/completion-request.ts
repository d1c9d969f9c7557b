// Checks the body of POST /v1/completions and turns it into an ApiRequest.

import * as z from 'zod';
import { ApiError } from './api-error.js';
import { type ApiRequest, choicesMax } from './api-request.js';
import type { PromptInput } from './generator.js';
import {
  onlyNeutral,
  sharedFields,
  sharedRequest,
  tooMuchText,
  withoutNulls,
} from './request-fields.js';
import { addIssue, errorOfIssues } from './request-issue.js';

const isIds = (value: unknown): value is number[] =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every((id) => Number.isInteger(id) && id >= 0 && id < 2 ** 31);

/** Most token ids of a prompt: the wire limit. */
const idsMax = 1_048_576;

/** Text or token ids, or a list of either. */
const prompt = z.unknown().transform((value, context): PromptInput[] => {
  const isLong = (one: unknown): boolean => Array.isArray(one) && one.length > idsMax;
  if (isLong(value) || (Array.isArray(value) && value.some(isLong))) {
    return addIssue(context, 'context_length_exceeded', `more than ${idsMax} token ids`);
  }
  if (isIds(value)) return [idsOf(value)];
  const prompts = Array.isArray(value) ? value : [value];
  if (prompts.length === 0) return addIssue(context, 'invalid_value', 'there is no prompt');
  if (prompts.length > choicesMax) {
    return addIssue(context, 'invalid_value', `${prompts.length} prompts, more than ${choicesMax}`);
  }
  const tooMuch = tooMuchText(prompts.filter((one) => typeof one === 'string'));
  if (tooMuch !== null) return addIssue(context, 'context_length_exceeded', tooMuch);
  const inputs: PromptInput[] = [];
  for (const one of prompts) {
    if (typeof one === 'string') inputs.push({ kind: 'text', text: one });
    else if (isIds(one)) inputs.push(idsOf(one));
    else {
      const expected = 'expected a string, an array of token ids, or an array of either';
      return addIssue(context, 'invalid_type', expected);
    }
  }
  return inputs;
});

const idsOf = (ids: readonly number[]): PromptInput => ({ kind: 'ids', ids: Int32Array.from(ids) });

/** Every field, for the schema and for the table of docs/api.md. */
export const completionFields = {
  ...sharedFields,
  prompt: prompt.optional(),
  logprobs: z.int().min(0).max(20).optional(),
  echo: onlyNeutral('the prompt cannot be echoed', false),
  suffix: onlyNeutral('insertion before a suffix is not supported', ''),
  best_of: onlyNeutral('choosing the best of several is not supported', 1),
} as const;

const shape = z.strictObject(completionFields);

/** @throws ApiError naming the first field that is wrong. */
export function readCompletionRequest(body: unknown): ApiRequest {
  const given = withoutNulls(body);
  const parsed = shape.safeParse(given);
  if (!parsed.success) throw errorOfIssues(parsed.error.issues, given);
  const fields = parsed.data;
  const { prompt: prompts } = fields;
  if (prompts === undefined) {
    throw new ApiError('missing_required_parameter', "'prompt' is missing", 'prompt');
  }
  const choices = prompts.length * (fields.n ?? 1);
  if (choices > choicesMax) {
    const message = `${prompts.length} prompts with ${fields.n} choices each are more than ${choicesMax}`;
    throw new ApiError('invalid_value', message, 'n');
  }
  return {
    ...sharedRequest(fields),
    prompts,
    tokensMax: fields.max_tokens ?? null,
    topLogprobs: fields.logprobs ?? null,
  };
}
