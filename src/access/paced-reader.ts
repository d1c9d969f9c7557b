// Stands between a socket and who parses its bytes: hands over as much at a time as the account of
// the connection allows, and leaves the rest in the socket, which is not read meanwhile. Parses
// nothing itself.

import type { Duplex } from 'node:stream';
import { type PacedAccount, unitBytes } from './read-pacer.js';

/** Where to cut bytes, so that a piece holds no more work than allowed. */
export interface Cutter {
  /** @returns how many bytes of the chunk go now, >= 1, and the work in them, >= 1 unit. */
  cut(chunk: Buffer, unitsMax: number): Cut;
}

export interface Cut {
  readonly bytes: number;
  readonly units: number;
}

export interface ReaderParts {
  readonly cutter: Cutter;
  /** Takes a piece; may pause the socket, which holds the rest back. */
  readonly take: (piece: Buffer) => void;
  /** Whether more may be handed over now; `go` is called when this changes. Default: always. */
  readonly isReady?: () => boolean;
}

/** Bytes without a parser cost what it takes to drop them. */
const dropped: ReaderParts = {
  cutter: {
    cut: (chunk, unitsMax) => {
      const bytes = Math.min(chunk.length, Math.ceil(unitsMax) * unitBytes);
      return { bytes, units: Math.ceil(bytes / unitBytes) };
    },
  },
  take: () => undefined,
};

export class PacedReader {
  readonly account: PacedAccount;
  readonly #socket: Duplex;
  #parts: ReaderParts = dropped;
  #isStopped = false;
  /** This reader has paused the socket, which no other may have done then. */
  #isHeld = false;

  constructor(socket: Duplex, account: PacedAccount) {
    this.#socket = socket;
    this.account = account;
    socket.on('data', this.#onData);
    socket.prependListener('close', () => {
      account.close();
      // Parsers would take what is left at once.
      socket.read();
    });
  }

  isListener(listener: unknown): boolean {
    return listener === this.#onData;
  }

  /** Hands over to another parser from here on. */
  handTo(parts: ReaderParts): void {
    this.#parts = parts;
  }

  /** Reads on and drops what comes: the last answer would be lost on its way otherwise. */
  drop(): void {
    this.#parts = dropped;
    this.#isHeld = true;
    this.go();
  }

  /** Reads no more. */
  stop(): void {
    this.#isStopped = true;
    this.#socket.pause();
  }

  /** Goes on where it was held back. */
  go(): void {
    if (!this.#isHeld || this.#isStopped || this.#socket.destroyed) return;
    this.#isHeld = false;
    this.#socket.resume();
  }

  readonly #onData = (chunk: Buffer): void => {
    let rest = chunk;
    while (rest.length > 0 && !this.#socket.destroyed) {
      if (this.#isStopped) {
        this.#socket.pause();
        return;
      }
      if (!this.#mayTake()) {
        this.#isHeld = true;
        this.#keep(rest);
        return;
      }
      const { cutter, take } = this.#parts;
      const { bytes, units } = cutter.cut(rest, this.account.units);
      const piece = bytes === rest.length ? rest : rest.subarray(0, bytes);
      rest = rest.subarray(bytes);
      this.account.spend(units);
      take(piece);
      if (rest.length > 0 && this.#socket.isPaused()) {
        this.#keep(rest);
        return;
      }
    }
  };

  #mayTake(): boolean {
    if (this.#parts.isReady?.() === false) return false;
    if (this.account.units > 0) return true;
    this.account.wait({ serve: () => this.go() });
    return false;
  }

  /** In the socket, so that its end comes behind it. */
  #keep(rest: Buffer): void {
    this.#socket.pause();
    if (!this.#isStopped) this.#socket.unshift(rest);
  }
}
