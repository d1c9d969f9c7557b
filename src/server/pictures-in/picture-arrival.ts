// Awaits the pictures of one Open: claims those that are known, asks for the others, and gives
// everything back once, whether they come or not.

import { Buffer } from 'node:buffer';
import { PilotfishError } from '../../base/error.js';
import type { PicturePlace } from '../../pictures/prompt-picture.js';
import type {
  Open,
  PicturePart,
  PictureRef,
  PicturesWanted,
  PictureWant,
} from '../../protocol/frame.js';
import type { NamedFile, ServerEyes } from '../eyes/server-eyes.js';
import type { PreparedPicture } from '../preparation/prepared-picture.js';
import type { Share } from '../shared-bytes.js';
import type { PictureUploads, UploadUse, UploadUser } from './picture-uploads.js';

/** A session fails when nothing has come of its pictures for so long. */
export const stallMs = 30_000;

/** Holds pictures that are known; see ServerEyes. */
export type SeenBefore = Pick<ServerEyes, 'claim' | 'release'>;

export interface ArrivalParts {
  readonly uploads: PictureUploads;
  readonly eyes: SeenBefore;
  /** Id of the connection's key; null: none is asked for. */
  readonly key: string | null;
  readonly want: (frame: PicturesWanted) => void;
}

/** The pictures of one Open. */
export class PictureArrival implements UploadUser {
  readonly share: Share;
  readonly #open: Open;
  readonly #places: readonly PicturePlace[];
  readonly #parts: ArrivalParts;
  /** By the index of the picture; null: a claim holds it. */
  readonly #uses: (UploadUse | null)[] = [];
  readonly #claims: number[] = [];
  readonly #waiting = new AbortController();
  #timer: NodeJS.Timeout | null = null;
  /** Null: nothing is awaited, not yet or no more. */
  #settle: (() => void) | null = null;
  #error: PilotfishError | null = null;
  #isOver = false;

  constructor(open: Open, places: readonly PicturePlace[], parts: ArrivalParts, share: Share) {
    this.#open = open;
    this.#places = places;
    this.#parts = parts;
    this.share = share;
  }

  /** Why they will not come, or are not wanted any more; null: nothing has gone wrong. */
  get error(): PilotfishError | null {
    return this.#error;
  }

  /** Aborted when nobody waits for the pictures any more. */
  get signal(): AbortSignal {
    return this.#waiting.signal;
  }

  /** Whole, once all have come. */
  get pictures(): readonly PreparedPicture[] {
    return this.#places.map((place, index) => {
      const bytes: NamedFile = this.#uses[index]?.upload.file ?? {
        name: nameOf(this.#open.pictures[index]!),
        bytes: null,
      };
      return { ...place, bytes };
    });
  }

  /** Resolves when all have come, or with an `error`. */
  begin(): Promise<void> {
    const come = new Promise<void>((resolve) => {
      this.#settle = resolve;
    });
    this.#wait();
    const wanted = this.#join();
    const { session } = this.#open;
    if (wanted.length > 0) this.#parts.want({ kind: 'pictures-wanted', session, wanted });
    this.came();
    return come;
  }

  /** @returns what is to be asked for. */
  #join(): PictureWant[] {
    const { pictures, picturesFollow } = this.#open;
    const { eyes, key, uploads } = this.#parts;
    const wanted: PictureWant[] = [];
    for (const [index, picture] of pictures.entries()) {
      const name = nameOf(picture);
      const claim = eyes.claim(name, key);
      if (claim !== null) {
        this.#claims.push(claim);
        this.#uses.push(null);
        continue;
      }
      const file = { name, length: picture.bytes, index };
      const { use, askFrom } = uploads.join(key, file, this, picturesFollow);
      // What was kept of it has found no room.
      if (this.#isOver) {
        uploads.leave(use, false);
        return [];
      }
      this.#uses.push(use);
      if (askFrom !== null) wanted.push({ index, offset: askFrom });
    }
    return wanted;
  }

  /** Drops what is not needed. */
  take({ index, offset, data }: PicturePart): void {
    if (this.#settle === null) return;
    if (index >= this.#places.length) {
      const message = `a part of picture ${index}, of ${this.#places.length}`;
      this.fail(new PilotfishError('picture-invalid', message));
      return;
    }
    const use = this.#uses[index] ?? null;
    if (use === null) return;
    try {
      this.#parts.uploads.take(use, offset, data);
    } catch (reason) {
      if (!(reason instanceof PilotfishError)) throw reason;
      this.fail(reason);
    }
  }

  ask({ index }: UploadUse, offset: number): void {
    if (this.#settle === null) return;
    const { session } = this.#open;
    this.#wait();
    this.#parts.want({ kind: 'pictures-wanted', session, wanted: [{ index, offset }] });
  }

  came(): void {
    if (this.#settle === null) return;
    this.#wait();
    if (this.#uses.every((use) => use === null || use.upload.isWhole)) this.#conclude();
  }

  /** For the next part. */
  #wait(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#stalled(), stallMs).unref();
  }

  #stalled(): void {
    const index = this.#uses.findIndex((use) => use?.upload.isWhole === false);
    const { filled, length } = this.#uses[index]!.upload;
    const message = `picture ${index} stands at ${filled} of ${length} bytes for ${stallMs} ms`;
    this.fail(new PilotfishError('picture-invalid', message));
  }

  /** They will not come, or are not wanted any more: lets go of everything. */
  fail(error: PilotfishError): void {
    if (this.#isOver) return;
    this.#error = error;
    this.#waiting.abort();
    this.#conclude();
    this.end(true);
  }

  #conclude(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#settle?.();
    this.#settle = null;
  }

  /** Gives back what it holds. @param isCut see `PictureUploads.leave`. */
  end(isCut: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const use of this.#uses) if (use !== null) this.#parts.uploads.leave(use, isCut);
    for (const claim of this.#claims) this.#parts.eyes.release(claim);
  }
}

const nameOf = ({ hash }: PictureRef): string => Buffer.from(hash).toString('base64');
