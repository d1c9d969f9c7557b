// Decodes the frames of a connection in their order: short ones at once, a long one on another
// thread, while what comes behind it on the connection waits.

import { toPilotfishError } from '../base/error.js';
import { type WireFault, wireFault } from '../protocol/code.js';
import { type Decoded, decodeDeviceFrame } from '../protocol/codec.js';
import type { DeviceFrame } from '../protocol/frame.js';
import type { DecodedAside, Rendered } from './preparation/messages.js';

/** Longer ones are prompts of ten thousands of tokens: parts of pictures are of 64 KiB. */
const longBytes = 128 * 1024;
/** What may wait on one connection, beside the frame that is being decoded. */
const waitingMax = 256;
const waitingBytesMax = 16 * 2 ** 20;

export interface InboxParts {
  /** Decodes a frame that is handed over; see Preparation. */
  readonly decode: (bytes: Uint8Array) => Promise<DecodedAside>;
  /** Takes every frame in order. @param rendered the texts of its prompt; null: it holds them. */
  readonly take: (decoded: Decoded<DeviceFrame>, rendered: Rendered | null) => void;
}

export class FrameInbox {
  readonly #parts: InboxParts;
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #isDecoding = false;
  #isOver = false;

  constructor(parts: InboxParts) {
    this.#parts = parts;
  }

  /**
   * Takes one message of the transport.
   *
   * @param bytesMax longer ones are refused.
   */
  message(bytes: Uint8Array, bytesMax: number): void {
    if (this.#isOver) return;
    if (bytes.length > bytesMax || !(this.#isDecoding || bytes.length > longBytes)) {
      this.#parts.take(decodeDeviceFrame(bytes, bytesMax), null);
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (!this.#isDecoding) void this.#decodeAll();
    else if (this.#waiting.length > waitingMax || this.#waitingBytes > waitingBytesMax) {
      this.#fail(wireFault('too-slow', 'too many frames wait for a long one', null));
    }
  }

  /** The connection is gone, or has to go. */
  end(): void {
    this.#isOver = true;
    this.#waiting.length = 0;
  }

  async #decodeAll(): Promise<void> {
    this.#isDecoding = true;
    for (let bytes = this.#next(); bytes !== null; bytes = this.#next()) {
      if (bytes.length <= longBytes) this.#parts.take(decodeDeviceFrame(bytes), null);
      else await this.#decodeLong(bytes);
    }
    this.#isDecoding = false;
  }

  #next(): Uint8Array | null {
    const bytes = this.#waiting.shift() ?? null;
    if (bytes !== null) this.#waitingBytes -= bytes.length;
    return bytes;
  }

  async #decodeLong(bytes: Uint8Array): Promise<void> {
    try {
      const { decoded, prompt } = await this.#parts.decode(bytes);
      if (!this.#isOver) this.#parts.take(decoded, prompt);
    } catch (reason) {
      const { message } = toPilotfishError(reason, 'engine-failed');
      this.#fail(wireFault('too-slow', message, null));
    }
  }

  #fail(fault: WireFault): void {
    if (this.#isOver) return;
    this.end();
    this.#parts.take({ fault }, null);
  }
}
