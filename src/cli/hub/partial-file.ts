// Holds a download in progress: a file that only grows and is hashed as it grows, so that it can be
// resumed and verified. Removes a file whose content is wrong.

import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { PilotfishError } from '../../base/error.js';
import { fileFailed } from './requests.js';

/** A file's content by the hub: SHA-256 of large files, git's object name of small ones. */
export interface Content {
  /** Size of the whole file, >= 0. */
  readonly bytes: number;
  readonly hash: { readonly kind: 'sha256' | 'git-sha1'; readonly hex: string };
}

const readBytes = 1 << 20;

export class PartialFile {
  readonly path: string;
  readonly #content: Content;
  readonly #handle: FileHandle;
  #hash: Hash;
  #length = 0;

  private constructor(path: string, content: Content, handle: FileHandle) {
    this.path = path;
    this.#content = content;
    this.#handle = handle;
    this.#hash = startHash(content);
  }

  /** Opens or creates the file and hashes it; one longer than the whole is emptied. */
  static async open(path: string, content: Content): Promise<PartialFile> {
    const handle = await open(path, 'a+').catch((reason: unknown) => {
      throw fileFailed(path, reason);
    });
    const file = new PartialFile(path, content, handle);
    const { size } = await handle.stat();
    if (size > content.bytes) await file.reset();
    else await file.#hashFrom(size);
    return file;
  }

  /** Bytes on disk. */
  get length(): number {
    return this.#length;
  }

  /** @throws PilotfishError `checksum-mismatch` beyond the whole; `download-failed`. */
  async append(bytes: Uint8Array): Promise<void> {
    if (this.#length + bytes.length > this.#content.bytes) {
      await this.discard();
      throw mismatch(this.path, `more than the ${this.#content.bytes} bytes it should have`);
    }
    await this.#handle.appendFile(bytes).catch((reason: unknown) => {
      throw fileFailed(this.path, reason);
    });
    this.#hash.update(bytes);
    this.#length += bytes.length;
  }

  /** Empties the file. */
  async reset(): Promise<void> {
    await this.#handle.truncate(0);
    this.#hash = startHash(this.#content);
    this.#length = 0;
  }

  /** Checks length and hash. @throws `checksum-mismatch`, after which the file is removed. */
  async finish(): Promise<void> {
    const { bytes, hash } = this.#content;
    const digest = this.#hash.digest('hex');
    if (this.#length !== bytes || digest !== hash.hex) {
      await this.discard();
      const found = `${hash.kind} ${digest} over ${this.#length} bytes`;
      throw mismatch(this.path, `${found} instead of ${hash.hex} over ${bytes}`);
    }
    try {
      await this.#handle.sync();
      await this.#handle.close();
    } catch (reason) {
      throw fileFailed(this.path, reason);
    }
  }

  /** Keeps the content for another run. */
  async close(): Promise<void> {
    await this.#handle.close();
  }

  /** Removes the file. */
  async discard(): Promise<void> {
    await this.#handle.close();
    await rm(this.path, { force: true });
  }

  async #hashFrom(size: number): Promise<void> {
    const buffer = new Uint8Array(Math.min(size, readBytes));
    while (this.#length < size) {
      const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, this.#length);
      if (bytesRead === 0) break;
      this.#hash.update(buffer.subarray(0, bytesRead));
      this.#length += bytesRead;
    }
  }
}

function startHash({ bytes, hash }: Content): Hash {
  if (hash.kind === 'sha256') return createHash('sha256');
  // Git names an object by the SHA-1 of its kind, its size and its bytes.
  return createHash('sha1').update(`blob ${bytes}\0`);
}

const mismatch = (path: string, found: string): PilotfishError =>
  new PilotfishError('checksum-mismatch', `the download has ${found}; removed ${path}`);
