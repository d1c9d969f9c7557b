// Prepares what is expensive of an Open before the core hears of it: compiles its schema, renders
// its chat, tokenises its text, has its pictures seen. All of it on other threads, each key in its
// turn and at its own expense. What is short or known is done at once.

import { PilotfishError, toPilotfishError } from '../../base/error.js';
import { renderChat } from '../../engine/chat-template.js';
import type { EngineInfo } from '../../engine/engine.js';
import { checkEnds, singleBytes } from '../../grammar/format-checker.js';
import { grammarLimits } from '../../grammar/grammar-limits.js';
import type { Prompt } from '../../protocol/frame.js';
import { FairQueue } from '../../threads/fair-queue.js';
import { SideThread } from '../../threads/side-thread.js';
import type { PreparedOpen } from '../core/prepared-open.js';
import type { SeenPicture } from '../eyes/seen-picture.js';
import type { ServerEyes } from '../eyes/server-eyes.js';
import { checkFits, type TokenizeOptions, tokenizeOptions } from '../prompt.js';
import { errorOf, type ThreadModel, type ThreadReply, type ThreadRequest } from './messages.js';
import { PictureMarks } from './picture-marks.js';
import { joinedIds, type PreparedPicture } from './prepared-picture.js';
import { type KnownSchema, SchemaStore } from './schema-store.js';

/** Letters of a prompt that are rendered and tokenised at once, in 1 to 4 ms of a slow core. */
const shortLetters = 2_048;
const shortMessages = 16;
/** A schema at the limits takes 80 ms, and 1 000 of a slow and busy core. */
const threadMsMax = 4_000;
/** Beyond it the caller gets its refusal; the call of llama.cpp cannot be ended, and goes on. */
const tokenizeMsMax = 10_000;

/** Compiling and rendering: a fifth of one thread for a key, after ten of the largest schemas. */
const threadTerms = { runnersMax: 1, waitingMax: 64, burstMs: 2_000, share: 0.2 };
/** Tokenising: half a thread for a key, 500 kB of text a second. */
const textTerms = { runnersMax: 2, waitingMax: 64, burstMs: 5_000, share: 0.5 };
const clock = {
  now: () => performance.now(),
  wait: (ms: number, then: () => void) => {
    setTimeout(then, ms).unref();
  },
};

type Ids = Int32Array | PilotfishError;
type TextPrompt = Exclude<Prompt, { kind: 'ids' }>;
type Made<T> = T | Promise<T>;
type MadePrompt = Pick<PreparedOpen, 'prompt' | 'hold'>;

/** The parts of an Open, or of a plain request, that are prepared. */
export interface PreparationRequest {
  readonly prompt: Prompt;
  readonly schema?: string | null;
  /** Empty or absent: there are none. */
  readonly pictures?: readonly PreparedPicture[];
}

export class Preparation {
  readonly #info: EngineInfo;
  readonly #eyes: ServerEyes | null;
  readonly #threadQueue = new FairQueue({ ...threadTerms, ...clock });
  readonly #textQueue = new FairQueue({ ...textTerms, ...clock });
  readonly #schemas = new SchemaStore();
  /** Choices of one request share their prompt. */
  readonly #prompts = new WeakMap<TextPrompt, Promise<Ids>>();
  /** By key and schema. */
  readonly #compiling = new Map<string | null, Map<string, Promise<KnownSchema>>>();
  #thread: SideThread<ThreadRequest, ThreadReply> | null = null;

  /** @param eyes null: pictures are refused. */
  constructor(info: EngineInfo, eyes: ServerEyes | null = null) {
    this.#info = info;
    this.#eyes = eyes;
  }

