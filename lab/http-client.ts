// Asks an HTTP server for completions: one that is read as it comes, or many that are only timed.

import { once } from 'node:events';
import { type Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { PilotfishError } from '../src/base/error.js';
import type { GenerateOptions } from '../src/device/index.js';

interface PostOptions {
  readonly port: number;
  /** Null: none is shown. */
  readonly key: string | null;
  readonly agent?: Agent;
  /** Leaves once it has so many letters, where it streams. Default: never. */
  readonly leavesAt?: number;
  /** Told of every piece of text. */
  readonly onText?: (text: string) => void;
}

interface CompletionOptions extends PostOptions {
  readonly isStream: boolean;
  /** Default: the toy's. */
  readonly model?: string;
}

export interface Completed {
  text: string;
  tokenCount: number;
  /** The server has said that this is all. */
  isWhole: boolean;
  /** Null: the connection ended before an answer began. */
  status: number | null;
  /** Where it streams: when each piece of text came, after the request on an open connection. */
  pieceMs: number[];
  usage?: Usage;
  /** The body of an answer that is no 200. */
  refusal?: string;
}

interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly prompt_tokens_details?: { readonly cached_tokens: number };
}

interface Answer {
  readonly choices?: readonly { readonly text: string }[];
  readonly usage?: Usage;
}

/** Never rejects: a connection that breaks leaves what was read. */
export const completion = (
  request: GenerateOptions,
  options: CompletionOptions,
): Promise<Completed> => postCompletion(bodyOf(request, options), options);

/** As `completion`, for any body. */
export async function postCompletion(
  body: { readonly stream: boolean },
  { port, key, agent, leavesAt = Infinity, onText }: PostOptions,
): Promise<Completed> {
  const read: Completed = { text: '', tokenCount: 0, isWhole: false, status: null, pieceMs: [] };
  const headers = {
    'content-type': 'application/json',
    ...(key !== null && { authorization: `Bearer ${key}` }),
  };
  const asked = httpRequest({
    ...{ port, host: '127.0.0.1', method: 'POST', path: '/v1/completions', headers, agent },
  });
  asked.on('error', () => undefined);
  try {
    const [socket] = (await once(asked, 'socket')) as [Socket];
    if (socket.connecting) await once(socket, 'connect');
    const askedMs = performance.now();
    asked.end(JSON.stringify(body));
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    read.status = response.statusCode!;
    response.setEncoding('utf8');
    if (!body.stream || read.status !== 200) {
      readWhole((await response.toArray()).join(''), read);
      return read;
    }
    for await (const event of eventsOf(response)) {
      if (event === '[DONE]') read.isWhole = true;
      else {
        const text = readEvent(event, read);
        if (text !== '') read.pieceMs.push(performance.now() - askedMs);
        onText?.(text);
      }
      if (read.text.length >= leavesAt) asked.destroy();
    }
  } catch {
    // It broke, or was left.
  }
  return read;
}

function readWhole(text: string, read: Completed): void {
  if (read.status !== 200) read.refusal = text;
  const { choices, usage } = JSON.parse(text) as Answer;
  const [choice] = choices ?? [];
  if (choice) Object.assign(read, { text: choice.text, isWhole: true });
  read.tokenCount = usage?.completion_tokens ?? 0;
}

/** @returns its text. */
function readEvent(event: string, read: Completed): string {
  const { choices, usage } = JSON.parse(event) as Answer;
  const { text } = choices?.[0] ?? { text: '' };
  read.text += text;
  read.tokenCount++;
  if (usage) read.usage = usage;
  return text;
}

/** Data of server-sent events. */
async function* eventsOf(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const piece of pieces) {
    const events = (rest + piece).split('\n\n');
    rest = events.pop()!;
    for (const event of events) if (event.startsWith('data: ')) yield event.slice(6);
  }
}

