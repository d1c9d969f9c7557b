// Tokenises the texts of prompts: short ones at once, long ones on another thread, each key in its
// turn and at its own expense.

import { PilotfishError } from '../../base/error.js';
import type { Vocabulary } from '../../engine/vocabulary.js';
import { FairQueue } from '../../threads/fair-queue.js';
import type { BytesPiece } from './messages.js';
import type { TextPiece } from './prompt-text.js';

/** Letters of a prompt that are rendered and tokenised at once, in 1 to 4 ms of a slow core. */
export const shortLetters = 2_048;
/** Beyond it the caller gets its refusal; the call of llama.cpp cannot be ended, and goes on. */
const tokenizeMsMax = 10_000;
/** Half a thread for a key, 500 kB of text a second. */
const terms = { runnersMax: 2, waitingMax: 64, burstMs: 5_000, share: 0.5 };

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class Tokenizing {
  readonly #vocabulary: Vocabulary;
  readonly #queue = new FairQueue({
    ...terms,
    now: () => performance.now(),
    wait: (ms, then) => {
      setTimeout(then, ms).unref();
    },
  });

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
  }

  /**
   * The ids of each text, tokenised by itself as mtmd does.
   *
   * @throws PilotfishError `prompt-too-long` where it takes too long, `server-busy` where too much
   *   of the key waits.
   */
  async ids(
    pieces: readonly (TextPiece | BytesPiece)[],
    key: string | null,
  ): Promise<Int32Array[]> {
    const made: Int32Array[] = [];
    for (const piece of pieces) {
      const { options } = piece;
      const length = 'text' in piece ? piece.text.length : piece.utf8.length;
      if (length === 0 && !options.addBos) made.push(new Int32Array(0));
      else if (length <= shortLetters) {
        made.push(this.#vocabulary.tokenize(textOf(piece), options));
      } else made.push(await this.#aside(piece, key));
    }
    return made;
  }

  async #aside(piece: TextPiece | BytesPiece, key: string | null): Promise<Int32Array> {
    const vocabulary = this.#vocabulary;
    const { options } = piece;
    if (vocabulary.tokenizeAside === undefined) return vocabulary.tokenize(textOf(piece), options);
    return within(tokenizeMsMax, (refuse) =>
      this.#queue.run(key, () => {
        const utf8 = 'text' in piece ? encoder.encode(piece.text) : piece.utf8;
        const call = vocabulary.tokenizeAside!(utf8, options);
        refuse(call);
        return call;
      }),
    );
  }
}

const textOf = (piece: TextPiece | BytesPiece): string =>
  'text' in piece ? piece.text : decoder.decode(piece.utf8);

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
