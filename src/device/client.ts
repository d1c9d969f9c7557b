// Connects to a server and generates any number of answers, as streams of tokens with their text
// and origin. Turns ids into text; the device core behind it knows only ids.

import { randomBytes } from 'node:crypto';
import { unreachable } from '../base/assert.js';
import { PilotfishError } from '../base/error.js';
import type { Engine } from '../engine/engine.js';
import type { SuffixGuessLimits } from '../engine/suffix/suffix-look-up.js';
import type { Vocabulary } from '../engine/vocabulary.js';
import { FormatChecker } from '../grammar/format-checker.js';
import type { TrafficShaping } from '../protocol/frame.js';
import { limits } from '../protocol/limits.js';
import type { Transport } from '../protocol/transport.js';
import { type Answer, AnswerStream } from './answer.js';
import { fullAhead, fullShaping } from './client-settings.js';
import type { AheadBudget } from './core/drafting/ahead/ahead-budget.js';
import type { AnswerEffect, Fallback } from './core/event.js';
import type { DeviceCoreSettings, DrafterFacts, Timing } from './core/settings.js';
import type { AnswerId } from './core/token.js';
import { type Clock, Device, type DeviceNotice, type DeviceOptions, wallClock } from './device.js';
import type { DrafterFactory } from './drafter/drafter.js';
import { engineDrafter, sequencesMaxOf } from './drafter/engine-drafter.js';
import { suffixDrafter } from './drafter/suffix-drafter.js';
import { type GenerateOptions, requestOf } from './generate-request.js';
import { dialMessage } from './link-messages.js';
import {
  checkAlternative,
  checkKeyInClear,
  type DeviceTls,
  dialWebSocket,
} from './websocket-dialer.js';

/** The drafter: an engine that its owner closes, a look-up in the text so far, or none. */
export type DrafterChoice =
  | { readonly kind: 'engine'; readonly engine: Engine }
  | { readonly kind: 'suffix'; readonly limits?: SuffixGuessLimits }
  | { readonly kind: 'none' }
  /** A drafter of the caller's own; see DrafterFacts. Default of `sequencesMax`: 1. */
  | {
      readonly kind: 'custom';
      readonly make: DrafterFactory;
      readonly contextLength: number;
      readonly sequencesMax?: number;
    };

/** How a client reaches its server, and what drafts. */
export interface ConnectOptions {
  /** ws: or wss: address of the server. */
  readonly url: string;
  readonly drafter: DrafterChoice;
  /** Turns ids into text. Default: the drafting engine's; without any, tokens have no text. */
  readonly vocabulary?: Vocabulary;
  /** Shown with the upgrade. Refused over ws: to another machine. */
  readonly key?: string;
  /** For wss: addresses. */
  readonly tls?: DeviceTls;
  /** Shows the key over ws: to other machines as well. */
  readonly insecureKeyInClear?: boolean;
  /** For the server's logs. */
  readonly name?: string;
  /** The default of every answer. With `provisional` or `draft-only` the server may be missing. */
  readonly fallback?: Fallback;
  /**
   * Default: 500 ms of patience with the target, 60 s with the link, 5 s with a verdict and 10 s
   * with a silent link, a ping each 2 s, pauses of 250 ms to 10 s between dials.
   */
  readonly timing?: Partial<Timing>;
  /**
   * What is drafted for outcomes that verdicts may bring; `tokensMax: 0` spares a battery. Default:
   * 24 tokens of at least a chance of 0.01, with 3 runners-up and hints, and none in race.
   */
  readonly ahead?: Partial<AheadBudget>;
  /** Hides lengths and times of messages, both ways. Default: off. */
  readonly shaping?: Partial<TrafficShaping>;
  /** Replaces WebSocket. @param signal aborts when the link is no longer wanted. */
  readonly dial?: (url: string, signal: AbortSignal) => Promise<Transport>;
  readonly clock?: Clock;
  /** Called when the link is lost and when it is back. */
  readonly onLink?: (news: LinkNotice) => void;
  readonly signal?: AbortSignal;
}

/** News of the link: the server welcomed this device, the link went down, or the client gave up. */
export type LinkNotice =
  | {
      readonly kind: 'welcomed';
      readonly modelName: string;
      /** Most tokens of one answer, its prompt included. */
      readonly contextLength: number;
      readonly seesPictures: boolean;
    }
  | { readonly kind: 'down'; readonly reason: string }
  /** Every answer has failed with the error, and nothing is tried again. */
  | { readonly kind: 'gave-up'; readonly error: PilotfishError };

export const timingDefaults: Timing = {
  disconnectGraceMs: 500,
  awayMaxMs: 60_000,
  verdictTimeoutMs: 5_000,
  linkTimeoutMs: 10_000,
  pingMs: 2_000,
  backoffMinMs: 250,
  backoffMaxMs: 10_000,
};