function bodyOf(request: GenerateOptions, { model = 'toy', isStream }: CompletionOptions) {
  const { ids, prompt, sampling, seed, tokensMax } = request;
  const bans = [...sampling.logitBias.keys()].map((token) => [token, -100]);
  return {
    ...{ model, prompt: prompt ?? [...ids!], max_tokens: tokensMax, stream: isStream },
    ...{ seed: Number(seed), temperature: sampling.temperature },
    logit_bias: Object.fromEntries(bans),
  };
}

/** A POST with a JSON body, as bytes. */
export function requestBytes(path: string, body: object): Buffer {
  const text = JSON.stringify(body);
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
}

/**
 * Makes one request `count` times, each connection as soon as it is answered. Reads no more of an
 * answer than where it ends: the client must not be what is measured.
 *
 * @returns milliseconds.
 * @throws PilotfishError `engine-failed` for an answer that is no 200, or a connection that ends.
 */
export async function load(
  port: number,
  request: Buffer,
  connections: number,
  count: number,
): Promise<number> {
  const lines = await Promise.all(Array.from({ length: connections }, () => Line.open(port)));
  const startedMs = performance.now();
  let left = count;
  await Promise.all(
    lines.map(async (line) => {
      while (left-- > 0) await line.ask(request);
    }),
  );
  const ms = performance.now() - startedMs;
  for (const line of lines) line.close();
  return ms;
}

const failed = (why: string): PilotfishError => new PilotfishError('engine-failed', why);
const headEnd = Buffer.from('\r\n\r\n');
const chunkedEnd = '0\r\n\r\n';

/** One kept-alive connection. Knows chunked bodies and those of a given length. */
class Line {
  readonly #socket: Socket;
  /** Null: the head is not there yet. Negative: chunked. */
  #bodyLeft: number | null = null;
  #head = Buffer.alloc(0);
  /** The last bytes of a chunked body, as many as its end has: pieces may cut it anywhere. */
  #tail = '';
  #resolve: () => void = () => undefined;
  #reject: (reason: Error) => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket.setNoDelay(true);
    socket.on('data', (bytes) => this.#take(bytes));
    socket.on('error', (reason) => this.#reject(reason));
    socket.on('close', () => this.#reject(failed('the server ended the connection')));
  }

  static open(port: number): Promise<Line> {
    const socket = connect(port, '127.0.0.1');
    return new Promise((resolve, reject) => {
      socket.once('connect', () => resolve(new Line(socket)));
      socket.once('error', reject);
    });
  }

  ask(request: Buffer): Promise<void> {
    this.#bodyLeft = null;
    this.#head = Buffer.alloc(0);
    this.#tail = '';
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#socket.write(request);
    });
  }

  #take(bytes: Buffer): void {
    const body = this.#bodyLeft === null ? this.#readHead(bytes) : bytes;
    if (body === null || body.length === 0) return;
    if (this.#bodyLeft! < 0) {
      const end = body.subarray(-chunkedEnd.length).toString('latin1');
      this.#tail = (this.#tail + end).slice(-chunkedEnd.length);
      if (this.#tail === chunkedEnd) this.#resolve();
      return;
    }
    this.#bodyLeft! -= body.length;
    if (this.#bodyLeft === 0) this.#resolve();
  }

  /** @returns what of the body came with the head, or null. */
  #readHead(bytes: Buffer): Buffer | null {
    this.#head = Buffer.concat([this.#head, bytes]);
    const end = this.#head.indexOf(headEnd);
    if (end < 0) return null;
    const head = this.#head.subarray(0, end).toString('latin1').toLowerCase();
    if (!head.startsWith('http/1.1 200'))
      this.#reject(failed(`the server answers ${head.slice(0, 60)}`));
    const [, length] = /content-length: (\d+)/.exec(head) ?? [];
    this.#bodyLeft = length === undefined ? -1 : Number(length);
    return this.#head.subarray(end + headEnd.length);
  }

  close(): void {
    this.#socket.removeAllListeners('close');
    this.#socket.destroy();
  }
}
