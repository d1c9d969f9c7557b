// One connected device: sends it frames, counts those that it leaves unread, and is told when its
// socket may be read. Knows no frame.

import type { Writable } from 'node:stream';
import type { KeyGrant } from '../base/key-grant.js';
import type { WireCode } from '../protocol/code.js';
import { closeFor } from '../protocol/failure.js';
import { limits } from '../protocol/limits.js';
import { closeNormal } from '../protocol/transport.js';
import type { Share } from './shared-bytes.js';

/** A socket that closes with a code waits this long for its peer before it is cut. */
export const closeTimeoutMs = 2_000;

/** What a frame that waits costs beside its bytes: entries of two queues, and their buffers. */
export const waitingBytes = 512;
/** Frames that wait for a peer which keeps up: one for each of its sessions. */
const clogMax = limits.sessions.value;
/** Frames that wait for a peer which is read from nevertheless. */
const waitingMax = 2 * clogMax;
/** Fewer, and it has caught up. */
const waitingLow = 16;

const sendOptions = { binary: true, compress: false };

/**
 * What a peer needs of a WebSocket; declared here, because the types of `ws` are not installed with
 * the package.
 */
export interface PeerSocket {
  readonly readyState: number;
  readonly OPEN: number;
  send(bytes: Uint8Array, options: typeof sendOptions, onTaken: () => void): void;
  pong(payload: Uint8Array, isMasked: boolean, onTaken: () => void): void;
  close(code: number, reason: string): void;
  terminate(): void;
}

export interface PeerParts {
  readonly id: number;
  /** What its key allows; null: this server asks for no key. */
  readonly grant: KeyGrant | null;
  readonly socket: PeerSocket;
  /**
   * What `socket` writes to. It is full (16 KiB and more) beyond what the system holds for the
   * peer, which is much more: a peer with so much unread is behind by hundreds of verdicts.
   */
  readonly stream: Writable;
  /** Its part of what all peers leave unread. */
  readonly unread: Share;
  /** What was sent begins to wait for the peer, or waits no more. */
  readonly onFlow: (peer: Peer, isClogged: boolean) => void;
  /** It may be read from again. */
  readonly onReady: () => void;
  /** A frame of so much work was read. */
  readonly onWork: (units: number) => void;
}

/** One connected device. */
export class Peer {
  /** Ends the counting of what an unauthenticated peer sends. */
  onGreeted: () => void = () => undefined;
  readonly #parts: PeerParts;
  #isClogged = false;
  #waitingCount = 0;
  #isFull = false;

  constructor(parts: PeerParts) {
    this.#parts = parts;
  }

  get id(): number {
    return this.#parts.id;
  }

  get grant(): KeyGrant | null {
    return this.#parts.grant;
  }

  /** Whether its socket may be read: not while many answers wait for it. */
  get isReady(): boolean {
    return !this.#isFull;
  }

  /**
   * @returns false when the peer has left more unread than it may: the caller closes it with
   *   `too-slow`.
   */
  send(bytes: Uint8Array): boolean {
    const { socket, stream, unread } = this.#parts;
    if (socket.readyState !== socket.OPEN) return true;
    socket.send(bytes, sendOptions, this.#waits(bytes));
    if (stream.writableNeedDrain || this.#waitingCount > clogMax) this.#clog(true);
    return unread.bytes <= limits.bufferedBytes.value;
  }

  /** Answers a control frame of the carrier. */
  pong(payload: Uint8Array): void {
    const { socket } = this.#parts;
    if (socket.readyState === socket.OPEN) socket.pong(payload, false, this.#waits(payload));
  }

  /** Counts a frame that is sent. @returns to be called when the system has taken it. */
  #waits(bytes: Uint8Array): () => void {
    const cost = bytes.length + waitingBytes;
    this.#parts.unread.add(cost);
    if (++this.#waitingCount > waitingMax) this.#isFull = true;
    return () => this.#taken(cost);
  }

  /** Also called where the socket is gone. */
  #taken(cost: number): void {
    const { unread, stream, onReady } = this.#parts;
    unread.add(-cost);
    if (--this.#waitingCount > waitingLow) return;
    if (!stream.writableNeedDrain) this.#clog(false);
    if (!this.#isFull) return;
    this.#isFull = false;
    onReady();
  }

  #clog(isClogged: boolean): void {
    if (this.#isClogged === isClogged) return;
    this.#isClogged = isClogged;
    this.#parts.onFlow(this, isClogged);
  }

  /** A frame costs the server so much beside its reading. */
  worked(units: number): void {
    this.#parts.onWork(units);
  }

  /** The peer is authenticated: its messages may be as long as frames. */
  greeted(): void {
    this.onGreeted();
  }

  /**
   * Ends the connection after what was sent; a peer that does not read is cut off.
   *
   * @param code null: all is well.
   */
  close(code: WireCode | null): void {
    const { socket } = this.#parts;
    const end = code === null ? { code: closeNormal, reason: '' } : closeFor(code);
    socket.close(end.code, end.reason);
    setTimeout(() => socket.terminate(), closeTimeoutMs).unref();
  }
}