/** Longest text that look-up drafting follows. */
const suffixContext = limits.promptTokens.value;

/**
 * Connects to a server. Any number of answers can be written over one client, at once or one after
 * another.
 *
 * @returns a client once the server has said welcome; with a fallback that can do without, also
 *   when it is away.
 * @throws PilotfishError `vocabulary-mismatch`, `server-unreachable`, `server-refused`,
 *   `protocol-violated`, `cancelled`, or `usage` where the key would go out in clear.
 *
 * @example
 * ```ts
 * import { bundledModel, connect, loadLlamaEngine, plainSampling, startServer } from 'pilotfish';
 *
 * // The server; on another machine as a rule.
 * const target = await loadLlamaEngine({ modelPath: bundledModel('stories-target') });
 * const server = await startServer({ engine: target, port: 0 });
 *
 * const engine = await loadLlamaEngine({ modelPath: bundledModel('stories-draft') });
 * const client = await connect({ url: server.address, drafter: { kind: 'engine', engine } });
 * const prompt = 'The old clock';
 * const answer = client.generate({ prompt, sampling: plainSampling, tokensMax: 32 });
 * for await (const piece of answer) {
 *   if (piece.kind === 'token') process.stdout.write(piece.text);
 * }
 * const { tokens, statistics } = await answer.result;
 * tokens.length === statistics.tokenCount; // = true
 *
 * await client.close();
 * await server.close();
 * await Promise.all([engine.close(), target.close()]);
 * ```
 */
export async function connect(options: ConnectOptions): Promise<Client> {
  if (options.dial === undefined) checkKeyInClear(options.url, options);
  const client = new LinkedClient(options);
  try {
    await client.whenReady(options.signal);
  } catch (reason) {
    await client.close();
    throw reason;
  }
  return client;
}

/** A link to a server, made by `connect`, and the answers that are asked for over it. */
export interface Client {
  /** Name of the target model; null before a server was reached. */
  readonly modelName: string | null;
  /** Most tokens of one answer, its prompt included; null before a server was reached. */
  readonly contextLength: number | null;
  /** Whether prompts may hold pictures; false before a server was reached. */
  readonly seesPictures: boolean;
  /** Whether a server can be asked at this moment. */
  readonly isLinked: boolean;
  /** Answers that are being generated. */
  readonly answerCount: number;

  /**
   * Starts an answer.
   *
   * @throws PilotfishError `usage`, `prompt-empty`, `sampling-invalid`, `format-invalid` or
   *   `token-out-of-range` for bad options. What goes wrong later rejects the iteration and
   *   `Answer.result`.
   */
  generate(options: GenerateOptions): Answer;

  /** Ends every answer as cancelled and the connection; the drafting engine stays open. */
  close(): Promise<void>;
}

class LinkedClient implements Client {
  readonly #device: Device;
  readonly #options: ConnectOptions;
  readonly #vocabulary: Vocabulary | null;
  readonly #formats: FormatChecker | null;
  readonly #answers = new Map<AnswerId, AnswerStream>();
  readonly #ready: Promise<void>;
  #settleReady: (error: PilotfishError | null) => void = () => undefined;
  #cancelGrace: () => void = () => undefined;
  #nextAnswer = 0;
  #modelName: string | null = null;
  #contextLength: number | null = null;
  #seesPictures = false;
  #isLinked = false;

