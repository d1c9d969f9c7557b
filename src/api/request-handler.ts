// Runs one request: starts its choices, waits until they are accepted, streams or collects them,
// and ends them as soon as the client leaves. Keeps no state between requests.

import { randomBytes, randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { PilotfishError } from '../base/error.js';
import type { KeyGrant } from '../base/key-grant.js';
import { ApiError, toApiError } from './api-error.js';
import type { ApiRequest } from './api-request.js';
import { EventStream, endSoon } from './event-stream.js';
import type {
  Delta,
  GenerationResult,
  GenerationStream,
  Generator,
  ModelCard,
} from './generator.js';
import { bodyOf, ChunkWriter, type ResponseHead, type ResponseShape } from './response-shape.js';
import { untilStarted } from './start-wait.js';
import { paddedBody, type StreamShaping } from './stream-shaping.js';
import { usageOf } from './usage.js';

/** Called at each step of a request, for metrics. */
export interface RequestObserver {
  began(): void;
  /** @param ms since work on the request began. */
  firstToken(ms: number): void;
  ended(result: GenerationResult): void;
  /** The client read too slowly and was cut off, or left before the end. */
  abandoned(why: 'slow' | 'gone'): void;
  closed(ms: number): void;
}

export interface RequestHandlerParts {
  readonly generator: Generator;
  readonly observer: RequestObserver;
  /** Most requests that run at once. */
  readonly requestsMax: number;
  /** How long a request waits for a generator that is starting. */
  readonly startMsMax: number;
  readonly shaping: StreamShaping;
}

/** The client of a request. `headers` go on every response of the API. */
export interface HttpCaller {
  /** The rights of its key; null: no key is required. */
  readonly grant: KeyGrant | null;
  readonly response: ServerResponse;
  /** The socket of the request. */
  readonly socket: Socket;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Calls back when a response was sent or never will be. The response's own `close` is not emitted
 * while it waits on its socket behind an earlier one (pipelining), so the socket is watched too.
 *
 * @returns a function that stops watching.
 */
export function onClosed(socket: Socket, response: ServerResponse, then: () => void): () => void {
  const stop = (): void => {
    response.off('close', onClose);
    socket.off('close', onClose);
  };
  const onClose = (): void => {
    stop();
    then();
  };
  // All requests on the socket add a listener.
  socket.setMaxListeners(0);
  response.once('close', onClose);
  socket.once('close', onClose);
  return stop;
}

export class RequestHandler {
  readonly #parts: RequestHandlerParts;
  readonly #running = new Set<RunningRequest>();
  /** Requests that wait for the generator to start. */
  #waitingCount = 0;
  #onIdle: () => void = () => undefined;

  constructor(parts: RequestHandlerParts) {
    this.#parts = parts;
  }

  /** Requests that are running. */
  get openCount(): number {
    return this.#running.size;
  }

  /** Resolves when no request runs, or after `msMax`. One caller at a time. */
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

  /** Ends the answers of revoked keys. @param ids of the keys. */
  revoke(ids: ReadonlySet<string>): void {
    for (const answered of [...this.#running]) answered.revoke(ids);
  }

  /**
   * Answers a request.
   *
   * @throws ApiError, or an error of the generator, as long as nothing was sent; a later error ends
   *   the stream.
   */
  async answer(request: ApiRequest, format: ResponseShape, reader: HttpCaller): Promise<void> {
    const { generator, observer: watch } = this.#parts;
    if (generator.readiness === 'starting') await this.#untilStarted(reader);
    checkReadiness(generator);
    const model = modelOf(generator, request.model);
    checkPictures(request, model);
    this.#checkRoom();
    const startedMs = performance.now();
    const answered = new RunningRequest(this.#parts, request, format, model, reader);
    this.#running.add(answered);
    watch.began();
    try {
      await answered.run();
    } finally {
      this.#running.delete(answered);
      if (this.openCount === 0) this.#onIdle();
      watch.closed(performance.now() - startedMs);
    }
  }

  async #untilStarted({ socket }: HttpCaller): Promise<void> {
    this.#checkRoom();
    this.#waitingCount++;
    const { generator, startMsMax } = this.#parts;
    await untilStarted(generator, () => socket.destroyed, startMsMax);
    this.#waitingCount--;
  }

  #checkRoom(): void {
    const { requestsMax } = this.#parts;
    if (this.openCount + this.#waitingCount >= requestsMax) {
      throw new ApiError('server_busy', `${requestsMax} requests are running already`);
    }
  }
}

function modelOf({ models }: Generator, id: string): ModelCard {
  const model = models.find((card) => card.id === id || card.aliases.includes(id));
  if (model !== undefined) return model;
  const known = models.map((card) => `'${card.id}'`).join(', ');
  throw new ApiError(
    'model_not_found',
    `there is no model '${id}'; the models are ${known}`,
    'model',
  );
}

function checkPictures({ prompts }: ApiRequest, { id, seesPictures }: ModelCard): void {
  const hasPicture = prompts.some((one) => one.kind === 'messages' && one.pictures.length > 0);
  if (seesPictures || !hasPicture) return;
  throw toApiError(new PilotfishError('picture-unseen', `the model '${id}' takes no pictures`));
}

function checkReadiness({ readiness }: Generator): void {
  if (readiness === 'draining') {
    throw new ApiError(
      'server_unavailable',
      'the server is shutting down and takes no new requests',
    );
  }
  if (readiness === 'starting') throw new ApiError('server_unavailable', 'not ready yet');
}

/** One running request. */
class RunningRequest {
  readonly #generator: Generator;
  readonly #watch: RequestObserver;
  readonly #shaping: StreamShaping;
  readonly #request: ApiRequest;
  readonly #format: ResponseShape;
  readonly #heading: ResponseHead;
  readonly #reader: HttpCaller;
  readonly #revoked = new AbortController();
  readonly #startedMs = performance.now();
  #isFirst = true;
  /** The error to report instead of the generator's, once the key is revoked. */
  #refusal: ApiError | null = null;

  constructor(
    { generator, observer: watch, shaping }: RequestHandlerParts,
    request: ApiRequest,
    format: ResponseShape,
    model: ModelCard,
    reader: HttpCaller,
  ) {
    this.#generator = generator;
    this.#watch = watch;
    this.#shaping = shaping;
    this.#request = request;
    this.#format = format;
    this.#reader = reader;
    // Each choice adds a listener.
    setMaxListeners(0, this.#revoked.signal);
    this.#heading = {
      id: format.idPrefix + randomUUID().replaceAll('-', ''),
      createdS: Math.floor(Date.now() / 1000),
      model: model.id,
      fingerprint: model.fingerprint,
    };
  }

  /** Ends the request if its key is among these. */
  revoke(ids: ReadonlySet<string>): void {
    if (!ids.has(this.#reader.grant?.id ?? '')) return;
    this.#refusal = new ApiError('invalid_api_key', 'the key is no longer valid');
    this.#revoked.abort();
  }

  async run(): Promise<void> {
    const { response, socket } = this.#reader;
    const onClose = (): void => {
      if (response.writableFinished || this.#revoked.signal.aborted) return;
      this.#watch.abandoned('gone');
      this.#revoked.abort();
    };
    const stopWaiting = onClosed(socket, response, onClose);
    try {
      const generations = this.#start();
      const counts = await Promise.all(generations.map(({ accepted }) => accepted));
      // Choices share their prompt, so it counts once.
      const promptCount = counts
        .filter((_, index) => index % this.#request.choiceCount === 0)
        .reduce((sum, count) => sum + count, 0);
      if (this.#request.isStream) await this.#stream(generations, promptCount);
      else await this.#collect(generations, promptCount);
    } catch (reason) {
      this.#revoked.abort();
      // A client that left cannot receive the error.
      if (!response.destroyed && !socket.destroyed) throw this.#refusal ?? reason;
    } finally {
      stopWaiting();
    }
  }

  #start(): GenerationStream[] {
    const { prompts, choiceCount, sampling, stops, tokensMax, topLogprobs, format } = this.#request;
    const { signal } = this.#revoked;
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

  async #stream(generations: readonly GenerationStream[], promptCount: number): Promise<void> {
    const { includesUsage } = this.#request;
    const format = this.#format;
    const writer = new ChunkWriter(format, this.#heading, includesUsage);
    const { response, headers } = this.#reader;
    const onSlow = (): void => {
      this.#watch.abandoned('slow');
      this.#revoked.abort();
    };
    const stream = new EventStream(response, headers, onSlow, this.#shaping);
    const openings = generations.map((_, index) => format.opening(index));
    const first = openings
      .filter((choice) => choice !== null)
      .map((choice) => writer.chunk(choice));
    if (first.length > 0) stream.write(first.join(''));
    try {
      const results = await Promise.all(
        generations.map((generation, index) => this.#streamTo(generation, index, writer, stream)),
      );
      const usage = includesUsage ? writer.usage(usageOf(results, promptCount)) : '';
      stream.end(`${usage}data: [DONE]\n\n`);
    } catch (reason) {
      this.#revoked.abort();
      // The status was sent already; clients recognise an error event.
      const { body } = toApiError(this.#refusal ?? reason);
      stream.end(`data: ${JSON.stringify(body)}\n\n`);
    }
  }

  /** Streams one choice. Deltas of one turn of the event loop share a chunk. */
  async #streamTo(
    generation: GenerationStream,
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

  async #collect(generations: readonly GenerationStream[], promptCount: number): Promise<void> {
    const collected = await Promise.all(generations.map((one) => this.#gather(one)));
    const results = collected.map(({ result }) => result);
    const choices = collected.map(({ text, deltas, result }, index) =>
      this.#format.choice(index, text, this.#logprobsOf(deltas, 0), result.reason),
    );
    const body = bodyOf(this.#format, this.#heading, choices, usageOf(results, promptCount));
    const { response, headers } = this.#reader;
    response.writeHead(200, { ...headers, 'content-type': 'application/json; charset=utf-8' });
    endSoon(response, paddedBody(body, this.#shaping.padBytes));
  }

  async #gather(generation: GenerationStream) {
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
