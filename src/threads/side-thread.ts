// A thread for work of a peer's size: one request at a time, each within a time limit. A thread
// that exceeds it, or its memory, is ended, and the next request starts another.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { PilotfishError } from '../base/error.js';

export interface SideThreadTerms {
  /** Module of the thread; it calls `serveSide`. */
  readonly script: URL;
  /** Given to the module as its `workerData`. */
  readonly data: unknown;
  /** Milliseconds of one request. */
  readonly limitMs: number;
  /** Mebibytes of JavaScript objects. */
  readonly heapMiB: number;
}

export class SideThread<Request, Reply> {
  readonly #terms: SideThreadTerms;
  #worker: Promise<Worker> | null = null;
  #restartCount = 0;

  constructor(terms: SideThreadTerms) {
    this.#terms = terms;
  }

  /** Threads that were ended because a request exceeded its limits. */
  get restartCount(): number {
    return this.#restartCount;
  }

  /**
   * What the thread replies. The caller waits for it before it asks again.
   *
   * @param exceeded makes the error of a request that takes too long, or too much memory.
   * @param moved memory of the request that is handed over, not copied.
   * @throws the error that `exceeded` makes; PilotfishError `engine-failed` where no thread starts.
   */
  async ask(
    request: Request,
    exceeded: (what: string) => Error,
    moved: readonly ArrayBuffer[] = [],
  ): Promise<Reply> {
    this.#worker ??= this.#start();
    const worker = await this.#worker;
    const ending = new AbortController();
    const { signal } = ending;
    const { limitMs } = this.#terms;
    let timer: NodeJS.Timeout | undefined;
    const tooLong = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(exceeded(`more than ${limitMs} ms`)), limitMs);
    });
    // Rejects with the thread's own error too.
    const replied = once(worker, 'message', { signal }).catch(() => {
      throw exceeded('more memory than it may');
    });
    try {
      worker.ref();
      worker.postMessage(request, moved);
      const [reply] = await Promise.race([replied, tooLong]);
      return reply as Reply;
    } catch (reason) {
      this.#restartCount++;
      this.#worker = null;
      void worker.terminate();
      throw reason;
    } finally {
      worker.unref();
      clearTimeout(timer);
      replied.catch(() => undefined);
      ending.abort();
    }
  }

  /** Ends the thread; resolves when it is gone. */
  async close(): Promise<void> {
    const worker = await this.#worker?.catch(() => null);
    this.#worker = null;
    await worker?.terminate();
  }

  async #start(): Promise<Worker> {
    const { script, data, heapMiB } = this.#terms;
    try {
      const worker = new Worker(script, {
        workerData: data,
        resourceLimits: { maxOldGenerationSizeMb: heapMiB },
      });
      // An exit follows every error.
      worker.on('error', () => undefined);
      await once(worker, 'message');
      worker.unref();
      return worker;
    } catch (cause) {
      this.#worker = null;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new PilotfishError('engine-failed', `the system starts no thread: ${why}`, { cause });
    }
  }
}
