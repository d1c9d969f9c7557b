// Prepares what is expensive of an Open before the core hears of it: compiles its schema, renders
// its chat, tokenises its text, has its pictures seen. All of it on other threads, each key in its
// turn and at its own expense. What is short or known is done at once.

import { PilotfishError, toPilotfishError } from '../../base/error.js';
import type { EngineInfo } from '../../engine/engine.js';
import { checkEnds } from '../../grammar/format-checker.js';
import { grammarLimits } from '../../grammar/grammar-limits.js';
import type { PicturePlace } from '../../pictures/prompt-picture.js';
import type { Prompt } from '../../protocol/frame.js';
import type { PreparedOpen } from '../core/prepared-open.js';
import type { ServerEyes } from '../eyes/server-eyes.js';
import {
  type BytesPiece,
  type DecodedAside,
  errorOf,
  type Refused,
  type Rendered,
} from './messages.js';
import { PreparationThread } from './preparation-thread.js';
import { joinedIds, type PreparedPicture } from './prepared-picture.js';
import { type PromptText, promptText, type TextPiece, type TextPrompt } from './prompt-text.js';
import { type KnownSchema, SchemaStore } from './schema-store.js';
import { shortLetters, Tokenizing } from './tokenizing.js';

const shortMessages = 16;

type Ids = Int32Array | PilotfishError;
type Made<T> = T | Promise<T>;
type MadePrompt = Pick<PreparedOpen, 'prompt' | 'hold'>;
type AnyText = PromptText<TextPiece | BytesPiece>;

/** The parts of an Open, or of a plain request, that are prepared. */
export interface PreparationRequest {
  readonly prompt: Prompt;
  readonly schema?: string | null;
  /** Empty or absent: there are none. */
  readonly pictures?: readonly PreparedPicture[];
  /** The texts of a long frame's prompt, which is empty itself; null or absent: it is whole. */
  readonly rendered?: Rendered | null;
}

export class Preparation {
  readonly #info: EngineInfo;
  readonly #eyes: ServerEyes | null;
  readonly #thread: PreparationThread;
  readonly #tokenizing: Tokenizing;
  readonly #schemas = new SchemaStore();
  /** Choices of one request share their prompt. */
  readonly #prompts = new WeakMap<TextPrompt, Promise<Ids>>();
  /** By key and schema. */
  readonly #compiling = new Map<string | null, Map<string, Promise<KnownSchema>>>();

  /** @param eyes null: pictures are refused. */
  constructor(info: EngineInfo, eyes: ServerEyes | null = null) {
    this.#info = info;
    this.#eyes = eyes;
    // Reads all tokens, once.
    void info.vocabulary.longestTokenBytes;
    this.#thread = new PreparationThread(info);
    this.#tokenizing = new Tokenizing(info.vocabulary);
  }

  /** Ends the thread. */
  close(): Promise<void> {
    return this.#thread.close();
  }

  /**
   * Decodes a frame that is too long to be decoded at once, and makes its prompt into texts.
   *
   * @param bytes handed over: the caller may not use them any more.
   * @throws PilotfishError where too much of the key waits, or it takes too long.
   */
  async decode(bytes: Uint8Array, key: string | null): Promise<DecodedAside> {
    const { buffer, byteLength } = bytes;
    const isWhole = buffer instanceof ArrayBuffer && byteLength === buffer.byteLength;
    const moved = isWhole ? [buffer as ArrayBuffer] : [];
    return (await this.#thread.ask({ kind: 'decode', bytes }, key, moved)) as DecodedAside;
  }

  /**
   * The prepared parts of an Open; at once where nothing in it takes long. Never rejects.
   *
   * @param key id of the caller's key; null: none is asked for.
   * @param signal aborts the wait for pictures.
   * @returns with pictures, a `hold` of them that its receiver has to release.
   */
  prepare(
    request: PreparationRequest,
    key: string | null,
    signal?: AbortSignal,
  ): Made<PreparedOpen> {
    const { schema = null, pictures = [] } = request;
    const made =
      pictures.length > 0
        ? this.#withPictures(request, pictures, key, signal)
        : this.#withoutPictures(request, key);
    const format = schema === null ? null : this.#formatOf(schema, key);
    if (!(made instanceof Promise || format instanceof Promise)) return { ...made, format };
    return Promise.all([made, format]).then(([parts, known]) => ({ ...parts, format: known }));
  }

  #withoutPictures(request: PreparationRequest, key: string | null): Made<MadePrompt> {
    const { prompt, rendered = null } = request;
    if (prompt.kind === 'ids' || (rendered === null && isShort(prompt))) return { prompt: null };
    const made = this.#prompts.get(prompt) ?? this.#longIds(prompt, rendered, key);
    if (made instanceof PilotfishError) return { prompt: made };
    this.#prompts.set(prompt, made);
    return made.then((ids) => ({ prompt: ids }));
  }

