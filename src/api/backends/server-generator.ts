// Generates text for the HTTP API through a server in this process. Each answer is a plain session,
// batched with the devices' sessions. Turns tokens into text and ends it before stop strings.

import type { PilotfishError } from '../../base/error.js';
import { StopText } from '../../base/stop-text.js';
import type { EngineInfo } from '../../engine/engine.js';
import { TextStream } from '../../engine/text-stream.js';
import { schemaText } from '../../grammar/output-format.js';
import type { TokenLogprobs } from '../../math/logprobs.js';
import type { EndReason, SourceCounts } from '../../protocol/frame.js';
import type { LocalServer, PlainListener, ServerTests } from '../../server/index.js';
import { DeltaQueue } from '../delta-queue.js';
import type {
  GenerationRequest,
  GenerationResult,
  GenerationStream,
  Generator,
  ModelCard,
  Readiness,
} from '../generator.js';
import { answerMax } from './answer-max.js';
import { modelCard } from './model-card.js';

export interface ServerGeneratorParts {
  readonly server: LocalServer;
  readonly info: EngineInfo;
  /** Other names that users of this machine have for the model. */
  readonly names: readonly string[];
  /** Seconds since 1970. */
  readonly createdS: number;
  /** Version of this package. */
  readonly build: string;
}

export class ServerGenerator implements Generator {
  readonly models: readonly ModelCard[];
  readonly #server: LocalServer;
  readonly #info: EngineInfo;

  constructor({ server, info, ...metrics }: ServerGeneratorParts) {
    this.#server = server;
    this.#info = info;
    const { modelName, contextLength, vocabulary } = info;
    const { fingerprint } = vocabulary;
    const { seesPictures } = server;
    const facts = { modelName, contextLength, fingerprint, seesPictures };
    this.models = [modelCard({ ...metrics, ...facts })];
  }

  get readiness(): Readiness {
    return this.#server.isDraining ? 'draining' : 'ready';
  }

  generate(request: GenerationRequest): GenerationStream {
    const { prompt, sampling, seed, stops, tokensMax, topLogprobs, format, grant, signal } =
      request;
    let cancel: () => void = () => undefined;
    const session = new PlainAnswer(this.#info, stops, () => cancel());
    cancel = this.#server.plain.write(
      {
        ...{ prompt, sampling, seed, topLogprobs },
        ...(prompt.kind === 'messages' && { pictures: prompt.pictures }),
        schema: format === null ? null : schemaText(format),
        tokensMax: Math.min(tokensMax ?? this.#info.contextLength, answerMax(topLogprobs)),
      },
      grant,
      session,
    );
    session.follow(signal);
    return session.queue;
  }

  tokenBytes(token: number): Uint8Array {
    return this.#info.vocabulary.tokenBytes(token);
  }
}

/** Feeds one plain session into a queue of deltas. */
class PlainAnswer implements PlainListener {
  readonly queue: DeltaQueue;
  readonly #text: TextStream;
  readonly #stop: StopText | null;
  readonly #cancel: () => void;
  readonly #startedMs = performance.now();
  #unfollow: () => void = () => undefined;
  #firstTokenMs: number | null = null;
  #promptCount = 0;
  #cachedCount: number | null = null;
  #tokenCount = 0;
  readonly #sources = { model: 0, suffix: 0 };
  #tests: ServerTests | null = null;

  constructor({ vocabulary }: EngineInfo, stops: readonly string[], cancel: () => void) {
    this.queue = new DeltaQueue(() => this.#abandon());
    this.#text = new TextStream(vocabulary);
    this.#stop = stops.length > 0 ? new StopText(stops) : null;
    this.#cancel = cancel;
  }

  /** Ends when the signal aborts. */
  follow(signal: AbortSignal): void {
    const onAbort = (): void => this.#abandon();
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    this.#unfollow = () => signal.removeEventListener('abort', onAbort);
  }

  #abandon(): void {
    this.#unfollow();
    this.#cancel();
    this.queue.abort();
  }

  accepted(promptLength: number): void {
    this.#promptCount = promptLength;
    this.queue.accept(promptLength);
  }

  started(cachedCount: number): void {
    this.#cachedCount = cachedCount;
  }

  tokens(
    tokens: Int32Array,
    logprobs: readonly TokenLogprobs[] | null,
    sources: SourceCounts | null,
    tests: ServerTests | null,
  ): void {
    if (tests !== null) this.#tests = tests;
    this.#sources.model += sources?.modelCount ?? 0;
    this.#sources.suffix += sources?.suffixCount ?? 0;
    this.#firstTokenMs ??= performance.now() - this.#startedMs;
    for (const [index, token] of tokens.entries()) {
      this.#tokenCount++;
      const text = this.#settled(this.#text.push(token));
      this.queue.push({ text, token, logprobs: logprobs?.[index] ?? null });
      if (this.#stop?.stopped !== true) continue;
      this.#cancel();
      this.#end('stop');
      return;
    }
  }

  /** The part of a text that no stop string can cut any more. */
  #settled(text: string): string {
    return this.#stop === null ? text : this.#stop.push(text);
  }

  ended(reason: EndReason): void {
    const rest = this.#settled(this.#text.end()) + (this.#stop?.end() ?? '');
    if (rest !== '') this.queue.push({ text: rest, token: null, logprobs: null });
    this.#end(reason === 'end-of-text' ? 'stop' : 'length');
  }

  #end(reason: GenerationResult['reason']): void {
    this.#unfollow();
    // A stop string cuts tokens off that have been counted.
    const suffix = Math.min(this.#sources.suffix, this.#tokenCount);
    const model = Math.min(this.#sources.model, this.#tokenCount - suffix);
    this.queue.end({
      result: {
        reason,
        promptCount: this.#promptCount,
        cachedCount: this.#cachedCount,
        tokenCount: this.#tokenCount,
        isVerified: true,
        draftedCount: this.#tests?.givenCount ?? 0,
        testedCount: (this.#tests?.modelCount ?? 0) + (this.#tests?.suffixCount ?? 0),
        acceptedCount: this.#sources.model + this.#sources.suffix,
        sources: { device: 0, model, suffix, target: this.#tokenCount - model - suffix },
        roundCount: this.#tests?.roundCount ?? 0,
        firstTokenMs: this.#firstTokenMs,
        totalMs: performance.now() - this.#startedMs,
      },
    });
  }

  failed(error: PilotfishError): void {
    this.#unfollow();
    this.queue.end({ error });
  }
}
