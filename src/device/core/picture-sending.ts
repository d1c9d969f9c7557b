// Brings the pictures of one prompt to the server: names them in Open, and sends the bytes that the
// server lacks in parts, so that frames of other sessions pass between them.

import type { Open, PicturePart, PictureRef, PictureWant } from '../../protocol/frame.js';

/** A picture of a prompt of messages. */
export interface RequestPicture extends Pick<PictureRef, 'hash' | 'message' | 'at'> {
  /** Of its file. */
  readonly bytes: Uint8Array;
}

/** What a connection knows of pictures. */
export interface PictureLink {
  /** Whether its bytes have been sent here: the server most likely has it. */
  hasSent(picture: RequestPicture): boolean;
  /** All of its bytes have been sent. */
  sent(picture: RequestPicture): void;
  /** A part of so many bytes leaves. @returns how many have left so far, itself included. */
  out(bytes: number): number;
  /** So many have arrived. */
  arrived(upTo: number): void;
  /** Bytes of parts that may leave now. */
  readonly partRoom: number;
}

/** Small pictures are sent unasked: that saves a round trip, and costs little where it is vain. */
const unaskedMax = 64 * 1024;
/** Longest part: at 1 MB/s another frame waits 16 ms for it. */
const partBytes = 16 * 1024;

export class PictureSending {
  readonly #pictures: readonly RequestPicture[];
  /** What the server waits for, in order. */
  #queue: { readonly index: number; offset: number }[] = [];
  /** A connection was lost before the server had them all: it may have kept a part. */
  #isSecondTry = false;
  /** What the connection had sent after the newest part. */
  #outTo = 0;

  constructor(pictures: readonly RequestPicture[]) {
    this.#pictures = pictures;
  }

  get count(): number {
    return this.#pictures.length;
  }

  /** What an Open says of them. Parts may follow it. */
  open(link: PictureLink): Pick<Open, 'pictures' | 'picturesFollow'> {
    const pictures = this.#pictures.map(({ hash, bytes, message, at }) => ({
      ...{ hash, bytes: bytes.length, message, at },
    }));
    const all = this.#pictures.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const isKnown = this.#pictures.every((picture) => link.hasSent(picture));
    const picturesFollow = !isKnown && !this.#isSecondTry && all <= unaskedMax;
    this.#isSecondTry = true;
    this.#queue = picturesFollow ? this.#pictures.map((_, index) => ({ index, offset: 0 })) : [];
    return { pictures, picturesFollow };
  }

  /** The server says what it lacks. @returns what is wrong with that, or null. */
  want(wanted: readonly PictureWant[]): string | null {
    for (const { index, offset } of wanted) {
      const picture = this.#pictures[index];
      if (picture === undefined) return `a wish for picture ${index} of ${this.count}`;
      if (offset >= picture.bytes.length) {
        return `a wish for a picture of ${picture.bytes.length} bytes from ${offset} on`;
      }
    }
    this.#queue = wanted.map(({ index, offset }) => ({ index, offset }));
    return null;
  }

  /** Whether bytes wait to be sent. */
  get isWaiting(): boolean {
    return this.#queue.length > 0;
  }

  /** The session is open: what was sent of them has arrived, and nothing more is. */
  opened(link: PictureLink): void {
    link.arrived(this.#outTo);
    this.stop();
  }

  /** Nothing more is sent: the connection is gone. */
  stop(): void {
    this.#queue = [];
    this.#outTo = 0;
  }

  /** The next part, or null: there is none, or no room. @param session id on the connection. */
  next(session: number, link: PictureLink): PicturePart | null {
    const [first] = this.#queue;
    if (first === undefined || link.partRoom <= 0) return null;
    const { index, offset } = first;
    const picture = this.#pictures[index]!;
    const data = picture.bytes.subarray(offset, offset + partBytes);
    first.offset += data.length;
    this.#outTo = link.out(data.length);
    if (first.offset >= picture.bytes.length) {
      this.#queue.shift();
      link.sent(picture);
    }
    return { kind: 'picture-part', session, index, offset, data };
  }
}
