// Collects the bytes of one picture of an Open, in order, and checks that they are what the Open
// has announced.

import { createHash, type Hash } from 'node:crypto';
import { PilotfishError } from '../../base/error.js';
import type { PictureRef } from '../../protocol/frame.js';

export class Upload {
  readonly name: string;
  readonly #length: number;
  readonly #parts: Uint8Array[] = [];
  /** Fed part by part: a whole picture at once would hold the event loop up. */
  readonly #hash: Hash = createHash('sha256');
  #received = 0;
  #settle: { resolve(file: Uint8Array): void; reject(reason: PilotfishError): void } | null = null;
  readonly #file: Promise<Uint8Array>;

  /** @param begun bytes that came on an earlier connection. */
  constructor({ hash, bytes }: PictureRef, begun: Uint8Array | null) {
    this.name = nameOfHash(hash);
    this.#length = bytes;
    this.#file = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.#file.catch(() => undefined);
    if (begun !== null) this.add(0, begun);
  }

  /** Bytes that have come; the next part begins there. */
  get received(): number {
    return this.#received;
  }

  get isWhole(): boolean {
    return this.#received === this.#length;
  }

  /** The whole file, once it has come. Rejects as `add` throws, or with what `end` is given. */
  get file(): Promise<Uint8Array> {
    return this.#file;
  }

  /**
   * Takes a part. One that came before is ignored: it was sent before the device knew.
   *
   * @returns bytes that it has brought.
   */
  add(offset: number, data: Uint8Array): number {
    if (offset + data.length <= this.#received) return 0;
    if (offset !== this.#received) {
      this.end(invalid(`a part from ${offset} on, where ${this.#received} bytes are there`));
      return 0;
    }
    if (offset + data.length > this.#length) {
      this.end(invalid(`${offset + data.length} bytes of ${this.#length}`));
      return 0;
    }
    this.#parts.push(data);
    this.#hash.update(data);
    this.#received += data.length;
    if (this.isWhole) this.#conclude();
    return data.length;
  }

  #conclude(): void {
    if (this.#hash.digest('base64') === this.name) this.#settle?.resolve(this.begun);
    else this.end(invalid('bytes of another hash than announced'));
  }

  /** All that has come by now. */
  get begun(): Uint8Array {
    return Buffer.concat(this.#parts);
  }

  /** Nobody waits for it any more, or it failed. */
  end(reason: PilotfishError): void {
    this.#settle?.reject(reason);
    this.#settle = null;
  }
}

/** As the eyes name files. */
export const nameOfHash = (hash: Uint8Array): string => Buffer.from(hash).toString('base64');

const invalid = (what: string): PilotfishError =>
  new PilotfishError('picture-invalid', `the device sent ${what}`);