  /**
   * The prepared parts of an Open; at once where nothing in it takes long. Never rejects.
   *
   * @param key id of the caller's key; null: none is asked for.
   * @param signal aborts the wait for pictures.
   * @returns with pictures, a `hold` of them that its receiver has to release.
   */
  prepare(
    { prompt, schema, pictures = [] }: PreparationRequest,
    key: string | null,
    signal?: AbortSignal,
  ): Made<PreparedOpen> {
    const made =
      pictures.length > 0
        ? this.#withPictures(prompt, pictures, key, signal)
        : this.#withoutPictures(prompt, key);
    const format = (schema ?? null) === null ? null : this.#formatOf(schema!, key);
    if (!(made instanceof Promise || format instanceof Promise)) return { ...made, format };
    return Promise.all([made, format]).then(([parts, known]) => ({ ...parts, format: known }));
  }

  #withoutPictures(prompt: Prompt, key: string | null): Made<MadePrompt> {
    const ids = prompt.kind === 'ids' ? null : this.#idsOf(prompt, key);
    return ids instanceof Promise ? ids.then((made) => ({ prompt: made })) : { prompt: ids };
  }

  async #withPictures(
    prompt: Prompt,
    pictures: readonly PreparedPicture[],
    key: string | null,
    signal?: AbortSignal,
  ): Promise<MadePrompt> {
    try {
      const eyes = this.#eyes;
      if (eyes === null) throw unseen(this.#info);
      // First what is cheap: a prompt that is refused has nothing encoded.
      const join = await this.#joinOf(prompt, pictures, key);
      const files = pictures.map(({ bytes }) => bytes);
      const { hold, pictures: seen } = await eyes.see(files, key, signal);
      try {
        return { prompt: join(seen), hold };
      } catch (reason) {
        eyes.release(hold);
        throw reason;
      }
    } catch (reason) {
      return { prompt: toPilotfishError(reason, 'engine-failed') };
    }
  }

  /** Makes the ids of a prompt's words, and what puts its pictures between them. */
  async #joinOf(
    prompt: Prompt,
    pictures: readonly PreparedPicture[],
    key: string | null,
  ): Promise<(seen: readonly SeenPicture[]) => Int32Array> {
    if (prompt.kind !== 'messages') {
      const why = `pictures stand in messages, and the prompt is ${prompt.kind}`;
      throw new PilotfishError('picture-invalid', why);
    }
    const marks = new PictureMarks();
    const messages = marks.placed(prompt.messages, pictures);
    const rendered = await this.#rendered({ kind: 'messages', messages }, key);
    const { texts, order } = marks.cut(rendered, pictures.length);
    const words = await this.#words(texts, key);
    return (seen) => joinedIds(words, order, seen);
  }

  /** The ids of texts between pictures. Each is tokenised by itself, as mtmd does. */
  async #words(texts: readonly string[], key: string | null): Promise<Int32Array[]> {
    const { vocabulary, contextLength } = this.#info;
    checkFits(texts.join(''), vocabulary, contextLength);
    const words: Int32Array[] = [];
    for (const [index, text] of texts.entries()) {
      const options = tokenizeOptions({ kind: 'messages' }, text, vocabulary);
      const addBos = index === 0 && options.addBos;
      const isLong = text.length > shortLetters;
      if (isLong) words.push(await this.#tokens(text, { ...options, addBos }, key));
      else if (text === '' && !addBos) words.push(new Int32Array(0));
      else words.push(vocabulary.tokenize(text, { ...options, addBos }));
    }
    return words;
  }

  /** Ends the thread. */
  async close(): Promise<void> {
    await this.#thread?.close();
  }

  #idsOf(prompt: TextPrompt, key: string | null): Made<Ids> | null {
    if (isShort(prompt)) return null;
    const { vocabulary, contextLength } = this.#info;
    try {
      // A prompt that cannot fit is refused before any work.
      if (prompt.kind === 'text') checkFits(prompt.text, vocabulary, contextLength);
    } catch (reason) {
      return toPilotfishError(reason, 'prompt-too-long');
    }
    const known = this.#prompts.get(prompt);
    if (known !== undefined) return known;
    const made = this.#longIds(prompt, key).catch((reason) =>
      toPilotfishError(reason, 'engine-failed'),
    );
    this.#prompts.set(prompt, made);
    return made;
  }

  async #longIds(prompt: TextPrompt, key: string | null): Promise<Int32Array> {
    const { vocabulary, contextLength } = this.#info;
    const text = prompt.kind === 'text' ? prompt.text : await this.#rendered(prompt, key);
    checkFits(text, vocabulary, contextLength);
    return this.#tokens(text, tokenizeOptions(prompt, text, vocabulary), key);
  }

  async #tokens(text: string, options: TokenizeOptions, key: string | null): Promise<Int32Array> {
    const { vocabulary } = this.#info;
    if (vocabulary.tokenizeAside === undefined) return vocabulary.tokenize(text, options);
    return within(tokenizeMsMax, (refuse) =>
      this.#textQueue.run(key, () => {
        const call = vocabulary.tokenizeAside!(text, options);
        refuse(call);
        return call;
      }),
    );
  }

  async #rendered(prompt: Prompt & { kind: 'messages' }, key: string | null): Promise<string> {
    const { messages } = prompt;
    if (isShort(prompt)) {
      const { chatTemplate, vocabulary } = this.#info;
      return renderChat(chatTemplate, messages, vocabulary);
    }
    const reply = await this.#ask({ kind: 'render', messages }, key);
    if (reply.kind === 'rendered') return reply.text;
    throw errorOf(reply as ThreadReply & { kind: 'refused' });
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
      const reply = await this.#ask({ kind: 'compile', schema }, key);
      const known = reply.kind === 'compiled' ? reply.schema : errorOf(reply as never);
      this.#schemas.set(key, schema, known);
      return known;
    } catch (reason) {
      // Not kept: it may come from a busy moment.
      return toPilotfishError(reason, 'engine-failed');
    }
  }

  #ask(request: ThreadRequest, key: string | null): Promise<ThreadReply> {
    return this.#threadQueue.run(key, () => {
      this.#thread ??= new SideThread({
        script: new URL('./prepare-thread.js', import.meta.url),
        data: threadModel(this.#info),
        limitMs: threadMsMax,
        heapMiB: 256,
      });
      return this.#thread.ask(request, exceeded(request.kind));
    });
  }
}

