// Sends the bytes of pictures to a server: small ones right behind their Open, others where the
// server wants them, in flights that leave room for the frames of other answers. A ping ends each
// flight, and its pong lets the next one go: what waits on a slow link is never more than a flight.

import type { DeviceFrame, PicturesWanted } from '../../protocol/frame.js';
import { limits } from '../../protocol/limits.js';
import type { DeviceSession, Wire } from './device-session.js';
import type { RequestPicture } from './event.js';

/** All pictures of an Open follow it unasked where they are no more: a camera's small frames. */
const unaskedBytesMax = 64 * 1024;
/** Of a part; a frame of another answer waits for one at most, and for what is on the link. */
const partBytesMax = 16 * 1024;
const flightBytesMin = 16 * 1024;
const flightBytesMax = 512 * 1024;
/** Part of a frame that is not its data, and a reserve. */
const partFrameBytes = 64;
/** Pictures that the server is known to have; of more, the oldest are referenced and wanted again. */
const knownMax = 256;
/** Nonces of these pings; those of the connection are below. */
const nonceMin = 2 ** 31;

/** What a picture still lacks on the server. */
interface Upload {
  readonly session: DeviceSession;
  readonly wire: Wire;
  readonly index: number;
  offset: number;
}

/** The link, as uploads use it. */
export interface UploadLink {
  /** Least round trip of this link in ms; Infinity: none is known. */
  readonly roundTripMinMs: number;
  /** Most bytes of a frame that the server takes. */
  readonly frameBytes: number;
  send(session: DeviceSession, frame: DeviceFrame): void;
  ping(nonce: number): void;
}

export class PictureUplink {
  readonly #link: UploadLink;
  #uploads: Upload[] = [];
  /** Hashes of pictures that the server of this connection has seen, the oldest first. */
  readonly #known = new Set<string>();
  #flight: { readonly nonce: number; readonly sentMs: number } | null = null;
  #flightCount = 0;
  #flightBytes = flightBytesMin;

  constructor(link: UploadLink) {
    this.#link = link;
  }

  /** Whether all pictures of an Open follow it unasked: they are small, and not known there. */
  follows(pictures: readonly RequestPicture[]): boolean {
    const bytes = pictures.reduce((sum, picture) => sum + picture.bytes.length, 0);
    const isKnown = pictures.some(({ hash }) => this.#known.has(keyOf(hash)));
    return pictures.length > 0 && bytes <= unaskedBytesMax && !isKnown;
  }

  /** The Open of a session has left, and its pictures follow. */
  sendAll(session: DeviceSession): void {
    const { wire } = session;
    for (const index of picturesOf(session).keys()) {
      const upload = { session, wire: wire!, index, offset: 0 };
      while (!isWhole(upload)) this.#sendPart(upload);
    }
  }

  /** The server lacks pictures. @returns what is wrong with its frame, or null. */
  want(session: DeviceSession, { wanted }: PicturesWanted): string | null {
    const pictures = picturesOf(session);
    for (const { index, offset } of wanted) {
      const length = pictures[index]?.bytes.length ?? 0;
      if (offset >= length)
        return `a wish for picture ${index} from ${offset} of ${length} bytes on`;
    }
    const { wire } = session;
    this.#uploads = this.#uploads.filter((upload) => upload.wire !== wire);
    this.#uploads.push(...wanted.map((want) => ({ session, wire: wire!, ...want })));
    return null;
  }

  /** The server has opened the session: it has its pictures. */
  onOpened(session: DeviceSession): void {
    for (const { hash } of picturesOf(session)) {
      this.#known.delete(keyOf(hash));
      this.#known.add(keyOf(hash));
    }
    for (const oldest of this.#known) {
      if (this.#known.size <= knownMax) break;
      this.#known.delete(oldest);
    }
  }

  /** The link is down: another connection, or server, knows nothing. */
  end(): void {
    this.#uploads = [];
    this.#known.clear();
    this.#flight = null;
    this.#flightBytes = flightBytesMin;
  }

  /** A flight has arrived. The next is longer while the link keeps up. */
  onPong(nonce: number, nowMs: number): void {
    if (this.#flight?.nonce !== nonce) return;
    const tookMs = nowMs - this.#flight.sentMs;
    this.#flight = null;
    const { roundTripMinMs } = this.#link;
    if (tookMs <= 2 * roundTripMinMs + 20) {
      this.#flightBytes = Math.min(flightBytesMax, 2 * this.#flightBytes);
    } else if (tookMs > 4 * roundTripMinMs + 40) {
      this.#flightBytes = Math.max(flightBytesMin, this.#flightBytes / 2);
    }
  }

  /** Sends the next flight, unless one is out or nothing is wanted. */
  pump(nowMs: number): void {
    if (this.#flight !== null) return;
    this.#uploads = this.#uploads.filter(isWanted);
    let left = this.#flightBytes;
    // Turn by turn, so that a small picture does not wait for a large one.
    for (let upload = this.#uploads.shift(); upload !== undefined; ) {
      left -= this.#sendPart(upload);
      if (!isWhole(upload)) this.#uploads.push(upload);
      upload = left > 0 ? this.#uploads.shift() : undefined;
    }
    if (left === this.#flightBytes) return;
    this.#flightCount = (this.#flightCount + 1) % 2 ** 30;
    const nonce = nonceMin + this.#flightCount;
    this.#flight = { nonce, sentMs: nowMs };
    this.#link.ping(nonce);
  }

  /** @returns how many bytes went. */
  #sendPart(upload: Upload): number {
    const { session, wire, index, offset } = upload;
    const most = Math.min(
      ...[partBytesMax, limits.partBytes.value, this.#link.frameBytes - partFrameBytes],
    );
    const data = picturesOf(session)[index]!.bytes.subarray(offset, offset + Math.max(1, most));
    upload.offset += data.length;
    this.#link.send(session, { kind: 'picture-part', session: wire.id, index, offset, data });
    return data.length;
  }
}

const picturesOf = ({ request }: DeviceSession): readonly RequestPicture[] =>
  request.pictures ?? [];

const isWhole = ({ session, index, offset }: Upload): boolean =>
  offset >= picturesOf(session)[index]!.bytes.length;

/** The session still waits for its Opened, on the same connection. */
const isWanted = ({ session, wire }: Upload): boolean =>
  session.wire === wire && wire.state === 'opening' && !session.isOver;

const keyOf = (hash: Uint8Array): string => String.fromCharCode(...hash);
