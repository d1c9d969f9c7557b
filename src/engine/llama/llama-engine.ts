// llama.cpp behind the Engine interface: checks the file, starts the thread that owns the model,
// and passes calls to it. The vocabulary is read here, in the caller's thread, from the same loaded
// model.

import { Worker } from 'node:worker_threads';
import { type ErrorCode, PilotfishError } from '../../base/error.js';
import type {
  DraftEnd,
  DraftedToken,
  DraftRequest,
  DraftRun,
  Engine,
  EngineInfo,
  OnHints,
  PassResult,
  Segment,
} from '../engine.js';
import { checkModelFile, type ModelFacts } from '../gguf/model-file.js';
import { coresHere, fitThreads } from './cores.js';
import { planExit } from './exit-plan.js';
import { openLlama } from './ffi/llama.js';
import { findLibrary, type LibraryFiles } from './library.js';
import { checkMemory, memoryLimit } from './memory-check.js';
import type { CoreArgs, CoreMethod, CoreResult, Greeting, Reply, WorkerStart } from './messages.js';
import { NativeVocabulary } from './native-vocabulary.js';
import { type LlamaOptions, type ResolvedOptions, resolveOptions } from './options.js';
import { probeModel } from './probe.js';
import { hasPassed, notePassed, probeEntry } from './probe-record.js';
import { StopFlags } from './stop-flags.js';

/** An engine with what only llama.cpp has to say. */
export interface LlamaEngine extends Engine {
  readonly options: ResolvedOptions;
  readonly library: LibraryFiles;
  /** Which row kernel the thread runs. */
  readonly kernel: string;
  /** Sentences about what makes this engine slower than it could be; usually none. */
  readonly warnings: readonly string[];
}

/**
 * Loads a GGUF model through llama.cpp, on a thread of its own. The caller closes the engine.
 *
 * @throws PilotfishError any code that begins with `model-`, `context-` or `library-`; `usage` for
 *   an option out of range; `engine-failed`. No file makes the process abort: header checks come
 *   first, then a probe in a child process.
 *
 * @example
 * ```ts
 * import { bundledModel, detokenize, loadLlamaEngine } from 'pilotfish';
 *
 * const modelPath = bundledModel('stories-target');
 * const engine = await loadLlamaEngine({ modelPath, slotCount: 4 });
 * const { vocabulary } = engine.info;
 * const tokens = vocabulary.tokenize('Once upon a time', { addBos: true, parseSpecial: false });
 * detokenize(vocabulary, tokens); // = 'Once upon a time'
 * await engine.close();
 * ```
 */
export async function loadLlamaEngine(options: LlamaOptions): Promise<LlamaEngine> {
  const facts = checkModelFile(options.modelPath);
  const exit = options.exit ? planExit(options.exit, facts) : null;
  const cores = coresHere();
  const wanted = resolveOptions(options, facts.contextLength, exit, cores);
  const { options: resolved, warnings } = fitThreads(wanted, cores);
  const files = findLibrary(options.libraryFolder);
  const llama = openLlama(files);
  checkMemory(facts, resolved, memoryLimit(resolved, files));
  if (options.probe !== false) await probeOnce(facts, files, resolved);
  const thread = new EngineThread({ files, options: resolved, stopFlags: new StopFlags().memory });
  const greeting = await thread.ready;
  const vocabulary = new NativeVocabulary(llama, greeting.modelPointer, () => thread.closed);
  const { kernel, isPooled } = greeting;
  if (!isPooled && resolved.threads > 1) {
    warnings.push('this llama.cpp makes no thread pool: it starts its threads anew for every pass');
  }
  return new ThreadedEngine(
    thread,
    { options: resolved, library: files, kernel, warnings },
    {
      modelName: facts.name,
      vocabulary,
      chatTemplate: facts.chatTemplate,
      slotCount: resolved.slotCount,
      contextLength: greeting.contextLength,
      passTokensMax: resolved.passTokensMax,
      passRowsMax: resolved.passRowsMax,
      exit: resolved.exit?.info ?? null,
    },
  );
}

/** Probes a file that has not passed before with these libraries and options. */
async function probeOnce(
  facts: ModelFacts,
  files: LibraryFiles,
  options: ResolvedOptions,
): Promise<void> {
  const entry = probeEntry(facts, files, options);
  if (hasPassed(entry)) return;
  await probeModel(files, options);
  notePassed(entry);
}

class ThreadedEngine implements LlamaEngine {
  readonly info: EngineInfo;
  readonly options: ResolvedOptions;
  readonly library: LibraryFiles;
  readonly kernel: string;
  readonly warnings: readonly string[];
  readonly #thread: EngineThread;