const exceeded =
  (kind: ThreadRequest['kind']) =>
  (what: string): PilotfishError =>
    kind === 'compile'
      ? new PilotfishError('format-invalid', `the schema takes ${what} to compile`)
      : new PilotfishError('chat-template-failed', `the chat takes ${what} to render`);

/**
 * Waits for a call that nothing can end.
 *
 * @param start is given a function that starts the clock.
 */
function within<T>(
  limitMs: number,
  start: (refuse: (call: Promise<T>) => void) => Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const refuse = (call: Promise<T>): void => {
      const message = `the prompt takes more than ${limitMs} ms to tokenise`;
      const timer = setTimeout(() => {
        reject(new PilotfishError('prompt-too-long', message));
      }, limitMs);
      const stop = (): void => clearTimeout(timer);
      call.then(stop, stop);
    };
    start(refuse).then(resolve, reject);
  });
}

const unseen = ({ modelName }: EngineInfo): PilotfishError =>
  new PilotfishError('picture-unseen', `${modelName} takes no pictures here`);

function isShort(prompt: TextPrompt): boolean {
  if (prompt.kind === 'text') return prompt.text.length <= shortLetters;
  const { messages } = prompt;
  if (messages.length > shortMessages) return false;
  return messages.reduce((sum, { content }) => sum + content.length, 0) <= shortLetters;
}

function threadModel({ vocabulary, chatTemplate }: EngineInfo): ThreadModel {
  const textOf = (token: number | null): string | null =>
    token === null ? null : vocabulary.tokenText(token);
  const { bos, eos } = vocabulary;
  const writable = [...singleBytes(vocabulary)];
  return { writable, chatTemplate, bosText: textOf(bos), eosText: textOf(eos) };
}
