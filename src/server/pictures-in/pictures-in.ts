// Collects the pictures of the Opens of one connection while those are prepared: asks for what is
// missing, bounds what comes, and gives it back when the connection or the Open is gone.

import type { ChatMessage } from '../../base/chat-message.js';
import { PilotfishError } from '../../base/error.js';
import type { Open, PicturePart, PicturesWanted } from '../../protocol/frame.js';
import type { ComingPicture } from '../preparation/prepared-picture.js';
import type { Share } from '../shared-bytes.js';
import type { CutUploads } from './cut-uploads.js';
import { nameOfHash, Upload } from './upload.js';

/** Nothing came of a picture for so long. */
const silentMsMax = 30_000;

export interface PicturesInParts {
  readonly key: string | null;
  readonly cut: CutUploads;
  /** Its part of what all connections hold of unfinished pictures. */
  readonly share: Share;
  readonly send: (frame: PicturesWanted) => void;
}

interface Coming {
  readonly session: number;
  readonly uploads: readonly Upload[];
  /** Indexes that were asked for and are not told to the device yet. */
  readonly untold: number[];
  readonly picturesFollow: boolean;
  readonly ending: AbortController;
  heldBytes: number;
  timer: NodeJS.Timeout | null;
}

export class PicturesIn {
  readonly #parts: PicturesInParts;
  readonly #coming = new Map<number, Coming>();

  constructor(parts: PicturesInParts) {
    this.#parts = parts;
  }

  /**
   * The pictures of an Open, for its preparation. `end` has to follow.
   *
   * @throws PilotfishError `picture-invalid` for a place in the middle of a letter.
   */
  begin({ session, prompt, pictures, picturesFollow }: Open): {
    readonly pictures: readonly ComingPicture[];
    readonly signal: AbortSignal;
  } {
    if (this.#coming.has(session)) {
      throw new PilotfishError('picture-invalid', `session ${session} is being opened already`);
    }
    const messages = prompt.kind === 'messages' ? prompt.messages : [];
    const places = pictures.map(({ message, at }) => ({
      message,
      at: placeIn(messages, message, at),
    }));
    const { cut, key } = this.#parts;
    const uploads = pictures.map((ref) => {
      const begun = picturesFollow ? null : cut.take(key, nameOfHash(ref.hash));
      return new Upload(ref, begun);
    });
    const coming: Coming = {
      ...{ session, uploads, picturesFollow, untold: [] },
      ...{ ending: new AbortController(), heldBytes: 0, timer: null },
    };
    this.#coming.set(session, coming);
    this.#hold(
      coming,
      uploads.reduce((sum, { received }) => sum + received, 0),
    );
    return {
      pictures: places.map((place, index) => ({
        ...place,
        source: {
          name: uploads[index]!.name,
          file: () => this.#ask(coming, index),
        },
      })),
      signal: coming.ending.signal,
    };
  }

  /** @returns false for a part of no Open that is being prepared. */
  take({ session, index, offset, data }: PicturePart): boolean {
    const coming = this.#coming.get(session);
    if (coming === undefined) return false;
    const upload = coming.uploads[index];
    if (upload === undefined) {
      this.#fail(
        coming,
        new PilotfishError(
          'picture-invalid',
          `the device sent picture ${index} of ${coming.uploads.length}`,
        ),
      );
      return true;
    }
    this.#hold(coming, upload.add(offset, data));
    coming.timer?.refresh();
    return true;
  }

  /** The device wants the session no more. */
  abort(session: number): void {
    this.#coming.get(session)?.ending.abort();
  }

  /** An Open is prepared: what was collected is with its preparation. */
  end(session: number): void {
    const coming = this.#coming.get(session);
    if (coming === undefined) return;
    this.#coming.delete(session);
    this.#hold(coming, -coming.heldBytes);
    if (coming.timer !== null) clearTimeout(coming.timer);
    const over = new PilotfishError('cancelled', 'nobody waits for the picture any more');
    for (const upload of coming.uploads) upload.end(over);
  }

  /** The connection is lost: what has come is kept, so that the device can go on. */
  lost(): void {
    for (const { session, uploads, ending, picturesFollow } of [...this.#coming.values()]) {
      for (const upload of uploads) {
        const isBegun = upload.received > 0 && !upload.isWhole && !picturesFollow;
        if (isBegun) this.#parts.cut.put(this.#parts.key, upload.name, upload.begun);
      }
      ending.abort();
      this.end(session);
    }
  }

  #ask(coming: Coming, index: number): Promise<Uint8Array> {
    const upload = coming.uploads[index]!;
    if (upload.isWhole || !this.#coming.has(coming.session)) return upload.file;
    coming.timer ??= setTimeout(() => {
      const message = `no part of a picture has come for ${silentMsMax / 1_000} s`;
      this.#fail(coming, new PilotfishError('picture-invalid', message));
    }, silentMsMax);
    // All that one Open lacks is asked for in one frame.
    if (coming.untold.push(index) === 1) setImmediate(() => this.#tell(coming));
    return upload.file;
  }

  #tell({ session, uploads, untold, picturesFollow }: Coming): void {
    const wanted = untold
      .splice(0)
      .filter((index) => !uploads[index]!.isWhole)
      .sort((one, other) => one - other)
      .map((index) => ({ index, offset: uploads[index]!.received }));
    if (picturesFollow || wanted.length === 0 || !this.#coming.has(session)) return;
    this.#parts.send({ kind: 'pictures-wanted', session, wanted });
  }

  #fail({ uploads }: Coming, reason: PilotfishError): void {
    for (const upload of uploads) upload.end(reason);
  }

  #hold(coming: Coming, change: number): void {
    coming.heldBytes += change;
    this.#parts.share.add(change);
  }
}

/** @param at in bytes of UTF-8. @returns in UTF-16 units. */
function placeIn(messages: readonly ChatMessage[], message: number, at: number): number {
  const bytes = Buffer.from(messages[message]?.content ?? '');
  const isWithin = at < bytes.length && (bytes[at]! & 0xc0) === 0x80;
  if (at > bytes.length || isWithin) {
    const where = `byte ${at} of ${bytes.length} of message ${message}`;
    throw new PilotfishError('picture-invalid', `a picture stands at ${where}, which is no place`);
  }
  return bytes.toString('utf8', 0, at).length;
}
