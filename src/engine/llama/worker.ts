// The thread that computes: loads one model, answers requests one after another. No other thread
// decodes with it, and nothing else runs here, so llama.cpp's blocking calls block nobody.

import { parentPort, workerData } from 'node:worker_threads';
import { assert, InvariantError } from '../../base/assert.js';
import { toPilotfishError } from '../../base/error.js';
import { GrammarCache } from '../../grammar/grammar-cache.js';
import type { DraftRequest, ExitHint, Segment } from '../engine.js';
import { EngineCore } from '../engine-core.js';
import { createKernel } from '../kernel/kernel.js';
import { ContextThreads } from './context-threads.js';
import { openLlama } from './ffi/llama.js';
import { openTensors } from './ffi/tensors.js';
import { openThreadPools } from './ffi/thread-pool.js';
import type { Greeting, Reply, Request, WorkerStart } from './messages.js';
import { NativeModel } from './native-model.js';
import { NativeVocabulary } from './native-vocabulary.js';
import { StopFlags } from './stop-flags.js';

assert(parentPort !== null, 'the engine worker was not started as a thread');
const port = parentPort;
const { files, options, stopFlags } = workerData as WorkerStart;
const flags = new StopFlags(stopFlags);
const reply = (message: Reply): void => port.postMessage(message);

interface Started {
  readonly core: EngineCore;
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
    threads = new ContextThreads(llama, openThreadPools(files), options);
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
      isPooled: threads.isPooled,
    };
    port.postMessage(greeting);
    return { core, close };
  } catch (reason) {
    close();
    const { code, message } = toPilotfishError(reason, 'engine-failed');
    const greeting: Greeting = { kind: 'refused', code, message };
    port.postMessage(greeting);
    return null;
  }
}

function answer(request: Request, { core, close }: Started): unknown {
  if (request.method === 'close') return close();
  if (request.method === 'draft') {
    return core.draft(request.args[0] as DraftRequest, {
      stopped: () => flags.isStopped(request.id),
      onToken: (token) => reply({ id: request.id, kind: 'token', token }),
    });
  }
  if (request.method === 'pass') {
    const [segments, wantsHints] = request.args;
    const tell = (hints: readonly ExitHint[]): void =>
      reply({ id: request.id, kind: 'hints', hints });
    return core.pass(segments as readonly Segment[], wantsHints ? tell : undefined);
  }
  const method = core[request.method] as (...args: readonly unknown[]) => unknown;
  return method.apply(core, request.args as unknown[]);
}

const started = start();
if (started) {
  port.on('message', (request: Request) => {
    try {
      reply({ id: request.id, kind: 'done', result: answer(request, started) });
    } catch (reason) {
      if (reason instanceof InvariantError) throw reason; // Ends the thread; its owner fails whatever waits.
      const { code, message } = toPilotfishError(reason, 'engine-failed');
      reply({ id: request.id, kind: 'failed', code, message });
    }
    if (request.method === 'close') port.close();
  });
}
