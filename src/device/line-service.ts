// Serves programs on the same machine over lines of JSON: one request a line in, one event a line
// out, any number at once. Knows only the client.

import { PilotfishError, toPilotfishError } from '../base/error.js';
import type { OutputFormat } from '../grammar/output-format.js';
import { plainSampling, type Sampling } from '../math/sampling.js';
import { modes, schemes } from '../protocol/frame.js';
import type { Answer } from './answer.js';
import type { Client } from './client.js';
import { fallbacks } from './core/event.js';
import type { GenerateOptions } from './generate-request.js';

/** Longest request line, in bytes: the longest prompt of the wire, escaped. */
const lineBytesMax = 16 * 2 ** 20;
/** Answers of one reader at once. */
const answersMax = 64;

export interface LineReader {
  readonly input: AsyncIterable<Uint8Array>;
  /** One line, with its line break. */
  readonly write: (line: string) => void;
}

/**
 * Serves one reader until its input ends and its answers are written.
 *
 * Requests: `{"id": ..., "prompt" | "ids" | "messages": ..., "maxTokens": n, "temperature": t,
 * "topK", "topP", "minP", "repetitionPenalty", "presencePenalty", "frequencyPenalty", "logitBias":
 * {"id": value}, "seed": "n", "stop": [...], "scheme", "mode", "fallback", "topLogprobs": n,
 * "format": {"kind": "json-object"} | {"kind": "json-schema", "schema": ...}}`; absent fields leave
 * the law as the model has it, and misspelt ones are answered with an error. `{"id": ..., "cancel":
 * true}` ends one.
 *
 * Events: `{"id", "event": "token" | "confirmed" | "retracted" | "rest" | "end" | "error", ...}`.
 *
 * @param signal ends every answer of this reader.
 */
export async function serveLines(
  client: Client,
  { input, write }: LineReader,
  signal: AbortSignal,
): Promise<void> {
  const service = new LineService(client, write, signal);
  try {
    for await (const line of linesOf(input)) service.take(line);
    await service.finished();
  } catch (reason) {
    // An input that ends because of the signal is not an error.
    if (!signal.aborted) service.say(null, errorEvent(toPilotfishError(reason, 'usage')));
  } finally {
    service.cancelAll();
  }
}

async function* linesOf(input: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8');
  let rest = '';
  for await (const bytes of input) {
    const parts = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = parts.pop()!;
    if (rest.length > lineBytesMax) {
      throw usage(`a line is longer than ${lineBytesMax} characters`);
    }
    yield* parts;
  }
  yield rest + decoder.decode();
}

type Json = Readonly<Record<string, unknown>>;

const errorEvent = ({ code, message, retryable }: PilotfishError): Json => ({
  event: 'error',
  code,
  message,
  retryable,
});

class LineService {
  readonly #client: Client;
  readonly #write: (line: string) => void;
  readonly #signal: AbortSignal;
  readonly #answers = new Map<string, Answer>();
  readonly #running = new Set<Promise<void>>();

  constructor(client: Client, write: (line: string) => void, signal: AbortSignal) {
    this.#client = client;
    this.#write = write;
    this.#signal = signal;
  }

  say(id: unknown, event: Json): void {
    this.#write(`${JSON.stringify({ id, ...event })}\n`);
  }

  /** Takes one line; a bad one is answered with an error and changes nothing. */
  take(line: string): void {
    if (line.trim() === '') return;
    let id: unknown = null;
    try {
      const request = parse(line);
      id = request['id'] ?? null;
      this.#obey(id, request);
    } catch (reason) {
      this.say(id, errorEvent(toPilotfishError(reason, 'usage')));
    }
  }

