// Defines the fields that both endpoints take, and those that are accepted at their neutral value
// only. `sharedRequest` below gives absent fields their defaults.

import * as z from 'zod';
import { logitBiasMax, plainSampling, type Sampling } from '../math/sampling.js';
import { type ApiRequest, choicesMax, stopsMax } from './api-request.js';
import type { TextFormat } from './generator.js';
import { addIssue } from './request-issue.js';

/** Fields that never change the answer. */
const ignoredFields = {
  user: z.string().optional(),
  safety_identifier: z.string().optional(),
  metadata: z.record(z.string(), z.string()).optional(),
  prompt_cache_key: z.string().optional(),
  prompt_cache_retention: z.string().optional(),
} as const;

/** Most bytes of a prompt's text: the wire limit, more than any context in use. */
const textBytesMax = 4 * 2 ** 20;

/** Why a prompt of such texts is refused; null: it is not. */
export function tooMuchText(texts: readonly string[]): string | null {
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  return bytes > textBytesMax ? `${bytes} bytes of text, more than ${textBytesMax}` : null;
}

/** JSON of a value, or `nested too deep`. */
function writtenOut(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return 'nested too deep';
  }
}

/**
 * A field that is refused unless its value asks for the default behaviour.
 *
 * @param neutral the values that do.
 */
export const onlyNeutral = (what: string, ...neutral: readonly unknown[]) =>
  z
    .unknown()
    .superRefine((value, context) => {
      if (value === undefined) return;
      const asked = writtenOut(value);
      if (neutral.some((one) => JSON.stringify(one) === asked)) return;
      const allowed = neutral.map((one) => JSON.stringify(one)).join(' or ');
      const rest = neutral.length === 0 ? 'leave it out' : `leave it out or give ${allowed}`;
      addIssue(context, 'unsupported_parameter', `${what}; ${rest}`);
    })
    .optional();

/** Fields of OpenAI's reference that this server does not support, on both endpoints. */
const refusedFields = {
  store: onlyNeutral('answers are never stored', false),
  service_tier: onlyNeutral('there is one tier', 'auto', 'default'),
} as const;

const stop = z.unknown().transform((value, context): readonly string[] => {
  if (value === undefined) return [];
  const stops = typeof value === 'string' ? [value] : value;
  if (!Array.isArray(stops) || !stops.every((one) => typeof one === 'string')) {
    return addIssue(context, 'invalid_type', 'expected a string or an array of strings');
  }
  if (stops.includes('')) return addIssue(context, 'invalid_value', 'a stop string is empty');
  return stops.length <= stopsMax
    ? stops
    : addIssue(
        context,
        'invalid_value',
        `${stops.length} strings; at most ${stopsMax} are allowed`,
      );
});

/** -100 bans a token, as at OpenAI. 100 is only a large bias here. */
const banBias = -100;

const logitBias = z.unknown().transform((value, context): ReadonlyMap<number, number> => {
  if (value === undefined) return new Map();
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return addIssue(context, 'invalid_type', 'expected an object of token ids and biases');
  }
  const entries = Object.entries(value);
  if (entries.length > logitBiasMax) {
    return addIssue(
      context,
      'invalid_value',
      `${entries.length} tokens; at most ${logitBiasMax} are allowed`,
    );
  }
  const biases = new Map<number, number>();
  for (const [token, bias] of entries) {
    if (!/^\d{1,9}$/.test(token))
      return addIssue(context, 'invalid_value', `'${token}' is not a token id`);
    if (typeof bias !== 'number' || !(Math.abs(bias) <= 100)) {
      return addIssue(context, 'invalid_value', 'expected a number in [-100, 100]', [token]);
    }
    biases.set(Number(token), bias === banBias ? -Infinity : bias);
  }
  return biases;
});

const jsonSchema = z.strictObject({
  name: z.string().regex(/^[\w-]{1,64}$/),
  description: z.string().optional(),
  schema: z.union([z.record(z.string(), z.unknown()), z.boolean()]),
  // The text always follows the schema, so either value of `strict` is fine.
  strict: z.boolean().nullish(),
});

const responseFormat = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('text') }),
    z.strictObject({ type: z.literal('json_object') }),
    z.strictObject({ type: z.literal('json_schema'), json_schema: jsonSchema }),
  ])
  .optional();

/** Fields of both endpoints. */
export const sharedFields = {
  model: z.string(),
  stream: z.boolean().optional(),
  stream_options: z
    .strictObject({
      include_usage: z.boolean().optional(),
      include_obfuscation: onlyNeutral('chunks are not padded', false),
    })
    .optional(),
  n: z.int().min(1).max(choicesMax).optional(),
  max_tokens: z.int().min(1).optional(),
  temperature: z.number().min(0).max(2).optional(),
  top_p: z.number().gt(0).max(1).optional(),
  top_k: z.int().min(-1).optional(),
  min_p: z.number().min(0).lt(1).optional(),
  presence_penalty: z.number().min(-2).max(2).optional(),
  frequency_penalty: z.number().min(-2).max(2).optional(),
  repetition_penalty: z.number().min(0.01).max(100).optional(),
  logit_bias: logitBias.optional(),
  seed: z.int().optional(),
  stop: stop.optional(),
  response_format: responseFormat,
  ...ignoredFields,
  ...refusedFields,
} as const;

const shared = z.object(sharedFields);
export type SharedFields = z.output<typeof shared>;

/** The part of a request that both endpoints share. */
export function sharedRequest(
  fields: SharedFields,
): Omit<ApiRequest, 'prompts' | 'topLogprobs' | 'tokensMax'> {
  return {
    model: fields.model,
    choiceCount: fields.n ?? 1,
    sampling: samplingOf(fields),
    // Negative seeds are taken as two's complement.
    seed: fields.seed === undefined ? null : BigInt.asUintN(64, BigInt(fields.seed)),
    stops: fields.stop ?? [],
    format: formatOf(fields),
    isStream: fields.stream ?? false,
    includesUsage: fields.stream_options?.include_usage ?? false,
  };
}

function samplingOf(fields: SharedFields): Sampling {
  const plain = plainSampling;
  return {
    temperature: fields.temperature ?? 1,
    topP: fields.top_p ?? 1,
    // vLLM and others write -1 for all tokens.
    topK: Math.max(0, fields.top_k ?? 0),
    minP: fields.min_p ?? 0,
    repetitionPenalty: fields.repetition_penalty ?? 1,
    presencePenalty: fields.presence_penalty ?? 0,
    frequencyPenalty: fields.frequency_penalty ?? 0,
    logitBias: fields.logit_bias ?? plain.logitBias,
  };
}

function formatOf({ response_format: asked }: SharedFields): TextFormat | null {
  switch (asked?.type) {
    case 'json_object':
      return { kind: 'json-object' };
    case 'json_schema':
      return { kind: 'json-schema', schema: asked.json_schema.schema };
    default:
      return null;
  }
}

/**
 * Treats null as absent, in the body and in `stream_options`. Values that are not objects stay as
 * they are.
 */
export function withoutNulls(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  return Object.fromEntries(
    Object.entries(body)
      .filter(([, value]) => value !== null)
      .map(([name, value]) => [name, name === 'stream_options' ? withoutNulls(value) : value]),
  );
}
