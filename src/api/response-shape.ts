// Writes the JSON that all bodies and chunks share, and defines what an endpoint adds. The fixed
// part of a chunk is made once, because chunks are most of the cost of a streamed token here.

import type { Delta } from './generator.js';
import type { UsageReport } from './usage.js';

/** How an endpoint writes its bodies and chunks. Strings are JSON. */
export interface ResponseShape {
  /** `object` of a body, and of a chunk. */
  readonly object: string;
  readonly chunkObject: string;
  readonly idPrefix: string;
  /** First chunk of a choice, before any token; null: none. */
  opening(index: number): string | null;
  delta(index: number, text: string, logprobs: string): string;
  finish(index: number, reason: string): string;
  /** One choice of a body. */
  choice(index: number, text: string, logprobs: string, reason: string): string;
  /**
   * Log-probabilities of deltas that have them.
   *
   * @param offset UTF-16 units of the choice's text before them.
   */
  logprobs(deltas: readonly Delta[], offset: number, tokenBytes: BytesOfToken): string;
}

export type BytesOfToken = (token: number) => Uint8Array | null;

/** Fields that all chunks of an answer share. */
export interface ResponseHead {
  readonly id: string;
  readonly createdS: number;
  readonly model: string;
  readonly fingerprint: string;
}

/** `{"id":...,"choices":[` without the rest. */
function beginning(object: string, { id, createdS, model, fingerprint }: ResponseHead): string {
  const fields = { id, object, created: createdS, model, system_fingerprint: fingerprint };
  return `${JSON.stringify(fields).slice(0, -1)},"choices":[`;
}

/** Makes the chunks of one streamed answer. */
export class ChunkWriter {
  readonly #begin: string;
  readonly #end: string;

  /** @param includesUsage whether the last chunk has usage; the others then have null. */
  constructor(format: ResponseShape, heading: ResponseHead, includesUsage: boolean) {
    this.#begin = `data: ${beginning(format.chunkObject, heading)}`;
    this.#end = includesUsage ? '],"usage":null}\n\n' : ']}\n\n';
  }

  /** @param choice JSON of one choice. */
  chunk(choice: string): string {
    return this.#begin + choice + this.#end;
  }

  /** The chunk without choices that ends a stream with usage. */
  usage(cost: UsageReport): string {
    return `${this.#begin}],${JSON.stringify(cost).slice(1)}\n\n`;
  }
}

/** The body of an answer that is not streamed. @param choices JSON of each. */
export function bodyOf(
  format: ResponseShape,
  heading: ResponseHead,
  choices: readonly string[],
  cost: UsageReport,
): string {
  const begin = beginning(format.object, heading);
  return `${begin}${choices.join(',')}],${JSON.stringify(cost).slice(1)}`;
}

/** Text of a single token; bytes of half a character become U+FFFD. */
export function tokenName(bytes: Uint8Array | null, token: number): string {
  return bytes === null ? `<${token}>` : Buffer.from(bytes).toString('utf8');
}