  constructor(options: ConnectOptions) {
    this.#options = options;
    this.#vocabulary = vocabularyOf(options);
    this.#formats = this.#vocabulary && new FormatChecker(this.#vocabulary);
    const clock = options.clock ?? wallClock;
    this.#ready = new Promise((resolve, reject) => {
      this.#settleReady = (error) => (error === null ? resolve() : reject(error));
    });
    this.#ready.catch(() => undefined);
    this.#device = new Device({
      settings: settingsOf(options, this.#vocabulary),
      makeDrafter: drafterFactoryOf(options),
      dial: dialOf(options),
      clock,
      tell: (news) => this.#hear(news),
    });
    this.#device.start();
    if (!keepsTrying(options)) return;
    // A host that drops packets stays silent for long; answers can begin without it.
    const disconnectGraceMs = options.timing?.disconnectGraceMs ?? timingDefaults.disconnectGraceMs;
    this.#cancelGrace = clock.at(clock.now() + disconnectGraceMs, () => this.#settleReady(null));
  }

  /** Resolves once answers can be asked for. */
  async whenReady(signal?: AbortSignal): Promise<void> {
    if (signal === undefined) return this.#ready;
    const cancelled = new PilotfishError('cancelled', 'stopped by the caller');
    if (signal.aborted) throw cancelled;
    const onAbort = (): void => this.#settleReady(cancelled);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await this.#ready;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  get modelName(): string | null {
    return this.#modelName;
  }

  get contextLength(): number | null {
    return this.#contextLength;
  }

  get seesPictures(): boolean {
    return this.#seesPictures;
  }

  get isLinked(): boolean {
    return this.#isLinked;
  }

  get answerCount(): number {
    return this.#device.answerCount;
  }

  generate(options: GenerateOptions): Answer {
    const request = requestOf(options, {
      hasDrafter: this.#options.drafter.kind !== 'none',
      fallback: this.#options.fallback ?? 'wait',
      vocabulary: this.#vocabulary,
      formats: this.#formats,
    });
    const id = this.#nextAnswer++;
    const answer = new AnswerStream({
      vocabulary: this.#vocabulary,
      stops: options.stops ?? [],
      endsUnverified: request.fallback === 'draft-only',
      cancel: () => this.#device.feed({ kind: 'cancel', answer: id }),
    });
    this.#answers.set(id, answer);
    this.#device.feed({ kind: 'generate', answer: id, request });
    answer.follow(options.signal);
    return answer;
  }

  async close(): Promise<void> {
    this.#cancelGrace();
    await this.#device.close();
    this.#settleReady(new PilotfishError('cancelled', 'the client was closed'));
  }

  #hear(news: DeviceNotice): void {
    switch (news.kind) {
      case 'welcomed':
        this.#modelName = news.modelName;
        this.#contextLength = news.contextLength;
        this.#seesPictures = news.seesPictures;
        this.#isLinked = true;
        this.#settleReady(null);
        break;
      case 'gave-up':
        this.#isLinked = false;
        this.#settleReady(news.error);
        break;
      case 'down':
        this.#isLinked = false;
        if (keepsTrying(this.#options)) this.#settleReady(null);
        break;
      default:
        this.#hearAnswer(news);
        return;
    }
    this.#options.onLink?.(news);
  }

  #hearAnswer(news: AnswerEffect): void {
    this.#answers.get(news.answer)?.take(news);
    if (news.kind === 'ended' || news.kind === 'failed') this.#answers.delete(news.answer);
  }
}

const keepsTrying = ({ fallback }: ConnectOptions): boolean =>
  fallback === 'provisional' || fallback === 'draft-only';

function vocabularyOf({ vocabulary, drafter }: ConnectOptions): Vocabulary | null {
  return vocabulary ?? (drafter.kind === 'engine' ? drafter.engine.info.vocabulary : null);
}

function drafterFactoryOf({ drafter }: ConnectOptions): DrafterFactory | null {
  switch (drafter.kind) {
    case 'engine':
      return engineDrafter(drafter.engine);
    case 'suffix':
      return suffixDrafter(queueMicrotask, suffixContext, drafter.limits);
    case 'none':
      return null;
    case 'custom':
      return drafter.make;
    default:
      return unreachable(drafter);
  }
}

function drafterFactsOf({ drafter }: ConnectOptions): DrafterFacts | null {
  switch (drafter.kind) {
    case 'engine': {
      const { contextLength } = drafter.engine.info;
      return { contextLength, sequencesMax: sequencesMaxOf(drafter.engine.info) };
    }
    case 'suffix':
      return { contextLength: suffixContext, sequencesMax: 1 };
    case 'none':
      return null;
    case 'custom':
      return { sequencesMax: 1, ...drafter };
    default:
      return unreachable(drafter);
  }
}

function settingsOf(options: ConnectOptions, vocabulary: Vocabulary | null): DeviceCoreSettings {
  return {
    // Over WebSocket the upgrade carries it.
    key: options.dial === undefined ? '' : (options.key ?? ''),
    name: options.name ?? '',
    vocabulary,
    drafter: drafterFactsOf(options),
    endOfText: vocabulary?.endOfText ?? new Set(),
    ahead: fullAhead(options.ahead),
    shaping: fullShaping(options.shaping),
    keepsTrying: keepsTrying(options),
    ...timingDefaults,
    ...options.timing,
    chance: () => randomBytes(4).readUInt32LE() / 2 ** 32,
  };
}

function dialOf(options: ConnectOptions): DeviceOptions['dial'] {
  const { url, dial, timing } = options;
  const timeoutMs = timing?.linkTimeoutMs ?? timingDefaults.linkTimeoutMs;
  const open =
    dial ?? ((address, signal) => dialWebSocket(address, { ...options, timeoutMs }, signal));
  return async (alternative, signal) => {
    const address = alternative ?? url;
    try {
      if (alternative !== null) checkAlternative(url, alternative);
      return await open(address, signal);
    } catch (cause) {
      throw new Error(`no server answers at ${address}: ${dialMessage(cause)}`, { cause });
    }
  };
}
