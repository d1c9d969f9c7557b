// Asks the thread that prepares, each key in its turn and at its own expense.

import { PilotfishError } from '../../base/error.js';
import type { EngineInfo } from '../../engine/engine.js';
import { singleBytes } from '../../grammar/format-checker.js';
import { FairQueue } from '../../threads/fair-queue.js';
import { SideThread } from '../../threads/side-thread.js';
import type { ThreadModel, ThreadReply, ThreadRequest } from './messages.js';

/** A schema at the limits takes 80 ms, and 1 000 of a slow and busy core. */
const threadMsMax = 4_000;
/** A fifth of one thread for a key, after ten of the largest schemas. */
const terms = { runnersMax: 1, waitingMax: 64, burstMs: 2_000, share: 0.2 };

export class PreparationThread {
  readonly #info: EngineInfo;
  readonly #queue = new FairQueue({
    ...terms,
    now: () => performance.now(),
    wait: (ms, then) => {
      setTimeout(then, ms).unref();
    },
  });
  #thread: SideThread<ThreadRequest, ThreadReply> | null = null;

  constructor(info: EngineInfo) {
    this.#info = info;
  }

  /**
   * @param moved memory of the request that is handed over, not copied.
   * @throws PilotfishError `server-busy` where too much of the key waits, that of the request where
   *   it takes too long, `engine-failed` where no thread starts.
   */
  ask(
    request: ThreadRequest,
    key: string | null,
    moved: readonly ArrayBuffer[] = [],
  ): Promise<ThreadReply> {
    return this.#queue.run(key, () => {
      this.#thread ??= new SideThread({
        script: new URL('./prepare-thread.js', import.meta.url),
        data: threadModel(this.#info),
        limitMs: threadMsMax,
        heapMiB: 256,
      });
      return this.#thread.ask(request, exceeded(request.kind), moved);
    });
  }

  async close(): Promise<void> {
    await this.#thread?.close();
  }
}

const expensive = {
  compile: ['format-invalid', 'the schema', 'to compile'],
  render: ['chat-template-failed', 'the chat', 'to render'],
  decode: ['prompt-too-long', 'the frame', 'to read'],
} as const;

const exceeded =
  (kind: ThreadRequest['kind']) =>
  (what: string): PilotfishError => {
    const [code, subject, verb] = expensive[kind];
    return new PilotfishError(code, `${subject} takes ${what} ${verb}`);
  };

function threadModel({ vocabulary, chatTemplate, contextLength }: EngineInfo): ThreadModel {
  const textOf = (token: number | null): string | null =>
    token === null ? null : vocabulary.tokenText(token);
  const { bos, eos, longestTokenBytes } = vocabulary;
  return {
    ...{ chatTemplate, contextLength, longestTokenBytes },
    writable: [...singleBytes(vocabulary)],
    bosText: textOf(bos),
    eosText: textOf(eos),
  };
}
