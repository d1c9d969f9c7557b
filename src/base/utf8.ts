// UTF-8 in pieces: bytes of a text arrive token by token, and a token may end inside a character.

/** The part of the WHATWG decoder used here; Node and every browser have it, the pure layers lack its type. */
declare const TextDecoder: new (
  label: 'utf-8',
) => { decode(bytes?: Uint8Array, options?: { stream: boolean }): string };

export class Utf8Stream {
  readonly #decoder = new TextDecoder('utf-8');

  /** Text that is complete with these bytes; bytes of an unfinished character wait. Never throws. */
  push(bytes: Uint8Array): string {
    return this.#decoder.decode(bytes, { stream: true });
  }

  /** What was left waiting, as replacement characters; the stream is empty again afterwards. */
  end(): string {
    return this.#decoder.decode();
  }
}
