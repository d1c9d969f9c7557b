// Lets the engine see pictures of prompts: checks and decodes each, has it encoded, and keeps the
// images while sessions use them and for the next request. A picture is encoded once for a key. All
// of it runs on other threads and processes, and the keys take turns.

import { createHash, webcrypto } from 'node:crypto';
import { assert } from '../../base/assert.js';
import { PilotfishError } from '../../base/error.js';
import type { Engine } from '../../engine/engine.js';
import { decodeChecked } from '../../pictures/decode-picture.js';
import { FairQueue } from '../../threads/fair-queue.js';
import { PictureCheck } from './picture-check.js';
import type { PictureEncoder } from './picture-encoder.js';
import { type KeptPicture, PictureTable } from './picture-table.js';
import { bytesOf, forgetAll, type SeenPicture, seeAll } from './seen-picture.js';

export interface EyesParts {
  readonly engine: Pick<Engine, 'see' | 'forget'>;
  /** Stays its owner's. */
  readonly encoder: PictureEncoder;
  /** Bytes of embeddings that the engine keeps. Default 256 MiB. */
  readonly bytesMax?: number;
  /** Milliseconds for which a picture waits for its turn. Default 30 000. */
  readonly waitMsMax?: number;
}

/** Counts of pictures. */
export interface PictureStats {
  /** Encoded since the start. */
  readonly encodedCount: number;
  /** Kept now, those being encoded included. */
  readonly keptCount: number;
  /** Of them, those that sessions hold or callers wait for. */
  readonly heldCount: number;
  /** Of the embeddings of all that are kept. */
  readonly bytes: number;
}

export const noPictureStats: PictureStats = {
  encodedCount: 0,
  keptCount: 0,
  heldCount: 0,
  bytes: 0,
};

/** A file by its name; null bytes: a claim holds its picture. */
export interface NamedFile {
  /** Its SHA-256, in base64. */
  readonly name: string;
  /** PNG, JPEG or WebP, of any content; not changed. */
  readonly bytes: Uint8Array | null;
}

/** A file whose name is found here, or one whose name is known. */
export type PictureFile = Uint8Array | NamedFile;

/** Pictures of a prompt, until `release`. */
export interface HeldPictures {
  readonly hold: number;
  /** In the order asked for. */
  readonly pictures: readonly SeenPicture[];
}

/** Larger pictures are scaled down: an encoder has a use for fewer pixels, and 3 MiB are sent. */
export const pictureSideMax = 1024;
/** Files up to here are hashed at once, in 0.3 ms of a slow core; longer ones on another thread. */
const shortBytes = 64 * 1024;

/**
 * One picture is decoded while another is encoded. A key may use all the time that others leave: it
 * holds another up by one picture.
 */
const terms = { runnersMax: 2, waitingMax: 32, burstMs: 10_000, share: 1, what: 'pictures' };