  constructor(
    thread: EngineThread,
    loaded: Pick<LlamaEngine, 'options' | 'library' | 'kernel' | 'warnings'>,
    info: EngineInfo,
  ) {
    this.#thread = thread;
    this.options = loaded.options;
    this.library = loaded.library;
    this.kernel = loaded.kernel;
    this.warnings = loaded.warnings;
    this.info = info;
  }

  open: Engine['open'] = (...args) => this.#thread.call('open', args);
  pass: Engine['pass'] = (segments, onHints) => this.#thread.pass(segments, onHints);
  draftEach: Engine['draftEach'] = (...args) => this.#thread.call('draftEach', args);
  truncate: Engine['truncate'] = (...args) => this.#thread.call('truncate', args);
  copyPrefix: Engine['copyPrefix'] = (...args) => this.#thread.call('copyPrefix', args);
  save: Engine['save'] = (...args) => this.#thread.call('save', args);
  restore: Engine['restore'] = (...args) => this.#thread.call('restore', args);

  draft(request: DraftRequest, onToken?: (token: DraftedToken) => void): DraftRun {
    return this.#thread.draft(request, onToken);
  }

  close(): Promise<void> {
    return this.#thread.close();
  }
}

/** Who hears of what a request says before its end. */
interface Listeners {
  readonly onToken?: ((token: DraftedToken) => void) | undefined;
  readonly onHints?: OnHints | undefined;
}

interface Pending extends Listeners {
  readonly resolve: (result: unknown) => void;
  readonly reject: (reason: PilotfishError) => void;
}

type Ready = Extract<Greeting, { kind: 'ready' }>;

/** The owner's side of the mailbox. */
class EngineThread {
  readonly ready: Promise<Ready>;
  readonly #worker: Worker;
  readonly #stopFlags: StopFlags;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #closing: Promise<void> | null = null;

  constructor(start: WorkerStart) {
    this.#stopFlags = new StopFlags(start.stopFlags);
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: start });
    this.ready = new Promise((resolve, reject) => {
      this.#worker.once('message', (greeting: Greeting) => {
        if (greeting.kind === 'refused') {
          reject(new PilotfishError(greeting.code, greeting.message));
          return;
        }
        this.#worker.on('message', (reply: Reply) => this.#settle(reply));
        resolve(greeting);
      });
      this.#worker.once('error', (reason) => {
        reject(this.#failAll('engine-failed', `the engine thread failed: ${reason.message}`));
      });
      this.#worker.once('exit', () => {
        reject(this.#failAll('engine-closed', 'the engine is closed'));
      });
    });
  }

  get closed(): boolean {
    return this.#closing !== null;
  }

  call<M extends CoreMethod>(method: M, args: CoreArgs<M>): Promise<CoreResult<M>> {
    return this.#send(method, args) as Promise<CoreResult<M>>;
  }

  /** Hints and result come from one port, in order: no hint can follow the result. */
  pass(segments: readonly Segment[], onHints?: OnHints): Promise<PassResult> {
    const args = [segments, onHints !== undefined];
    return this.#send('pass', args, { onHints }) as Promise<PassResult>;
  }

  draft(request: DraftRequest, onToken?: (token: DraftedToken) => void): DraftRun {
    const done = this.#send('draft', [request], { onToken }) as Promise<DraftEnd>;
    const id = this.#lastId;
    const stop = (): void => {
      // The flag of a draft that has ended may be a later draft's by now.
      if (this.#pending.has(id)) this.#stopFlags.stop(id);
    };
    return { done, stop };
  }

  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async #shutDown(): Promise<void> {
    this.#stopFlags.stopAll();
    const exited = new Promise((resolve) => this.#worker.once('exit', resolve));
    this.#post('close', []).catch(() => undefined); // A thread that has failed is closed as well.
    await exited;
  }

  #send(method: string, args: readonly unknown[], listeners: Listeners = {}): Promise<unknown> {
    if (this.closed) {
      return Promise.reject(new PilotfishError('engine-closed', 'the engine is closed'));
    }
    return this.#post(method, args, listeners);
  }

  #post(method: string, args: readonly unknown[], listeners: Listeners = {}): Promise<unknown> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#worker.postMessage({ id, method, args }); // Throws where an argument cannot be cloned: nothing waits then.
      this.#pending.set(id, { resolve, reject, ...listeners });
    });
  }

  #settle(reply: Reply): void {
    const pending = this.#pending.get(reply.id);
    if (!pending) return;
    if (reply.kind === 'token') {
      pending.onToken?.(reply.token);
      return;
    }
    if (reply.kind === 'hints') {
      pending.onHints?.(reply.hints);
      return;
    }
    this.#pending.delete(reply.id);
    if (reply.kind === 'done') pending.resolve(reply.result);
    else pending.reject(new PilotfishError(reply.code, reply.message));
  }

  #failAll(code: ErrorCode, message: string): PilotfishError {
    const error = new PilotfishError(code, message);
    this.#closing ??= Promise.resolve();
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    return error;
  }
}
