// One request from its checked form to its last byte: starts the choices, waits until they are accepted, streams or
// collects them, and ends them the moment nobody reads any more. Holds nothing between requests but their number.

import { randomBytes, randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { KeyGrant } from '../base/key-grant.js';
import { type AnswerFormat, bodyOf, ChunkWriter, type Heading } from './answer-format.js';
import { ApiError, toApiError } from './api-error.js';
import type { ApiRequest } from './api-request.js';
import { EventStream, endSoon } from './event-stream.js';
import type { Delta, Generation, GenerationResult, Generator, ModelCard } from './generator.js';
import { paddedBody, type StreamCover } from './stream-cover.js';
import { costOf } from './usage.js';

/** Hears how answers went; for metrics. */
export interface AnswerWatch {
  began(): void;
  /** @param ms since the request began to be answered. */
  firstToken(ms: number): void;
  ended(result: GenerationResult): void;
  /** Cut off because the reader was too slow, or left before the end. */
  abandoned(why: 'slow' | 'gone'): void;
  over(ms: number): void;
}

export interface AnsweringParts {
  readonly generator: Generator;
  readonly watch: AnswerWatch;
  /** Most requests that are being answered at once. */
  readonly requestsMax: number;
  readonly cover: StreamCover;
}

/** Who an answer is written to. `headers` are those of every answer of the door. */
export interface Reader {
  /** What its key grants; null: none is asked for. */
  readonly grant: KeyGrant | null;
  readonly response: ServerResponse;
  /** That the request came on. */
  readonly socket: Socket;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Calls back when a response has been sent or will never be: its own `close` is not heard of while it waits on its socket
 * behind an earlier one (pipelining).
 *
 * @returns what ends the waiting.
 */
export function onceOver(socket: Socket, response: ServerResponse, then: () => void): () => void {
  const stop = (): void => {
    response.off('close', onClose);
    socket.off('close', onClose);
  };
  const onClose = (): void => {
    stop();
    then();
  };
  // As many as there are requests that share it.
  socket.setMaxListeners(0);
  response.once('close', onClose);
  socket.once('close', onClose);
  return stop;
}

export class Answering {
  readonly #parts: AnsweringParts;
  readonly #running = new Set<Answered>();
  #onIdle: () => void = () => undefined;

  constructor(parts: AnsweringParts) {
    this.#parts = parts;
  }

  /** Requests that are being answered. */
  get openCount(): number {
    return this.#running.size;
  }

  /** Resolves when nothing is being answered, or after so many milliseconds. For one caller at a time. */
  whenIdle(msMax: number): Promise<void> {
    if (this.openCount === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, msMax);
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Ends the answers of keys that are none any more. @param ids of the keys. */
  revoke(ids: ReadonlySet<string>): void {
    for (const answered of [...this.#running]) answered.revoke(ids);
  }

  /**
   * Answers a request.
   *
   * @throws ApiError, or what the generator throws, as long as nothing has been sent; later errors end the stream.
   */
  async answer(request: ApiRequest, format: AnswerFormat, reader: Reader): Promise<void> {
    const { generator, requestsMax, watch } = this.#parts;
    checkReadiness(generator);
    const model = modelOf(generator, request.model);
    if (this.openCount >= requestsMax) {
      throw new ApiError('server_busy', `${requestsMax} requests are being answered already`);
    }
    const startedMs = performance.now();
    const answered = new Answered(this.#parts, request, format, model, reader);
    this.#running.add(answered);
    watch.began();
    try {
      await answered.run();
    } finally {
      this.#running.delete(answered);
      if (this.openCount === 0) this.#onIdle();
      watch.over(performance.now() - startedMs);
    }
  }
}

function modelOf({ models }: Generator, id: string): ModelCard {
  const model = models.find((card) => card.id === id || card.aliases.includes(id));
  if (model !== undefined) return model;
  const known = models.map((card) => `'${card.id}'`).join(', ');
  throw new ApiError('model_not_found', `there is no model '${id}'; there is ${known}`, 'model');
}

function checkReadiness({ readiness }: Generator): void {
  if (readiness === 'draining') {
    throw new ApiError('server_unavailable', 'the server is going away and takes no new requests');
  }
  if (readiness === 'starting') throw new ApiError('server_unavailable', 'not ready yet');
}

/** One request while it is answered. */
class Answered {
  readonly #generator: Generator;
  readonly #watch: AnswerWatch;
  readonly #cover: StreamCover;
  readonly #request: ApiRequest;
  readonly #format: AnswerFormat;
  readonly #heading: Heading;
  readonly #reader: Reader;
  readonly #gone = new AbortController();
  readonly #startedMs = performance.now();
  #isFirst = true;
  /** Why it was ended here, whatever the generator then says. */
  #refusal: ApiError | null = null;

  constructor(
    { generator, watch, cover }: AnsweringParts,
    request: ApiRequest,
    format: AnswerFormat,
    model: ModelCard,
    reader: Reader,
  ) {
    this.#generator = generator;
    this.#watch = watch;
    this.#cover = cover;
    this.#request = request;
    this.#format = format;
    this.#reader = reader;
    // One for each choice.
    setMaxListeners(0, this.#gone.signal);
    this.#heading = {
      id: format.idPrefix + randomUUID().replaceAll('-', ''),
      createdS: Math.floor(Date.now() / 1000),
      model: model.id,
      fingerprint: model.fingerprint,
    };
  }

  /** Ends it where its key is among these. */
  revoke(ids: ReadonlySet<string>): void {
    if (!ids.has(this.#reader.grant?.id ?? '')) return;
    this.#refusal = new ApiError('invalid_api_key', 'the key is not valid any more');
    this.#gone.abort();
  }

  async run(): Promise<void> {
    const { response, socket } = this.#reader;
    const onClose = (): void => {
      if (response.writableFinished || this.#gone.signal.aborted) return;
      this.#watch.abandoned('gone');
      this.#gone.abort();
    };
    const stopWaiting = onceOver(socket, response, onClose);
    try {
      const generations = this.#start();
      const counts = await Promise.all(generations.map(({ accepted }) => accepted));
      // Choices share their prompt, which is counted once.
      const promptCount = counts
        .filter((_, index) => index % this.#request.choiceCount === 0)
        .reduce((sum, count) => sum + count, 0);
      if (this.#request.isStream) await this.#stream(generations, promptCount);
      else await this.#collect(generations, promptCount);
    } catch (reason) {
      this.#gone.abort();
      // Nobody is there to be told.
      if (!response.destroyed && !socket.destroyed) throw this.#refusal ?? reason;
    } finally {
      stopWaiting();
    }
  }

  #start(): Generation[] {
    const { prompts, choiceCount, sampling, stops, tokensMax, topLogprobs, format } = this.#request;
    const { signal } = this.#gone;
    const { grant } = this.#reader;
    return prompts.flatMap((prompt) =>
      Array.from({ length: choiceCount }, (_, choice) =>
        this.#generator.generate({
          ...{ prompt, sampling, stops, tokensMax, topLogprobs, format, grant, signal },
          seed: this.#seedOf(choice),
        }),
      ),
    );
  }

  #seedOf(choice: number): bigint {
    const { seed } = this.#request;
    if (seed === null) return randomBytes(8).readBigUInt64LE();
    return BigInt.asUintN(64, seed + BigInt(choice));
  }

  async #stream(generations: readonly Generation[], promptCount: number): Promise<void> {
    const { includesUsage } = this.#request;
    const format = this.#format;
    const writer = new ChunkWriter(format, this.#heading, includesUsage);
    const { response, headers } = this.#reader;
    const onSlow = (): void => {
      this.#watch.abandoned('slow');
      this.#gone.abort();
    };
    const stream = new EventStream(response, headers, onSlow, this.#cover);
    const openings = generations.map((_, index) => format.opening(index));
    const first = openings
      .filter((choice) => choice !== null)
      .map((choice) => writer.chunk(choice));
    if (first.length > 0) stream.write(first.join(''));
    try {
      const results = await Promise.all(
        generations.map((generation, index) => this.#pour(generation, index, writer, stream)),
      );
      const usage = includesUsage ? writer.usage(costOf(results, promptCount)) : '';
      stream.end(`${usage}data: [DONE]\n\n`);
    } catch (reason) {
      this.#gone.abort();
      // The status is gone; clients know an event with an error for what it is.
      const { body } = toApiError(this.#refusal ?? reason);
      stream.end(`data: ${JSON.stringify(body)}\n\n`);
    }
  }

  /** One choice, in chunks of what came in one turn of the event loop. */
  async #pour(
    generation: Generation,
    index: number,
    writer: ChunkWriter,
    stream: EventStream,
  ): Promise<GenerationResult> {
    let offset = 0;
    for await (const deltas of generation) {
      const text = this.#textOf(deltas);
      const logprobs = this.#logprobsOf(deltas, offset);
      offset += text.length;
      if (text !== '' || logprobs !== 'null') {
        stream.write(writer.chunk(this.#format.delta(index, text, logprobs)));
      }
    }
    const result = await generation.result;
    this.#watch.ended(result);
    stream.write(writer.chunk(this.#format.finish(index, result.reason)));
    return result;
  }

  #textOf(deltas: readonly Delta[]): string {
    if (this.#isFirst) {
      this.#isFirst = false;
      this.#watch.firstToken(performance.now() - this.#startedMs);
    }
    let text = '';
    for (const delta of deltas) text += delta.text;
    return text;
  }

  #logprobsOf(deltas: readonly Delta[], offset: number): string {
    if (this.#request.topLogprobs === null) return 'null';
    const tokenBytes = (token: number) => this.#generator.tokenBytes(token);
    return this.#format.logprobs(deltas, offset, tokenBytes);
  }

  async #collect(generations: readonly Generation[], promptCount: number): Promise<void> {
    const collected = await Promise.all(generations.map((one) => this.#gather(one)));
    const results = collected.map(({ result }) => result);
    const choices = collected.map(({ text, deltas, result }, index) =>
      this.#format.choice(index, text, this.#logprobsOf(deltas, 0), result.reason),
    );
    const body = bodyOf(this.#format, this.#heading, choices, costOf(results, promptCount));
    const { response, headers } = this.#reader;
    response.writeHead(200, { ...headers, 'content-type': 'application/json; charset=utf-8' });
    endSoon(response, paddedBody(body, this.#cover.padBytes));
  }

  async #gather(generation: Generation) {
    let text = '';
    const deltas: Delta[] = [];
    for await (const some of generation) {
      text += this.#textOf(some);
      if (this.#request.topLogprobs !== null) deltas.push(...some);
    }
    const result = await generation.result;
    this.#watch.ended(result);
    return { text, deltas, result };
  }
}
