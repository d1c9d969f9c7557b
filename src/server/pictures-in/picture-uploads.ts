// Keeps the uploads of all connections: one for each picture of a key, however many sessions wait
// for it, and those that were cut, for a minute. Bounds their bytes. Knows no frame and no time but
// that minute.

import { PilotfishError } from '../../base/error.js';
import { type Share, SharedBytes } from '../shared-bytes.js';
import { PictureUpload } from './picture-upload.js';

/** Eight of the longest Opens at once, beyond 64 KiB of each connection. */
const bytesMaxDefault = 128 * 2 ** 20;
/** Of uploads that were cut; the oldest make room. */
const cutBytesMaxDefault = 32 * 2 ** 20;
/** A device with a bad link is back by then. */
export const cutMs = 60_000;

/** A session that waits for a picture. */
export interface UploadUser {
  /** What its connection holds. */
  readonly share: Share;
  /** The rest of the picture is to be sent, from `offset` on. */
  ask(use: UploadUse, offset: number): void;
  /** More of the picture has come; or all of it, and it is the one announced. */
  came(): void;
  /** The picture will not come; the session leaves all uploads within the call. */
  fail(error: PilotfishError): void;
}

/** One picture of a session. */
export interface UploadUse {
  readonly upload: PictureUpload;
  readonly user: UploadUser;
  /** Of the picture in its Open. */
  readonly index: number;
}

interface Use extends UploadUse {
  /** Where the next part of this session begins; null: it is not to send any. */
  next: number | null;
  hasSent: boolean;
}

interface Entry {
  readonly place: string;
  readonly upload: PictureUpload;
  /** In the order in which they came. */
  readonly uses: Set<Use>;
  /** Of the first of them: it is charged with the memory. */
  payer: Share | null;
}

interface Cut {
  readonly upload: PictureUpload;
  readonly timer: NodeJS.Timeout;
}

export interface UploadBounds {
  readonly bytesMax?: number;
  readonly cutBytesMax?: number;
}

export class PictureUploads {
  readonly #all: SharedBytes;
  readonly #cutBytesMax: number;
  readonly #entries = new Map<string, Entry>();
  readonly #byUpload = new Map<PictureUpload, Entry>();
  /** Oldest first. */
  readonly #cut = new Map<string, Cut>();
  #cutBytes = 0;

  constructor({ bytesMax = bytesMaxDefault, cutBytesMax = cutBytesMaxDefault }: UploadBounds = {}) {
    this.#all = new SharedBytes(bytesMax);
    this.#cutBytesMax = cutBytesMax;
  }

  /** Memory of all of them. */
  get bytes(): number {
    let bytes = this.#cutBytes;
    for (const { upload } of this.#entries.values()) bytes += upload.heldBytes;
    return bytes;
  }

  /** Of a connection. @param onLargest called when it holds most and there is no more room. */
  share(onLargest: () => void): Share {
    return this.#all.share(onLargest);
  }

  /**
   * A session needs a picture.
   *
   * @param key id of its key; null: none is asked for. No key finds uploads of another.
   * @param follows whether it sends the picture unasked.
   * @returns its use, until `leave`; and from where on it is to be asked for the rest, or null.
   */
  join(
    key: string | null,
    picture: { readonly name: string; readonly length: number; readonly index: number },
    user: UploadUser,
    follows: boolean,
  ): { readonly use: UploadUse; readonly askFrom: number | null } {
    const { name, length, index } = picture;
    const place = `${key === null ? '' : `${key} `}${name} ${length}`;
    const entry = this.#entries.get(place) ?? this.#begin(place, name, length);
    const { upload, uses } = entry;
    const asks = !follows && !upload.isWhole && !isBeingSent(entry);
    const next = follows ? 0 : asks ? upload.filled : null;
    const use: Use = { upload, user, index, next, hasSent: false };
    uses.add(use);
    if (entry.payer === null) this.#charge(entry, user.share);
    return { use, askFrom: asks ? next : null };
  }

  #begin(place: string, name: string, length: number): Entry {
    const cut = this.#uncut(place);
    const upload = cut ?? new PictureUpload(name, length);
    const entry: Entry = { place, upload, uses: new Set(), payer: null };
    this.#entries.set(place, entry);
    this.#byUpload.set(upload, entry);
    return entry;
  }