  /** At once where a text cannot fit. */
  #longIds(
    prompt: TextPrompt,
    rendered: Rendered | null,
    key: string | null,
  ): PilotfishError | Promise<Ids> {
    try {
      const text = this.#textOf(prompt, rendered, [], key);
      return this.#firstIds(text, key);
    } catch (reason) {
      return toPilotfishError(reason, 'engine-failed');
    }
  }

  async #firstIds(text: Made<AnyText>, key: string | null): Promise<Ids> {
    try {
      const { pieces } = await text;
      return (await this.#tokenizing.ids(pieces, key))[0]!;
    } catch (reason) {
      return toPilotfishError(reason, 'engine-failed');
    }
  }

  async #withPictures(
    { prompt, rendered = null }: PreparationRequest,
    pictures: readonly PreparedPicture[],
    key: string | null,
    signal?: AbortSignal,
  ): Promise<MadePrompt> {
    try {
      const eyes = this.#eyes;
      if (eyes === null) throw unseen(this.#info);
      if (prompt.kind === 'ids') {
        throw new PilotfishError('picture-invalid', 'pictures stand in messages, not among ids');
      }
      // First what is cheap: a prompt that is refused has nothing encoded.
      const { pieces, order } = await this.#textOf(prompt, rendered, pictures, key);
      const words = await this.#tokenizing.ids(pieces, key);
      const files = pictures.map(({ bytes }) => bytes);
      const { hold, pictures: seen } = await eyes.see(files, key, signal);
      try {
        return { prompt: joinedIds(words, order, seen), hold };
      } catch (reason) {
        eyes.release(hold);
        throw reason;
      }
    } catch (reason) {
      return { prompt: toPilotfishError(reason, 'engine-failed') };
    }
  }

  /**
   * The texts of a prompt; at once where making them is quick.
   *
   * @param rendered on the thread already; null: not yet.
   */
  #textOf(
    prompt: TextPrompt,
    rendered: Rendered | null,
    pictures: readonly PicturePlace[],
    key: string | null,
  ): Made<AnyText> {
    if (rendered !== null) return textIn(rendered);
    // Rendering takes long, a text is only measured.
    const isQuick = prompt.kind === 'text' || isShort(prompt);
    if (isQuick) return promptText(prompt, pictures, this.#info);
    const places = pictures.map(({ message, at }) => ({ message, at }));
    const reply = this.#thread.ask({ kind: 'render', prompt, places }, key);
    return reply.then((made) => textIn(made as Rendered));
  }

  #formatOf(schema: string, key: string | null): Made<KnownSchema> {
    if (schema.length > grammarLimits.schemaBytes) {
      const message = `the schema at #: longer than ${grammarLimits.schemaBytes} bytes`;
      return new PilotfishError('format-invalid', message);
    }
    const known = this.#schemas.get(key, schema) ?? this.#compiling.get(key)?.get(schema);
    if (known !== undefined) return known;
    const running = this.#compiling.get(key) ?? new Map<string, Promise<KnownSchema>>();
    this.#compiling.set(key, running);
    const made = this.#compiled(schema, key).finally(() => {
      running.delete(schema);
      if (running.size === 0) this.#compiling.delete(key);
    });
    running.set(schema, made);
    return made;
  }

  async #compiled(schema: string, key: string | null): Promise<KnownSchema> {
    try {
      checkEnds(this.#info.vocabulary);
      const reply = await this.#thread.ask({ kind: 'compile', schema }, key);
      const known = reply.kind === 'compiled' ? reply.schema : errorOf(reply as Refused);
      this.#schemas.set(key, schema, known);
      return known;
    } catch (reason) {
      // Not kept: it may come from a busy moment.
      return toPilotfishError(reason, 'engine-failed');
    }
  }
}

function textIn(rendered: Rendered): AnyText {
  if (rendered.kind === 'refused') throw errorOf(rendered);
  return rendered.text;
}

const unseen = ({ modelName }: EngineInfo): PilotfishError =>
  new PilotfishError('picture-unseen', `${modelName} takes no pictures here`);

function isShort(prompt: TextPrompt): boolean {
  if (prompt.kind === 'text') return prompt.text.length <= shortLetters;
  const { messages } = prompt;
  if (messages.length > shortMessages) return false;
  return messages.reduce((sum, { content }) => sum + content.length, 0) <= shortLetters;
}
