// Defines the vocabulary interface: text to token ids and back, and the fingerprint that compares
// two models. Synchronous, and usable while the engine computes.

/** A model's tokens: text to ids and back. Synchronous, and usable while the engine computes. */
export interface Vocabulary {
  readonly size: number;
  /** Start-of-text token of prompts, or null. */
  readonly bos: number | null;
  /** The model's own end token, for its chat template, or null; one of `endOfText`. */
  readonly eos: number | null;
  /** Tokens that end a text. */
  readonly endOfText: ReadonlySet<number>;
  /**
   * Whether `tokenize` puts a space before a text; detokenising the whole text then gives it back.
   */
  readonly addsSpacePrefix: boolean;
  /** Digest of size, all token texts and kinds, and the special ids. Equal: interchangeable. */
  readonly fingerprint: string;
  /** Most bytes that one token adds to a text, >= 1. */
  readonly longestTokenBytes: number;

  /**
   * Ids of a text.
   *
   * @param options.addBos put the start token first if the model wants one.
   * @param options.parseSpecial read the text of special tokens as the tokens (chat templates), not
   *   as letters (user text).
   * @returns [n], owned by the caller.
   */
  tokenize(text: string, options: { addBos: boolean; parseSpecial: boolean }): Int32Array;

  /**
   * As `tokenize`, on another thread: the caller's goes on. Absent: there is no other thread. The
   * engine's `close` waits for it.
   *
   * @param utf8 the text's bytes, which must not change meanwhile.
   */
  tokenizeAside?(
    utf8: Uint8Array,
    options: { addBos: boolean; parseSpecial: boolean },
  ): Promise<Int32Array>;

  /** Raw text of a token as stored in the model, for messages and comparison. */
  tokenText(token: number): string;

  /**
   * Bytes that a token adds to a text; empty for control tokens. May be part of a UTF-8 character.
   */
  tokenBytes(token: number): Uint8Array;
}