  #charge(entry: Entry, payer: Share): void {
    entry.payer = payer;
    payer.add(entry.upload.heldBytes);
  }

  /**
   * Takes a part from a session. Those that it was not to send are dropped.
   *
   * @throws PilotfishError `picture-invalid` out of order; `picture-too-large` beyond the length.
   */
  take(joined: UploadUse, offset: number, data: Uint8Array): void {
    const use = joined as Use;
    const { upload, index } = use;
    const entry = this.#byUpload.get(upload);
    if (use.next === null || entry?.uses.has(use) !== true) return;
    if (offset !== use.next) {
      const message = `picture ${index} goes on at ${offset}, not at ${use.next}`;
      throw new PilotfishError('picture-invalid', message);
    }
    use.next += data.length;
    if (use.next > upload.length) {
      const message = `picture ${index} has ${use.next} bytes and more, of ${upload.length} announced`;
      throw new PilotfishError('picture-too-large', message);
    }
    // Another session may have sent some of it.
    if (use.next > upload.filled) {
      this.#append(entry, use, data.subarray(data.length - (use.next - upload.filled)));
    }
    use.user.came();
  }

  #append(entry: Entry, use: Use, data: Uint8Array): void {
    const { upload, uses } = entry;
    entry.payer!.add(upload.heldBytesWith(data.length) - upload.heldBytes);
    // There was no room, and its connection had to let go.
    if (!uses.has(use)) return;
    upload.append(data);
    use.hasSent = true;
    if (upload.isWhole && !upload.isTrue()) {
      this.#refuse(entry);
      return;
    }
    for (const { user } of [...uses]) if (user !== use.user) user.came();
  }

  /** The file is another one: those who have sent it have erred, the others begin again. */
  #refuse(entry: Entry): void {
    const { place, upload, uses } = entry;
    this.#entries.delete(place);
    const others = [...uses].filter(({ hasSent }) => !hasSent);
    for (const { user, index } of [...uses].filter(({ hasSent }) => hasSent)) {
      const message = `picture ${index} has another SHA-256 than was announced`;
      user.fail(new PilotfishError('picture-invalid', message));
    }
    for (const { user } of others) {
      const message = 'another session has sent a false picture under this name; ask again';
      user.fail(new PilotfishError('server-busy', message, { retryAfterMs: 0 }));
    }
    this.#byUpload.delete(upload);
  }

  /**
   * A session needs its picture no more. Where nobody else does, the upload ends.
   *
   * @param isCut whether the session may come again: what has come is kept for a while.
   */
  leave(joined: UploadUse, isCut: boolean): void {
    const use = joined as Use;
    const entry = this.#byUpload.get(use.upload);
    if (entry?.uses.delete(use) !== true) return;
    const { upload, uses, place } = entry;
    const next = [...uses][0];
    const { payer } = entry;
    if (next === undefined) {
      payer!.add(-upload.heldBytes);
      this.#byUpload.delete(upload);
      const isKnown = this.#entries.get(place) === entry;
      if (isKnown) this.#entries.delete(place);
      if (isKnown && isCut && upload.filled > 0) this.#keep(place, upload);
      return;
    }
    if (payer === use.user.share && next.user.share !== payer) {
      payer.add(-upload.heldBytes);
      this.#charge(entry, next.user.share);
    }
    if (upload.isWhole || isBeingSent(entry) || !uses.has(next)) return;
    next.next = upload.filled;
    next.user.ask(next, upload.filled);
  }

  #keep(place: string, upload: PictureUpload): void {
    const timer = setTimeout(() => this.#uncut(place), cutMs).unref();
    this.#cut.set(place, { upload, timer });
    this.#cutBytes += upload.heldBytes;
    for (const oldest of this.#cut.keys()) {
      if (this.#cutBytes <= this.#cutBytesMax) break;
      this.#uncut(oldest);
    }
  }

  /** Keeps a cut upload no longer. */
  #uncut(place: string): PictureUpload | null {
    const cut = this.#cut.get(place);
    if (cut === undefined) return null;
    clearTimeout(cut.timer);
    this.#cut.delete(place);
    this.#cutBytes -= cut.upload.heldBytes;
    return cut.upload;
  }

  /** Keeps no cut upload any longer. */
  close(): void {
    for (const place of [...this.#cut.keys()]) this.#uncut(place);
  }
}

const isBeingSent = ({ uses }: Entry): boolean => [...uses].some(({ next }) => next !== null);
