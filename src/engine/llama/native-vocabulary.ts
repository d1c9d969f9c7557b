// The vocabulary of a loaded llama.cpp model. Read-only calls on an immutable part of the model, so
// any thread may make them while another one decodes; after the model is freed every call is
// refused.

import { assert } from '../../base/assert.js';
import { PilotfishError } from '../../base/error.js';
import type { Vocabulary } from '../vocabulary.js';
import type { Llama } from './ffi/llama.js';
import type { Pointer } from './ffi/structs.js';
import { vocabularyFingerprint } from './vocabulary-fingerprint.js';

/** Longest piece of text one token may stand for; llama.cpp's own vocabularies stay under 1 kB. */
const tokenBytesMax = 65_536;
const encoder = new TextEncoder();
const space = 0x20;

export class NativeVocabulary implements Vocabulary {
  readonly size: number;
  readonly bos: number | null;
  readonly eos: number | null;
  readonly endOfText: ReadonlySet<number>;
  readonly addsSpacePrefix: boolean;
  readonly #llama: Llama;
  readonly #vocab: Pointer;
  readonly #isClosed: () => boolean;
  readonly #bytes = new Map<number, Uint8Array>();
  /** Calls on other threads. */
  readonly #running = new Set<Promise<number>>();
  #fingerprint: string | null = null;
  #longestTokenBytes: number | null = null;

  /** @param isClosed whether the model has been freed; asked before every native call. */
  constructor(llama: Llama, model: Pointer, isClosed: () => boolean) {
    this.#llama = llama;
    this.#vocab = llama.model_get_vocab(model);
    this.#isClosed = isClosed;
    this.size = llama.vocab_n_tokens(this.#vocab);
    const [bos, eos] = [llama.vocab_bos(this.#vocab), llama.vocab_eos(this.#vocab)];
    this.bos = bos >= 0 ? bos : null;
    this.eos = eos >= 0 ? eos : null;
    const ids = Array.from({ length: this.size }, (_, token) => token);
    this.endOfText = new Set(ids.filter((token) => llama.vocab_is_eog(this.#vocab, token)));
    const [first] = this.#tokenizeBytes(encoder.encode('a'), false);
    this.addsSpacePrefix = first !== undefined && this.#readBytes(first)[0] === space;
  }

  /** Computed on first use and kept: it reads every token. */
  get fingerprint(): string {
    this.#fingerprint ??= vocabularyFingerprint({
      size: this.size,
      bos: this.bos,
      endOfText: [...this.endOfText],
      tokenText: (token) => this.tokenText(token),
      tokenAttributes: (token) => this.#llama.vocab_get_attr(this.#vocab, token),
    });
    return this.#fingerprint;
  }

  /** As the fingerprint. The tokens themselves are not kept: a large vocabulary's take 50 MB. */
  get longestTokenBytes(): number {
    this.#longestTokenBytes ??= this.#longest();
    return this.#longestTokenBytes;
  }

  #longest(): number {
    const out = new Uint8Array(64);
    let longest = 1;
    for (let token = 0; token < this.size; token++) {
      const count = this.#llama.token_to_piece(this.#vocab, token, out, out.length, 0, false);
      longest = Math.max(longest, Math.abs(count));
    }
    return longest;
  }

  tokenize(text: string, options: { addBos: boolean; parseSpecial: boolean }): Int32Array {
    this.#check(0);
    const bytes = encoder.encode(text);
    return this.#started(this.#tokenizeBytes(bytes, options.parseSpecial), options.addBos);
  }

  async tokenizeAside(
    bytes: Uint8Array,
    options: { addBos: boolean; parseSpecial: boolean },
  ): Promise<Int32Array> {
    this.#check(0);
    const out = new Int32Array(bytes.length + 8);
    const { tokenizeAside } = this.#llama;
    const { parseSpecial } = options;
    const call = tokenizeAside(
      ...([this.#vocab, bytes, bytes.length, out, out.length, false, parseSpecial] as const),
    );
    this.#running.add(call);
    const count = await call.finally(() => this.#running.delete(call));
    // Neither may be collected before this line. A token stands for one byte at least.
    assert(count >= 0 && out.length > bytes.length, `llama_tokenize returned ${count}`);
    return this.#started(out.slice(0, count), options.addBos);
  }

  /** Waits for calls on other threads. @returns false where one still runs after `msMax`. */
  async whenIdle(msMax: number): Promise<boolean> {
    if (this.#running.size === 0) return true;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), msMax);
    });
    const idle = Promise.allSettled(this.#running).then(() => true);
    return Promise.race([idle, late]).finally(() => clearTimeout(timer));
  }

  #started(ids: Int32Array, addBos: boolean): Int32Array {
    const wantsBos = addBos && this.bos !== null && this.#llama.vocab_get_add_bos(this.#vocab);
    return wantsBos && ids[0] !== this.bos ? startingWith(this.bos!, ids) : ids;
  }

  /**
   * The start token is added by the caller, so that llama.cpp adds no end token where a model asks
   * for one.
   */
  #tokenizeBytes(bytes: Uint8Array, parseSpecial: boolean): Int32Array {
    if (bytes.length === 0) return new Int32Array(0);
    const run = (out: Int32Array): number =>
      this.#llama.tokenize(this.#vocab, bytes, bytes.length, out, out.length, false, parseSpecial);
    const first = new Int32Array(bytes.length + 8);
    const count = run(first);
    if (count >= 0) return first.slice(0, count);
    const second = new Int32Array(-count);
    const recount = run(second);
    if (recount < 0)
      throw new PilotfishError('engine-failed', `llama_tokenize returned ${recount}`);
    return second.slice(0, recount);
  }

  tokenText(token: number): string {
    this.#check(token);
    return this.#llama.vocab_get_text(this.#vocab, token);
  }

  tokenBytes(token: number): Uint8Array {
    this.#check(token);
    let bytes = this.#bytes.get(token);
    if (!bytes) {
      bytes = this.#readBytes(token);
      this.#bytes.set(token, bytes);
    }
    return bytes;
  }

  #readBytes(token: number): Uint8Array {
    const run = (out: Uint8Array): number =>
      this.#llama.token_to_piece(this.#vocab, token, out, out.length, 0, false);
    const short = new Uint8Array(64);
    const count = run(short);
    if (count >= 0) return short.slice(0, count);
    if (-count > tokenBytesMax) {
      throw new PilotfishError(
        'engine-failed',
        `token ${token} stands for ${-count} bytes, more than ${tokenBytesMax}`,
      );
    }
    const long = new Uint8Array(-count);
    return long.slice(0, Math.max(0, run(long)));
  }

  #check(token: number): void {
    if (this.#isClosed())
      throw new PilotfishError('engine-closed', 'the model of this vocabulary is closed');
    if (!Number.isInteger(token) || token < 0 || token >= this.size) {
      throw new PilotfishError('token-out-of-range', `token ${token} is outside [0, ${this.size})`);
    }
  }
}

/** Copied, not spread: a text may have more tokens than a call may have arguments. */
function startingWith(first: number, rest: Int32Array): Int32Array {
  const ids = new Int32Array(rest.length + 1);
  ids[0] = first;
  ids.set(rest, 1);
  return ids;
}
