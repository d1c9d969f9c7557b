// The thread that computes: loads one model, answers requests one after another. No other thread
// decodes with it, and nothing else runs here, so llama.cpp's calls may block.

import { once } from 'node:events';
import { parentPort, receiveMessageOnPort } from 'node:worker_threads';
import { assert, InvariantError } from '../../base/assert.js';
import { toPilotfishError } from '../../base/error.js';
import { GrammarCache } from '../../grammar/grammar-cache.js';
import type { DraftRequest, ExitHint, Segment } from '../engine.js';
import { EngineCore } from '../engine-core.js';
import { createKernel } from '../kernel/kernel.js';
import { PassAhead } from '../pass-ahead.js';
import { AheadRunner } from './ahead-runner.js';
import { AskFlags } from './ask-flags.js';
import { ContextThreads } from './context-threads.js';
import { type Fitted, tryThreads } from './cores.js';
import { type Llama, openLlama } from './ffi/llama.js';
import { openTensors } from './ffi/tensors.js';
import { openThreadPools } from './ffi/thread-pool.js';
import { canStartThreads } from './ffi/thread-trial.js';
import type { CoreMethod, Greeting, Reply, Request, WorkerStart } from './messages.js';
import { NativeModel } from './native-model.js';
import { NativeVocabulary } from './native-vocabulary.js';
import { forOneThread, type ResolvedOptions } from './options.js';
import { StopFlags } from './stop-flags.js';
import { inThreadTurn } from './thread-turn.js';

assert(parentPort !== null, 'the engine worker was not started as a thread');
const port = parentPort;
// The thread is started before its owner knows what to load.
const [order] = (await once(port, 'message')) as [WorkerStart | null];
// Ends this thread alone. Its owner has refused the model.
if (order === null) process.exit();
const { files, stopFlags, askFlags, ...given } = order;
const flags = new StopFlags(stopFlags);
/** Passes computed ahead that come faster than this are told together: 250 messages a second. */
const groupMsMin = 4;
/** Half as often where the owner has to be waited for. */
const turnGroupMs = 8;
/** The owner is given so long to handle a group, where the threads leave it no core. */
const turnMsMax = 3;
/** Replies that can wait for the next one: each message wakes the other thread. */
let held: Reply[] = [];
let flushedAtMs = 0;
/** @param moved memory of the replies that is handed over, not copied. */
const flush = (moved: readonly ArrayBuffer[] = []): void => {
  if (held.length === 0) return;
  port.postMessage(held, moved);
  held = [];
  flushedAtMs = performance.now();
};
const reply = (message: Reply, moved?: readonly ArrayBuffer[]): void => {
  held.push(message);
  flush(moved);
};
/** The cache of a slot is saved into memory of its own, and may be large. */
const savedMemory = (result: unknown): ArrayBuffer[] => [
  (result as Uint8Array<ArrayBuffer>).buffer,
];

interface Started {
  readonly core: EngineCore;
  /** The threads leave no core for their owner. */
  readonly takesTurns: boolean;
  readonly ahead: PassAhead;
  /** Frees everything native. */
  close(): void;
}

function start(): Started | null {
  let model: NativeModel | null = null;
  let threads: ContextThreads | null = null;
  const close = (): void => {
    model?.close();
    threads?.close();
  };
  try {
    const llama = openLlama(files);
    const { options, warnings, pool } = inThreadTurn(given.threadTurn, () => startThreads(llama));
    threads = pool;
    model = new NativeModel(llama, options, options.exit && openTensors(files), threads);
    const vocabulary = new NativeVocabulary(llama, model.modelPointer, () => false);
    const { endOfText } = vocabulary;
    const grammars = new GrammarCache(vocabulary);
    const math = createKernel(model.vocabSize);
    const core = new EngineCore({ model, math, endOfText, grammars, now: () => performance.now() });
    const greeting: Greeting = {
      kind: 'ready',
      modelPointer: model.modelPointer,
      contextLength: model.contextLength,
      kernel: math.implementation,
      endOfText: [...endOfText],
      threads: { threads: options.threads, batchThreads: options.batchThreads },
      takesTurns: options.takesTurns,
      warnings,
    };
    port.postMessage(greeting);
    return { core, takesTurns: options.takesTurns, ahead: new PassAhead(core, endOfText), close };
  } catch (reason) {
    close();
    const { code, message } = toPilotfishError(reason, 'engine-failed');
    const greeting: Greeting = { kind: 'refused', code, message };
    port.postMessage(greeting);
    return null;
  }
}