  #obey(id: unknown, request: Json): void {
    const key = JSON.stringify(id);
    const running = this.#answers.get(key);
    if ('cancel' in request) {
      checkFields(request, cancelFields);
      if (request['cancel'] !== true) throw usage('cancel is not true');
      if (running === undefined) throw usage(`no answer has the id ${key}`);
      running.cancel();
      return;
    }
    if (running !== undefined) throw usage(`id ${key} is in use`);
    if (this.#answers.size >= answersMax) {
      throw usage(`${answersMax} answers are being generated already`);
    }
    const answer = this.#client.generate({ ...optionsOf(request), signal: this.#signal });
    this.#answers.set(key, answer);
    const reported = this.#tell(id, answer).finally(() => {
      this.#answers.delete(key);
      this.#running.delete(reported);
    });
    this.#running.add(reported);
  }

  async #tell(id: unknown, answer: Answer): Promise<void> {
    try {
      for await (const { kind, ...rest } of answer) this.say(id, { event: kind, ...rest });
      const { text, tokens, ...result } = await answer.result;
      this.say(id, { event: 'end', tokenCount: tokens.length, ...result });
    } catch (reason) {
      this.say(id, errorEvent(toPilotfishError(reason, 'engine-failed')));
    }
  }

  async finished(): Promise<void> {
    await Promise.all(this.#running);
  }

  cancelAll(): void {
    for (const answer of this.#answers.values()) answer.cancel();
  }
}

function parse(line: string): Json {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw usage('the line is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw usage('a request is a JSON object');
  }
  return value as Json;
}

const requestFields = [
  'id',
  'prompt',
  'ids',
  'messages',
  'maxTokens',
  'stop',
  ...Object.keys(plainSampling),
  'seed',
  'topLogprobs',
  'format',
  'scheme',
  'mode',
  'fallback',
];
const cancelFields = ['id', 'cancel'];
const messageFields = ['role', 'content'];

/** A field that is silently ignored would be worse than an error. */
function checkFields(value: Json, known: readonly string[]): void {
  const strange = Object.keys(value).find((name) => !known.includes(name));
  if (strange === undefined) return;
  throw usage(`there is no field ${JSON.stringify(strange)}; fields are ${known.join(', ')}`);
}

const usage = (message: string): PilotfishError => new PilotfishError('usage', message);

function optionsOf(request: Json): GenerateOptions {
  checkFields(request, requestFields);
  const { prompt, ids, messages, seed, stop } = request;
  if (prompt !== undefined && typeof prompt !== 'string') throw usage('prompt is not a string');
  return {
    ...(prompt !== undefined && { prompt }),
    ...(ids !== undefined && { ids: Int32Array.from(listOf('ids', ids), idOf) }),
    ...(messages !== undefined && { messages: messagesOf(messages) }),
    ...(seed !== undefined && { seed: seedOf(seed) }),
    ...(stop !== undefined && { stops: stopsOf(stop) }),
    ...('topLogprobs' in request && { topLogprobs: numberOf(request, 'topLogprobs', 0) }),
    ...('format' in request && { format: formatOf(request['format']) }),
    ...wordOf(request, 'scheme', schemes),
    ...wordOf(request, 'mode', modes),
    ...wordOf(request, 'fallback', fallbacks),
    sampling: samplingOf(request),
    tokensMax: numberOf(request, 'maxTokens', 256),
  };
}

function samplingOf(request: Json): Sampling {
  const plain = plainSampling;
  const bias = request['logitBias'] ?? {};
  if (typeof bias !== 'object' || bias === null || Array.isArray(bias)) {
    throw usage('logitBias is not an object');
  }
  return {
    temperature: numberOf(request, 'temperature', plain.temperature),
    topK: numberOf(request, 'topK', plain.topK),
    topP: numberOf(request, 'topP', plain.topP),
    minP: numberOf(request, 'minP', plain.minP),
    repetitionPenalty: numberOf(request, 'repetitionPenalty', plain.repetitionPenalty),
    presencePenalty: numberOf(request, 'presencePenalty', plain.presencePenalty),
    frequencyPenalty: numberOf(request, 'frequencyPenalty', plain.frequencyPenalty),
    logitBias: new Map(
      Object.entries(bias).map(([token, value]) => [idOf(Number(token)), biasOf(token, value)]),
    ),
  };
}

/** JSON has no infinity: a ban is the word. */
function biasOf(token: string, value: unknown): number {
  if (value === '-inf') return -Infinity;
  if (typeof value === 'number') return value;
  throw usage(`logitBias of ${token} is neither a number nor "-inf"`);
}

function formatOf(value: unknown): OutputFormat {
  const format = (value ?? {}) as Json;
  if (format['kind'] === 'json-object') {
    checkFields(format, ['kind']);
    return { kind: 'json-object' };
  }
  if (format['kind'] !== 'json-schema') throw usage('format is of kind json-object or json-schema');
  checkFields(format, ['kind', 'schema']);
  return { kind: 'json-schema', schema: format['schema'] };
}

function idOf(value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < 2 ** 31)
    return value;
  throw usage(`${JSON.stringify(value)} is not the id of a token`);
}

/** One text or several. */
function stopsOf(value: unknown): string[] {
  return listOf('stop', typeof value === 'string' ? [value] : value).map((text) => {
    if (typeof text !== 'string') throw usage('stop is not a text or a list of texts');
    return text;
  });
}

/** @param neutral what changes nothing, where the request does not say. */
function numberOf(request: Json, name: string, neutral: number): number {
  const value = request[name] ?? neutral;
  if (typeof value !== 'number') throw usage(`${name} is not a number`);
  return value;
}

function wordOf<const T extends string, N extends string>(
  request: Json,
  name: N,
  words: readonly T[],
): { [K in N]?: T } {
  const value = request[name];
  if (value === undefined) return {};
  const word = words.find((known) => known === value);
  if (word === undefined) throw usage(`${name} is one of ${words.join(', ')}`);
  return { [name]: word } as { [K in N]?: T };
}

function listOf(name: string, value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw usage(`${name} is not a list`);
  return value;
}

function messagesOf(value: unknown): { role: string; content: string }[] {
  return listOf('messages', value).map((message) => {
    const { role, content } = (message ?? {}) as Json;
    if (typeof role !== 'string' || typeof content !== 'string') {
      throw usage('a message has a role and a content, both strings');
    }
    checkFields(message as Json, messageFields);
    return { role, content };
  });
}

/** 64 bits do not fit a JSON number, so a string is taken as well. */
function seedOf(value: unknown): bigint {
  if (typeof value === 'string' && /^\d{1,20}$/.test(value)) return BigInt(value);
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
  throw usage('seed is not a whole number');
}
