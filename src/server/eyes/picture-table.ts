// Keeps the pictures that the engine has seen: those that somebody holds, and others up to a bound
// in bytes, the one used least recently first to go. Keys are apart: none finds what another has
// shown, and none takes all the room.

import { assert } from '../../base/assert.js';
import { PilotfishError } from '../../base/error.js';
import type { SeenPicture } from './seen-picture.js';

/** Share of the room that a key gets: its sessions leave some to others. */
const keyShare = 0.5;
/** Advice to a caller who finds all room held. */
const retryAfterMs = 1_000;

/** A picture of a key, from the moment it is first asked for. */
export interface KeptPicture {
  readonly key: string | null;
  /** Digest of its file. */
  readonly name: string;
  /** What the engine makes of it; rejects where it cannot. */
  readonly made: Promise<SeenPicture>;
  /** Callers that wait for it, and sessions whose prompts hold it. */
  readonly holderCount: number;
}

/** Of embeddings; 0: they are not known yet. */
type Entry = { -readonly [name in keyof KeptPicture]: KeptPicture[name] } & {
  bytes: number;
  seen: SeenPicture | null;
};

interface Shelf {
  /** By name, those used least recently first. */
  readonly pictures: Map<string, Entry>;
  bytes: number;
}

export class PictureTable {
  readonly #bytesMax: number;
  readonly #drop: (seen: SeenPicture) => void;
  readonly #shelves = new Map<string | null, Shelf>();
  #bytes = 0;

  /** @param bytesMax of all pictures. @param drop told of each that leaves. */
  constructor(bytesMax: number, drop: (seen: SeenPicture) => void) {
    this.#bytesMax = bytesMax;
    this.#drop = drop;
  }

  /** Of the embeddings of all pictures. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Pictures that are waited for or held. */
  get heldCount(): number {
    return [...this.#all()].filter(({ holderCount }) => holderCount > 0).length;
  }

  /** Pictures that are here or are being made. */
  get count(): number {
    return [...this.#all()].length;
  }

  /**
   * A picture, held once more until `release`.
   *
   * @param key null: no keys are asked for.
   * @param make makes one that is not here. It calls `reserve` before the engine sees anything.
   */
  hold(
    key: string | null,
    name: string,
    make: (picture: KeptPicture) => Promise<SeenPicture>,
  ): KeptPicture {
    const shelf = this.#shelves.get(key) ?? { pictures: new Map<string, Entry>(), bytes: 0 };
    this.#shelves.set(key, shelf);
    const known = shelf.pictures.get(name);
    if (known !== undefined) {
      known.holderCount++;
      shelf.pictures.delete(name);
      shelf.pictures.set(name, known);
      return known;
    }
    const none = new Promise<SeenPicture>(() => undefined);
    const entry: Entry = { key, name, made: none, holderCount: 1, bytes: 0, seen: null };
    shelf.pictures.set(name, entry);
    entry.made = make(entry).then(
      (seen) => {
        entry.seen = seen;
        return seen;
      },
      (reason: unknown) => {
        this.leave(entry);
        throw reason;
      },
    );
    return entry;
  }

  /** A picture that is here, held once more until `release`; null: it is not. */
  holdMade(key: string | null, name: string): KeptPicture | null {
    const isMade = (this.#shelves.get(key)?.pictures.get(name)?.seen ?? null) !== null;
    return isMade ? this.hold(key, name, unmade) : null;
  }

  /**
   * Makes room by dropping pictures that nobody holds.
   *
   * @throws PilotfishError `server-busy` where too much is held.
   */
  reserve(picture: KeptPicture, bytes: number): void {
    const entry = picture as Entry;
    const shelf = this.#shelves.get(entry.key)!;
    const keyMax = this.#bytesMax * (entry.key === null ? 1 : keyShare);
    while (shelf.bytes + bytes > keyMax && this.#dropOne(shelf));
    while (this.#bytes + bytes > this.#bytesMax && this.#dropOne(this.#fullestIdle()));
    if (shelf.bytes + bytes > keyMax || this.#bytes + bytes > this.#bytesMax) {
      const message = `pictures of running answers leave no room for one of ${bytes} bytes`;
      throw new PilotfishError('server-busy', message, { retryAfterMs });
    }
    entry.bytes = bytes;
    shelf.bytes += bytes;
    this.#bytes += bytes;
  }

  /** Undoes one `hold`. */
  release(picture: KeptPicture): void {
    const entry = picture as Entry;
    assert(entry.holderCount > 0, 'a picture is released more often than it was held');
    entry.holderCount--;
  }

  /** Takes a picture out that is not made and will not be: the next caller begins again. */
  leave(picture: KeptPicture): void {
    const entry = picture as Entry;
    const shelf = this.#shelves.get(entry.key);
    if (shelf?.pictures.get(entry.name) !== entry) return;
    shelf.pictures.delete(entry.name);
    shelf.bytes -= entry.bytes;
    this.#bytes -= entry.bytes;
    if (shelf.pictures.size === 0) this.#shelves.delete(entry.key);
  }

  /** Drops all pictures, held ones too. */
  clear(): void {
    for (const entry of [...this.#all()]) this.#dropEntry(entry);
  }

  *#all(): Generator<Entry> {
    for (const { pictures } of this.#shelves.values()) yield* pictures.values();
  }

  /** @returns whether anything was dropped. */
  #dropOne(shelf: Shelf | null): boolean {
    const oldest = [...(shelf?.pictures.values() ?? [])].find(isIdle);
    if (oldest === undefined) return false;
    this.#dropEntry(oldest);
    return true;
  }

  #dropEntry(entry: Entry): void {
    this.leave(entry);
    if (entry.seen !== null) this.#drop(entry.seen);
  }

  /** The key with the most bytes that nobody holds; null: there are none. */
  #fullestIdle(): Shelf | null {
    let [fullest, most]: [Shelf | null, number] = [null, -1];
    for (const shelf of this.#shelves.values()) {
      const idle = [...shelf.pictures.values()].filter(isIdle);
      const bytes = idle.reduce((sum, entry) => sum + entry.bytes, 0);
      if (idle.length > 0 && bytes > most) [fullest, most] = [shelf, bytes];
    }
    return fullest;
  }
}

const unmade = (): Promise<never> => Promise.reject(new Error('the picture is here'));
const isIdle = ({ holderCount, seen }: Entry): boolean => holderCount === 0 && seen !== null;