export class ServerEyes {
  readonly #parts: EyesParts;
  readonly #table: PictureTable;
  readonly #check = new PictureCheck();
  readonly #holds = new Map<number, readonly KeptPicture[]>();
  readonly #queue = new FairQueue({
    ...terms,
    now: () => performance.now(),
    wait: (ms, then) => {
      setTimeout(then, ms).unref();
    },
  });
  #nextHold = 1;
  #encodedCount = 0;
  #isClosed = false;

  constructor(parts: EyesParts) {
    this.#parts = parts;
    const { bytesMax = 256 * 2 ** 20, engine } = parts;
    this.#table = new PictureTable(bytesMax, (seen) => forgetAll(seen, engine));
  }

  get stats(): PictureStats {
    const { count: keptCount, heldCount, bytes } = this.#table;
    return { encodedCount: this.#encodedCount, keptCount, heldCount, bytes };
  }

  /**
   * Sees the pictures of a prompt, each of them for the first time only.
   *
   * @param files [n >= 1] of PNG, JPEG or WebP, of any content; not changed. Those without bytes
   *   are claimed, and stay so until the call is over.
   * @param key id of the caller's key; null: none is asked for.
   * @param signal aborts the wait; a picture that nobody waits for is not begun.
   * @throws PilotfishError `picture-invalid`, `picture-unsupported`, `picture-too-large`;
   *   `picture-decoder-missing`; `server-busy` where too many wait or are held; `engine-failed`;
   *   `cancelled`. Then nothing is held.
   */
  async see(
    files: readonly PictureFile[],
    key: string | null,
    signal?: AbortSignal,
  ): Promise<HeldPictures> {
    const held: KeptPicture[] = [];
    try {
      const names = await Promise.all(files.map(nameOf));
      checkOpen(this.#isClosed, signal);
      for (const [index, name] of names.entries()) {
        const file = files[index]!;
        held.push(this.#table.hold(key, name, (kept) => this.#make(kept, bytesIn(file))));
      }
      const made = Promise.all(held.map((picture) => picture.made));
      const pictures = await unlessAborted(made, signal);
      checkOpen(this.#isClosed, signal);
      const hold = this.#nextHold++;
      this.#holds.set(hold, held);
      return { hold, pictures };
    } catch (reason) {
      for (const picture of held) this.#table.release(picture);
      throw reason;
    }
  }

  /**
   * Holds a picture that has been encoded for a key.
   *
   * @param name SHA-256 of its file, in base64.
   * @returns what to `release`; null: its file is needed.
   */
  claim(name: string, key: string | null): number | null {
    const picture = this.#isClosed ? null : this.#table.holdMade(key, name);
    if (picture === null) return null;
    const hold = this.#nextHold++;
    this.#holds.set(hold, [picture]);
    return hold;
  }

  /** Lets pictures go; once for each hold. */
  release(hold: number): void {
    const pictures = this.#holds.get(hold);
    assert(pictures !== undefined, `hold ${hold} of pictures is released twice`);
    this.#holds.delete(hold);
    for (const picture of pictures) this.#table.release(picture);
  }

  /** Refuses further calls, and has the engine forget everything. */
  close(): void {
    this.#isClosed = true;
    this.#check.close();
    this.#table.clear();
  }

  #make(kept: KeptPicture, file: Uint8Array): Promise<SeenPicture> {
    const { encoder, engine, waitMsMax = 30_000 } = this.#parts;
    const askedAtMs = performance.now();
    return this.#queue.run(kept.key, async () => {
      try {
        checkWanted(kept, performance.now() - askedAtMs, waitMsMax);
        const header = await this.#check.headerOf(file);
        const encoded = await encoder.encode(await decodeChecked(file, header, pictureSideMax));
        this.#encodedCount++;
        checkOpen(this.#isClosed);
        this.#table.reserve(kept, bytesOf(encoded));
        const seen = await seeAll(encoded, engine);
        if (this.#isClosed) forgetAll(seen, engine);
        checkOpen(this.#isClosed);
        return seen;
      } catch (reason) {
        // At once, so that nobody joins what has failed.
        this.#table.leave(kept);
        throw reason;
      }
    });
  }
}

function checkOpen(isClosed: boolean, signal?: AbortSignal): void {
  if (isClosed) throw new PilotfishError('engine-closed', 'the server has closed its eyes');
  if (signal?.aborted === true) throw cancelled();
}

function checkWanted({ holderCount }: KeptPicture, waitedMs: number, waitMsMax: number): void {
  if (holderCount === 0) throw cancelled();
  if (waitedMs <= waitMsMax) return;
  const message = `a picture has waited ${waitMsMax} ms for its turn`;
  throw new PilotfishError('server-busy', message);
}

const cancelled = (): PilotfishError =>
  new PilotfishError('cancelled', 'nobody waits for the picture any more');

function unlessAborted<T>(made: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return made;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(cancelled());
    const stop = (): void => signal.removeEventListener('abort', onAbort);
    signal.addEventListener('abort', onAbort, { once: true });
    made.finally(stop).then(resolve, reject);
  });
}

function bytesIn(file: PictureFile): Uint8Array {
  const bytes = 'name' in file ? file.bytes : file;
  assert(bytes !== null, 'a picture was claimed and is not here');
  return bytes;
}

/** Names a file by its content. */
async function nameOf(file: PictureFile): Promise<string> {
  if ('name' in file) return file.name;
  if (file.length <= shortBytes) return createHash('sha256').update(file).digest('base64');
  const digest = await webcrypto.subtle.digest('SHA-256', file as Uint8Array<ArrayBuffer>);
  return Buffer.from(digest).toString('base64');
}
