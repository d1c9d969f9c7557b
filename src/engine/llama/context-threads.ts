// The threads that compute for the contexts of one model. Without a pool ggml starts and joins
// threads for every graph, which costs more than a pass of a small model.

import type { Llama } from './ffi/llama.js';
import type { Pointer } from './ffi/structs.js';
import type { ThreadPools } from './ffi/thread-pool.js';
import type { ResolvedOptions } from './options.js';

/** Owns a thread pool, which the thread that decodes attaches to its contexts. */
export class ContextThreads {
  readonly #llama: Llama;
  readonly #pools: ThreadPools | null;
  /** Null where ggml makes none: its threads then live as long as a graph. */
  readonly #pool: Pointer | null;

  constructor(llama: Llama, pools: ThreadPools | null, options: ResolvedOptions) {
    const { threads, batchThreads, poll, priority, processors, isPinned } = options;
    const threadCount = Math.max(threads, batchThreads);
    this.#llama = llama;
    this.#pools = pools;
    this.#pool = pools?.create({ threadCount, poll, priority, processors, isPinned }) ?? null;
  }

  get isPooled(): boolean {
    return this.#pool !== null;
  }

  /** The contexts take turns: a pool computes one graph at a time. */
  attach(context: Pointer): void {
    if (this.#pool !== null) this.#llama.attach_threadpool(context, this.#pool, null);
  }

  /** After its contexts are freed. */
  close(): void {
    if (this.#pool !== null) this.#pools?.free(this.#pool);
  }
}
