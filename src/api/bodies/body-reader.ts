// Reads the bodies of requests: short ones at once, long ones on another thread, each key in its
// turn and at its own expense.

import type { KeyGrant } from '../../base/key-grant.js';
import { FairQueue } from '../../threads/fair-queue.js';
import { SideThread } from '../../threads/side-thread.js';
import { ApiError } from '../api-error.js';
import type { ApiRequest } from '../api-request.js';
import {
  type BodyKind,
  bodyReaders,
  type ReadReply,
  type ReadRequest,
  requestIn,
} from './messages.js';

/** Bytes that any JSON is parsed and checked from in 1 or 2 ms. */
export const shortBytes = 32 * 1024;
const readMsMax = 10_000;
/** Half a thread for a key: four of the longest prompts a second. */
const terms = { runnersMax: 1, waitingMax: 64, burstMs: 5_000, share: 0.5 };

/** A body that was parsed at once, or one that is too long for that. */
export type Body = { readonly value: unknown } | { readonly bytes: Uint8Array<ArrayBuffer> };

export class BodyReader {
  readonly #queue = new FairQueue({
    ...terms,
    now: () => performance.now(),
    wait: (ms, then) => {
      setTimeout(then, ms).unref();
    },
  });
  #thread: SideThread<ReadRequest, ReadReply> | null = null;

  /** @throws ApiError naming the first field that is wrong. */
  async read(kind: BodyKind, body: Body, grant: KeyGrant | null): Promise<ApiRequest> {
    if (!('bytes' in body)) return bodyReaders[kind](body.value);
    const { bytes } = body;
    const reply = await this.#queue.run(grant?.id ?? null, () => {
      this.#thread ??= new SideThread({
        ...{ script: new URL('./read-thread.js', import.meta.url), data: null },
        ...{ limitMs: readMsMax, heapMiB: 256 },
      });
      const isWhole = bytes.byteLength === bytes.buffer.byteLength;
      return this.#thread.ask({ kind, bytes }, tooExpensive, isWhole ? [bytes.buffer] : []);
    });
    return requestIn(reply);
  }

  close(): void {
    void this.#thread?.close();
  }
}

const tooExpensive = (what: string): ApiError =>
  new ApiError('request_too_large', `the body takes ${what} to read`);
