import type { DraftedToken, DraftRequest, DraftRun, Engine, EngineInfo } from '../engine.js';
import { checkModelFile, type ModelFacts } from '../gguf/model-file.js';
import { coresHere, fitThreads } from './cores.js';
import { EngineThread } from './engine-thread.js';
import { planExit } from './exit-plan.js';
import { openLlama } from './ffi/llama.js';
import { findLibrary, type LibraryFiles } from './library.js';
import { checkMemory, checkMemoryOfPair, memoryLimit } from './memory-check.js';
import { NativeVocabulary } from './native-vocabulary.js';
import { type LlamaOptions, type ResolvedOptions, resolveOptions } from './options.js';
import { probeModel } from './probe.js';
import { hasPassed, notePassed, probeEntry } from './probe-record.js';

/** `close` waits this long for a text that is being tokenised. */
const idleMsMax = 5_000;

/** An engine with what only llama.cpp has to say. */
export interface LlamaEngine extends Engine {
  readonly options: ResolvedOptions;
  readonly library: LibraryFiles;
  /** Which row kernel the thread runs. */
  readonly kernel: string;
  /** Longest context that the model was trained for, in tokens. */
  readonly trainedContext: number;
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
  const thread = new EngineThread();
  try {
    return await loadOn(thread, options);
  } catch (reason) {
    await thread.abandon();
    throw reason;
  }
}

async function loadOn(thread: EngineThread, options: LlamaOptions): Promise<LlamaEngine> {
  const facts = checkModelFile(options.modelPath);
  const exit = options.exit ? planExit(options.exit, facts) : null;
  const cores = coresHere();
  const wanted = resolveOptions(options, facts.contextLength, exit, cores);
  const { options: fitted, warnings } = fitThreads(wanted, cores);
  const files = findLibrary(options.libraryFolder);
  const llama = openLlama(files);
  checkMemory(facts, fitted, memoryLimit(fitted, files));
  if (options.probe !== false) await probeOnce(facts, files, fitted);
  thread.load({ files, options: fitted });
  const greeting = await thread.ready;
  const vocabulary = new NativeVocabulary(llama, greeting.modelPointer, () => thread.closed);
  const { kernel } = greeting;
  const resolved = { ...fitted, ...greeting.threads };
  warnings.push(...greeting.warnings);
  return new ThreadedEngine(
    thread,
    {
      ...{ options: resolved, library: files, kernel, warnings },
      trainedContext: facts.contextLength,
    },
    {
      modelName: facts.name,
      vocabulary,
      chatTemplate: facts.chatTemplate,
      slotCount: resolved.slotCount,
      contextLength: greeting.contextLength,
      passTokensMax: resolved.passTokensMax,
      passRowsMax: resolved.passRowsMax,
      imageWidth: facts.imageWidth,
      exit: resolved.exit?.info ?? null,
    },
  );
}

/**
 * Refuses a target and a draft model that this machine cannot hold side by side, before either is
 * loaded.
 *
 * @throws PilotfishError as `loadLlamaEngine` for a file or an option; `model-too-large` or
 *   `context-too-large`.
 */
export function checkPairFits(target: LlamaOptions, draft: LlamaOptions): void {
  const [one, other] = [target, draft].map((options) => {
    const facts = checkModelFile(options.modelPath);
    const exit = options.exit ? planExit(options.exit, facts) : null;
    return { facts, options: resolveOptions(options, facts.contextLength, exit) };
  });
  const limit = memoryLimit(one!.options, findLibrary(target.libraryFolder));
  checkMemory(one!.facts, one!.options, limit);
  checkMemoryOfPair(one!, other!, limit);
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
  readonly trainedContext: number;
  readonly warnings: readonly string[];
  readonly #thread: EngineThread;
  readonly #vocabulary: NativeVocabulary;

  constructor(
    thread: EngineThread,
    loaded: Pick<LlamaEngine, 'options' | 'library' | 'kernel' | 'trainedContext' | 'warnings'>,
    info: EngineInfo & { readonly vocabulary: NativeVocabulary },
  ) {
    this.#thread = thread;
    this.#vocabulary = info.vocabulary;
    this.options = loaded.options;
    this.library = loaded.library;
    this.kernel = loaded.kernel;
    this.trainedContext = loaded.trainedContext;
    this.warnings = loaded.warnings;
    this.info = info;
  }

  see: Engine['see'] = (...args) => this.#thread.call('see', args);
  forget: Engine['forget'] = (...args) => this.#thread.call('forget', args);
  open: Engine['open'] = (...args) => this.#thread.call('open', args);
  pass: Engine['pass'] = (...args) => this.#thread.pass(...args);
  draftEach: Engine['draftEach'] = (...args) => this.#thread.call('draftEach', args);
  truncate: Engine['truncate'] = (...args) => this.#thread.call('truncate', args);
  copyPrefix: Engine['copyPrefix'] = (...args) => this.#thread.call('copyPrefix', args);
  save: Engine['save'] = (...args) => this.#thread.call('save', args);
  restore: Engine['restore'] = (...args) => this.#thread.call('restore', args);

  draft(request: DraftRequest, onToken?: (token: DraftedToken) => void): DraftRun {
    return this.#thread.draft(request, onToken);
  }

  /** A model whose vocabulary is still being read is left to the end of the process. */
  close(): Promise<void> {
    return this.#thread.close(this.#vocabulary.whenIdle(idleMsMax));
  }
}
