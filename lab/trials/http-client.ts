// Asks an HTTP door for a completion and reads it as it comes, whole or as events, until the end, the link's end, or a
// moment of its own choosing.

import { type ClientRequest, request as httpRequest } from 'node:http';
import type { GenerateOptions } from '../../src/device/index.js';

export interface CompletionWay {
  readonly port: number;
  /** Null: none is shown. */
  readonly key: string | null;
  readonly isStream: boolean;
  /** Leaves once it has so many letters, where it streams. */
  readonly leavesAt: number;
  /** Default: the toy's. */
  readonly model?: string;
  /** Told of every piece of text. */
  readonly onText?: (text: string) => void;
}

export interface Completed {
  readonly text: string;
  readonly tokenCount: number;
  /** The server has said that this is all. */
  readonly isWhole: boolean;
  /** Null: the connection ended before an answer began. */
  readonly status: number | null;
}

/** Never rejects: a connection that breaks leaves what was read. @param request with ids or a prompt, a seed and bans of tokens alone. */
export function completion(request: GenerateOptions, variant: CompletionWay): Promise<Completed> {
  const { port, key, isStream, leavesAt, onText = () => undefined } = variant;
  const headers = {
    'content-type': 'application/json',
    ...(key !== null && { authorization: `Bearer ${key}` }),
  };
  return new Promise((resolve) => {
    let status: number | null = null;
    const reading = isStream ? new EventReading(onText) : new WholeReading();
    const asked: ClientRequest = httpRequest({
      ...{ port, host: '127.0.0.1', method: 'POST', path: '/v1/completions', headers },
    });
    asked.on('error', () => undefined);
    asked.on('close', () => resolve({ ...reading.result(), status }));
    asked.on('response', (response) => {
      status = response.statusCode ?? null;
      response.setEncoding('utf8').on('error', () => undefined);
      response.on('data', (piece: string) => {
        reading.take(piece);
        if (isStream && reading.text.length >= leavesAt) asked.destroy();
      });
    });
    asked.end(bodyOf(request, variant));
  });
}

function bodyOf(request: GenerateOptions, { isStream, model = 'toy' }: CompletionWay): string {
  const { ids, prompt, sampling, seed, tokensMax } = request;
  const bans = [...sampling.logitBias.keys()].map((token) => [token, -100]);
  return JSON.stringify({
    ...{ model, prompt: prompt ?? [...ids!], max_tokens: tokensMax, seed: Number(seed) },
    ...{ temperature: sampling.temperature, logit_bias: Object.fromEntries(bans) },
    stream: isStream,
  });
}

interface Reading {
  readonly text: string;
  take(piece: string): void;
  result(): Omit<Completed, 'status'>;
}

interface Choices {
  readonly choices?: readonly { readonly text: string }[];
}

class WholeReading implements Reading {
  readonly text = '';
  #read = '';

  take(piece: string): void {
    this.#read += piece;
  }

  result(): Omit<Completed, 'status'> {
    const nothing = { text: '', tokenCount: 0, isWhole: false };
    try {
      const { choices, usage } = JSON.parse(this.#read) as Choices & {
        readonly usage?: { readonly completion_tokens: number };
      };
      const text = choices?.[0]?.text;
      if (text === undefined) return nothing;
      return { text, tokenCount: usage!.completion_tokens, isWhole: true };
    } catch {
      return nothing;
    }
  }
}

class EventReading implements Reading {
  text = '';
  #tokenCount = 0;
  #isWhole = false;
  #rest = '';
  readonly #onText: (text: string) => void;

  constructor(onText: (text: string) => void) {
    this.#onText = onText;
  }

  take(piece: string): void {
    const events = (this.#rest + piece).split('\n\n');
    this.#rest = events.pop()!;
    for (const event of events) if (event.startsWith('data: ')) this.#event(event.slice(6));
  }

  #event(data: string): void {
    if (data === '[DONE]') {
      this.#isWhole = true;
      return;
    }
    const text = (JSON.parse(data) as Choices).choices?.[0]?.text;
    if (text === undefined) return;
    this.text += text;
    this.#tokenCount++;
    this.#onText(text);
  }

  result(): Omit<Completed, 'status'> {
    return { text: this.text, tokenCount: this.#tokenCount, isWhole: this.#isWhole };
  }
}
