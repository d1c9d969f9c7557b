// Reads a file front to back in small pieces, never past its end or a given number of bytes.
// Memory: one window of at most 256 KiB, plus the bytes that the caller takes after they were found
// to exist.

import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { PilotfishError } from '../../base/error.js';
import { refuseModel } from './model-error.js';

const windowBytes = 256 * 1024;

export class FileCursor {
  readonly fileBytes: number;
  private readonly descriptor: number;
  private readonly bytesMax: number;
  private window: Buffer = Buffer.alloc(0);
  private windowAt = 0;
  private at = 0;

  /**
   * @param bytesMax most bytes to read; reading further is `model-malformed`.
   * @throws PilotfishError `model-not-found` if the file is missing, not regular, or unreadable.
   */
  constructor(path: string, bytesMax: number) {
    this.descriptor = openRegular(path);
    this.fileBytes = fstatSync(this.descriptor).size;
    this.bytesMax = bytesMax;
  }

  close(): void {
    closeSync(this.descriptor);
  }

  /** Bytes from the start of the file. */
  get position(): number {
    return this.at;
  }

  /** Bytes between here and the end of the file. */
  get remaining(): number {
    return this.fileBytes - this.at;
  }

  /** The next `count` bytes without moving; fewer at the end of the file. */
  peek(count: number): Buffer {
    const length = Math.min(count, this.remaining);
    const offset = this.hold(length);
    return this.window.subarray(offset, offset + length);
  }

  // `advance` may replace the window, so the offset must be known before the window is read.

  u32(): number {
    const offset = this.advance(4);
    return this.window.readUInt32LE(offset);
  }

  u64(): bigint {
    const offset = this.advance(8);
    return this.window.readBigUInt64LE(offset);
  }

  /** A 64-bit count as a number: exact below 2^53; larger values still exceed every limit. */
  length(): number {
    const offset = this.advance(8);
    return this.window.readUInt32LE(offset) + 2 ** 32 * this.window.readUInt32LE(offset + 4);
  }

  /** A copy of the next `count` bytes; the copy is the caller's. */
  take(count: number): Buffer {
    this.require(count);
    const copy = Buffer.allocUnsafeSlow(count);
    for (let done = 0; done < count; ) {
      const length = Math.min(windowBytes, count - done);
      const offset = this.advance(length);
      this.window.copy(copy, done, offset, offset + length);
      done += length;
    }
    return copy;
  }

  skip(count: number): void {
    this.require(count);
    this.at += count;
  }

  /**
   * A copy of the bytes that `walk` moves over; it must only move forward. The copy is the
   * caller's.
   */
  measure(walk: () => void): Buffer {
    const from = this.at;
    walk();
    const count = this.at - from;
    this.at = from;
    return this.take(count);
  }

  private require(count: number): void {
    if (count > this.remaining) {
      refuseModel(
        'model-truncated',
        `the header needs at least ${this.at + count} bytes, the file has ${this.fileBytes} ` +
          `(${this.at + count - this.fileBytes} missing)`,
      );
    }
    if (this.at + count > this.bytesMax) {
      refuseModel('model-malformed', `the header is longer than ${this.bytesMax} bytes`);
    }
  }

  /** Moves forward by `count` and returns the offset of those bytes in the window. */
  private advance(count: number): number {
    this.require(count);
    const offset = this.hold(count);
    this.at += count;
    return offset;
  }

  /**
   * Makes the window hold the next `count` bytes, at most `windowBytes`; returns their offset in
   * it.
   */
  private hold(count: number): number {
    const offset = this.at - this.windowAt;
    if (offset >= 0 && offset + count <= this.window.length) return offset;
    this.windowAt = this.at;
    const buffer = Buffer.allocUnsafeSlow(Math.min(windowBytes, this.remaining));
    this.window = buffer.subarray(0, fillFrom(this.descriptor, buffer, this.at));
    if (this.window.length < count)
      refuseModel('model-truncated', 'the file shrank while it was read');
    return 0;
  }
}

/**
 * Fills `buffer` from a place in the file, as far as the file goes.
 *
 * @returns bytes read. @throws PilotfishError `model-not-found` if the file cannot be read.
 */
export function fillFrom(descriptor: number, buffer: Buffer, from: number): number {
  try {
    let done = 0;
    for (let read = -1; read !== 0 && done < buffer.length; done += read) {
      read = readSync(descriptor, buffer, done, buffer.length - done, from + done);
    }
    return done;
  } catch (cause) {
    throw new PilotfishError('model-not-found', `cannot be read (${errorName(cause)})`, { cause });
  }
}

/** Opens only regular files: opening a pipe would wait for a writer, and a device may never end. */
export function openRegular(path: string): number {
  try {
    const stats = statSync(path);
    if (stats.isDirectory()) {
      refuseModel('model-not-found', 'is a folder; name the .gguf file inside it');
    }
    if (!stats.isFile()) refuseModel('model-not-found', 'is not a regular file');
    return openSync(path, 'r');
  } catch (cause) {
    if (cause instanceof PilotfishError) throw cause;
    const reason =
      errorName(cause) === 'ENOENT' ? 'no such file' : `cannot be opened (${errorName(cause)})`;
    throw new PilotfishError('model-not-found', reason, { cause });
  }
}

function errorName(reason: unknown): string {
  if (reason instanceof Error && 'code' in reason) return String(reason.code);
  return String(reason);
}
