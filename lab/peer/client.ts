// Asks either server for a streamed completion and notes when each piece of text arrives. Opening a
// connection is not timed: llama-server ends each behind a streamed answer.

import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { PilotfishError } from '../../src/base/error.js';
import { eventsOf } from '../http-client.js';
import type { PeerServer } from './servers.js';

export interface PeerAsk {
  /** Text, or token ids. */
  readonly prompt: string | readonly number[];
  readonly tokensMax: number;
  /** The text fits this JSON schema and may end; else it is written to its full length. */
  readonly schema?: object;
}

export interface PeerAnswer {
  readonly text: string;
  /** When each piece of text arrived, after the request. */
  readonly pieceMs: readonly number[];
  readonly tokenCount: number;
  readonly promptCount: number;
  /** Prompt tokens that the server did not compute again, by its own count. */
  readonly cachedCount: number;
}

interface Chunk {
  readonly choices: readonly { readonly text: string }[];
  readonly usage?: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly prompt_tokens_details?: { readonly cached_tokens: number };
  };
}

/** End of text of the bundled models. */
const endOfText = 2;

/** @throws PilotfishError `engine-failed` for an answer that is no 200 or lacks its end. */
export async function askPeer(server: PeerServer, ask: PeerAsk): Promise<PeerAnswer> {
  const { port, agent } = server;
  const headers = { 'content-type': 'application/json' };
  const path = '/v1/completions';
  const target = { host: '127.0.0.1', port, agent, method: 'POST', path, headers };
  const body = JSON.stringify(bodyOf(server, ask));
  const asked = httpRequest(target);
  const [socket] = (await once(asked, 'socket')) as [Socket];
  if (socket.connecting) await once(socket, 'connect');
  socket.setNoDelay(true);
  const askedMs = performance.now();
  asked.end(body);
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  response.setEncoding('utf8');
  if (response.statusCode !== 200)
    throw failed(`${response.statusCode}: ${(await response.toArray()).join('')}`);
  const pieceMs: number[] = [];
  let text = '';
  let usage: Chunk['usage'];
  for await (const event of eventsOf(response)) {
    if (event === '[DONE]') continue;
    const chunk = JSON.parse(event) as Chunk;
    const piece = chunk.choices?.[0]?.text ?? '';
    if (piece !== '') pieceMs.push(performance.now() - askedMs);
    text += piece;
    usage = chunk.usage ?? usage;
  }
  if (usage === undefined || pieceMs.length === 0) throw failed('an answer without text or end');
  const { completion_tokens: tokenCount, prompt_tokens: promptCount } = usage;
  const cachedCount = usage.prompt_tokens_details?.cached_tokens ?? 0;
  return { text, pieceMs, tokenCount, promptCount, cachedCount };
}

const failed = (why: string): PilotfishError =>
  new PilotfishError('engine-failed', `the server answers ${why.slice(0, 300)}`);

/** Each server has its own field for a schema beside a prompt of token ids. */
function bodyOf({ kind, model }: PeerServer, { prompt, tokensMax, schema }: PeerAsk): object {
  const shared = { model, prompt, max_tokens: tokensMax, temperature: 0, seed: 1 };
  const streamed = { stream: true, stream_options: { include_usage: true } };
  if (schema === undefined) return { ...shared, ...streamed, logit_bias: { [endOfText]: -100 } };
  const format = { type: 'json_schema', json_schema: { name: 'asked', schema } };
  const own = kind === 'llama' ? { json_schema: schema } : { response_format: format };
  return { ...shared, ...streamed, ...own };
}