/** Starts ggml's threads, or one where the system refuses. */
function startThreads(llama: Llama): Fitted<ResolvedOptions> & { readonly pool: ContextThreads } {
  const { options: fitted, warnings } = tryThreads(given.options, canStartThreads);
  const options = fitted === given.options ? fitted : forOneThread(fitted);
  const pool = new ContextThreads(llama, openThreadPools(files), options);
  if (!pool.isPooled && options.threads > 1) {
    warnings.push('this llama.cpp makes no thread pool: it starts its threads anew for every pass');
  }
  return { options, warnings, pool };
}

function answer(request: Request, { core, ahead, close }: Started): unknown {
  if (request.method === 'close') return close();
  if (request.method !== 'pass') ahead.release(...slotsOf(request));
  if (request.method === 'draft') {
    return core.draft(request.args[0] as DraftRequest, {
      stopped: () => flags.isStopped(request.id),
      onToken: (token) => reply({ id: request.id, kind: 'token', token }),
    });
  }
  if (request.method === 'pass') {
    const [segments, wantsHints, followCount] = request.args;
    const tell = (hints: readonly ExitHint[]): void =>
      reply({ id: request.id, kind: 'hints', hints });
    return ahead.pass(segments as readonly Segment[], wantsHints ? tell : undefined, followCount);
  }
  const method = core[request.method as CoreMethod] as (...args: readonly unknown[]) => unknown;
  return method.apply(core, request.args as unknown[]);
}

/** Slots that a request changes or reads. */
function slotsOf({ method, args }: Exclude<Request, { method: 'pass' }>): number[] {
  const [first, second] = args as readonly unknown[];
  if (method === 'see' || method === 'forget') return [];
  if (method === 'draft') return [(first as DraftRequest).slot];
  if (method === 'draftEach') return (first as readonly DraftRequest[]).map(({ slot }) => slot);
  return (method === 'copyPrefix' ? [first, second] : [first]) as number[];
}

const started = start();
if (started) {
  const asks = new AskFlags(askFlags);
  const groupMs = started.takesTurns ? turnGroupMs : groupMsMin;
  const tellGroup = (): void => {
    const before = asks.handledCount;
    flush();
    if (!started.takesTurns) return;
    // Threads that compute meanwhile would lose more, as each waits for the one without a core.
    asks.awaitHandled(before, turnMsMax);
    flushedAtMs = performance.now();
  };
  const runner = new AheadRunner(started.ahead, asks, (id, step, result) => {
    held.push({ id, kind: 'ahead', step, result });
    const nextMs = result === null ? groupMs : result.decodeMs + result.judgeMs;
    if (performance.now() + nextMs > flushedAtMs + groupMs) tellGroup();
  });
  const handle = (request: Request): void => {
    runner.honour();
    if (request.method === 'wake') return;
    try {
      const done = { id: request.id, kind: 'done', result: answer(request, started) } as const;
      if (request.method === 'open' || request.method === 'truncate') held.push(done);
      else if (request.method === 'save') reply(done, savedMemory(done.result));
      else reply(done);
      if (request.method === 'pass') runner.begin(request.id);
    } catch (reason) {
      if (reason instanceof InvariantError) throw reason; // Ends the thread; its owner fails whatever waits.
      const { code, message } = toPilotfishError(reason, 'engine-failed');
      reply({ id: request.id, kind: 'failed', code, message });
    }
    if (request.method === 'close') port.close();
  };
  let waiting: readonly Request[] | undefined;
  const receive = (): boolean => {
    waiting = receiveMessageOnPort(port)?.message;
    return waiting !== undefined;
  };
  port.on('message', (requests: readonly Request[]) => {
    waiting = requests;
    while (waiting !== undefined) {
      waiting.forEach(handle);
      if (receive()) continue;
      flush();
      runner.advance(receive);
      flush();
    }
  });
}
