// Takes the pictures of one Open from the device under test: asks for one after the other, and
// judges every part that comes. Looks at no picture.

import { createHash } from 'node:crypto';
import type { Open, PicturePart, PictureWant } from '../../protocol/frame.js';
import type { RuleBook } from './rule-book.js';

/** Files by their SHA-256 in hex, which a server may keep between two Opens. */
export type KeptPictures = Map<string, Buffer>;

export class ScriptedPictures {
  readonly #open: Open;
  readonly #kept: KeptPictures;
  readonly #book: RuleBook;
  /** Parts of the picture that is due. */
  #parts: Buffer[] = [];
  #index = 0;

  /** @param kept half of each is taken for known. */
  constructor(open: Open, kept: KeptPictures, book: RuleBook) {
    this.#open = open;
    this.#kept = kept;
    this.#book = book;
    this.#begin();
  }

  get isWhole(): boolean {
    return this.#index === this.#open.pictures.length;
  }

  /** What is to be asked for now; null: nothing, since all follows. */
  get want(): PictureWant | null {
    if (this.#open.picturesFollow || this.isWhole) return null;
    return { index: this.#index, offset: this.#filled };
  }

  get #filled(): number {
    return this.#parts.reduce((sum, { length }) => sum + length, 0);
  }

  #begin(): void {
    const picture = this.#open.pictures[this.#index];
    const known = picture && this.#kept.get(Buffer.from(picture.hash).toString('hex'));
    const isAsked = known !== undefined && !this.#open.picturesFollow;
    this.#parts = isAsked ? [known.subarray(0, Math.floor(known.length / 2))] : [];
  }

  /** @returns whether the picture is complete: the next one, if any, is to be asked for. */
  take({ index, offset, data }: PicturePart): boolean {
    const due = this.#open.pictures[this.#index];
    const filled = this.#filled;
    const isNext = index === this.#index && offset === filled;
    const place = `byte ${offset} of picture ${index}`;
    this.#judge(isNext, `${place}, where byte ${filled} of ${this.#index} was due`);
    if (!isNext || due === undefined) return false;
    const isWithin = offset + data.length <= due.bytes;
    this.#judge(isWithin, `${offset + data.length} bytes of picture ${index}, of ${due.bytes}`);
    this.#parts.push(Buffer.from(data));
    if (this.#filled < due.bytes) return false;
    const file = Buffer.concat(this.#parts);
    const name = createHash('sha256').update(file).digest('hex');
    const isTrue = name === Buffer.from(due.hash).toString('hex');
    this.#judge(isTrue, `picture ${index} has another SHA-256 than was announced`);
    this.#kept.set(name, file);
    this.#index++;
    this.#begin();
    return true;
  }

  #judge(isKept: boolean, complaint: string): void {
    this.#book.judge('pictures', isKept, complaint);
  }
}
