// Generates text for the HTTP API through a device's client: drafts here, the server verifies.
// Holds provisional tokens back, because text that was sent cannot be retracted.

import { PilotfishError, toPilotfishError } from '../../base/error.js';
import type {
  Answer,
  AnswerResult,
  Client,
  GenerateOptions,
  Piece,
  Statistics,
} from '../../device/index.js';
import type { Vocabulary } from '../../engine/vocabulary.js';
import { DeltaQueue } from '../delta-queue.js';
import type {
  Delta,
  GenerationRequest,
  GenerationResult,
  GenerationStream,
  Generator,
  ModelCard,
  PromptInput,
  Readiness,
} from '../generator.js';
import { answerMax } from './answer-max.js';
import { modelCard } from './model-card.js';

/** How drafts are made and sent; the same for all requests. */
export type DraftingOptions = Pick<
  GenerateOptions,
  'scheme' | 'mode' | 'stopRule' | 'windowMax' | 'cut'
>;

export interface DeviceGeneratorParts {
  readonly client: Client;
  readonly vocabulary: Vocabulary;
  readonly drafting: DraftingOptions;
  /** Seconds since 1970. */
  readonly createdS: number;
  /** Version of this package. */
  readonly build: string;
  /** Called with the statistics of every answer, failed and abandoned ones included. */
  readonly onOver: (statistics: Statistics) => void;
}

export class DeviceGenerator implements Generator {
  readonly #parts: DeviceGeneratorParts;
  #isDraining = false;

  constructor(parts: DeviceGeneratorParts) {
    this.#parts = parts;
  }

  /** The target's card; none before the first connection to a server. */
  get models(): readonly ModelCard[] {
    const { client, vocabulary, createdS, build } = this.#parts;
    const { modelName, contextLength, seesPictures } = client;
    if (modelName === null) return [];
    const { fingerprint } = vocabulary;
    return [
      modelCard({
        modelName,
        names: [],
        createdS,
        build,
        contextLength,
        fingerprint,
        seesPictures,
      }),
    ];
  }

  /** Refuses new requests; running answers go on. */
  drain(): void {
    this.#isDraining = true;
  }

  get readiness(): Readiness {
    if (this.#isDraining) return 'draining';
    if (this.#parts.client.isLinked) return 'ready';
    return this.#parts.client.modelName === null ? 'starting' : 'away';
  }

  generate(request: GenerationRequest): GenerationStream {
    const { sampling, seed, stops, tokensMax, topLogprobs, format, signal } = request;
    const answer = this.#parts.client.generate({
      ...this.#parts.drafting,
      ...this.#promptOf(request.prompt),
      ...{ sampling, seed, stops, signal },
      ...(topLogprobs !== null && { topLogprobs }),
      ...(format !== null && { format }),
      tokensMax: Math.min(
        tokensMax ?? this.#parts.client.contextLength ?? Infinity,
        answerMax(topLogprobs),
      ),
    });
    const queue = new DeltaQueue(() => answer.cancel());
    void copyAnswer(answer, queue).then(() => {
      if (answer.statistics !== null) this.#parts.onOver(answer.statistics);
    });
    return queue;
  }

  #promptOf(prompt: PromptInput): Pick<GenerateOptions, 'ids' | 'messages' | 'pictures'> {
    // The server applies its own chat template.
    if (prompt.kind === 'messages') return { messages: prompt.messages, pictures: prompt.pictures };
    const ids =
      prompt.kind === 'ids'
        ? prompt.ids
        : this.#parts.vocabulary.tokenize(prompt.text, { addBos: true, parseSpecial: false });
    const { contextLength } = this.#parts.client;
    if (contextLength !== null && ids.length + 1 > contextLength) {
      const message = `${ids.length} tokens and one more exceed the context of ${contextLength}`;
      throw new PilotfishError('prompt-too-long', message);
    }
    return { ids };
  }

  tokenBytes(token: number): Uint8Array {
    return this.#parts.vocabulary.tokenBytes(token);
  }
}

/**
 * Moves an answer into a queue. The first piece marks it as accepted: a refusal would come earlier.
 */
async function copyAnswer(answer: Answer, queue: DeltaQueue): Promise<void> {
  const held = new HeldTokens((delta) => queue.push(delta));
  try {
    for await (const piece of answer) {
      queue.accept(answer.promptLength);
      held.take(piece);
    }
    const result = await answer.result;
    // Only draft-only answers end on unverified tokens, and the user asked for those.
    held.release(Infinity);
    queue.accept(answer.promptLength);
    queue.end({ result: resultOf(result, answer.promptLength) });
  } catch (reason) {
    queue.end({ error: toPilotfishError(reason, 'engine-failed') });
  }
}

/** Holds tokens that may still be retracted. */
export class HeldTokens {
  readonly #out: (delta: Delta) => void;
  #held: { readonly position: number; readonly delta: Delta }[] = [];

  constructor(out: (delta: Delta) => void) {
    this.#out = out;
  }

  take(piece: Piece): void {
    switch (piece.kind) {
      case 'token': {
        const { position, token, text, origin, logprobs = null } = piece;
        const delta: Delta = { text, token, logprobs };
        if (origin === 'provisional') this.#held.push({ position, delta });
        else this.#out(delta);
        return;
      }
      case 'confirmed':
        this.#confirm(piece);
        return;
      case 'retracted':
        this.#held = this.#held.filter(({ position }) => position < piece.from);
        return;
      case 'rest':
        this.release(Infinity);
        this.#out({ text: piece.text, token: null, logprobs: null });
    }
  }

  /** Releases held tokens that the target confirmed, with the log-probabilities that it sent. */
  #confirm({ from, to, logprobs }: Piece & { kind: 'confirmed' }): void {
    this.#held = this.#held.map(({ position, delta }) => {
      const known = position < to ? logprobs?.[position - from] : undefined;
      return known === undefined
        ? { position, delta }
        : { position, delta: { ...delta, logprobs: known } };
    });
    this.release(to);
  }

  /** Sends all held tokens before a position. */
  release(to: number): void {
    while (this.#held.length > 0 && this.#held[0]!.position < to) {
      this.#out(this.#held.shift()!.delta);
    }
  }
}

function resultOf(
  { reason, isVerified, tokens, statistics }: AnswerResult,
  promptCount: number,
): GenerationResult {
  const { draftedCount, testedCount, acceptedCount, roundCount, sources } = statistics;
  const { firstTokenMs, totalMs } = statistics;
  return {
    reason: reason === 'end-of-text' || reason === 'stop' ? 'stop' : 'length',
    promptCount,
    cachedCount: null,
    tokenCount: tokens.length,
    ...{ isVerified, firstTokenMs, totalMs },
    ...{ draftedCount, testedCount, acceptedCount, roundCount, sources },
  };
}
