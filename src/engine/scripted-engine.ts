// Wraps the scripted model in the Engine interface, for tests in which a real model would only be
// slower.

import { PilotfishError } from '../base/error.js';
import { GrammarCache } from '../grammar/grammar-cache.js';
import type { DraftedToken, DraftRequest, DraftRun, Engine, EngineInfo } from './engine.js';
import { EngineCore } from './engine-core.js';
import { referenceRowMath } from './row-math.js';
import { ScriptedModel, type ScriptedModelOptions, scriptedImageWidth } from './scripted-model.js';
import { type Alphabet, scriptedVocabulary } from './scripted-vocabulary.js';

/** A small, sharp enough model; a test changes the options it needs. */
export const scriptedDefaults: ScriptedModelOptions = {
  vocabSize: 16,
  seed: 1,
  divergence: 0,
  sharpness: 4,
  slotCount: 4,
  contextLength: 256,
  passTokensMax: 64,
  passRowsMax: 64,
  exit: null,
};

/**
 * An engine over a toy model of at most 16 tokens that needs no file, for tests of code that uses
 * an engine. The same options give the same logits everywhere; `divergence` above 0 gives a draft
 * that agrees with the target only sometimes.
 *
 * @param options changes to the defaults (16 tokens, 4 slots, 256 tokens each); `alphabet` gives
 *   the texts of the tokens.
 * @throws PilotfishError `usage` for a vocabulary size out of range.
 *
 * @example
 * ```ts
 * import { createScriptedEngine } from 'pilotfish/engine';
 *
 * const target = createScriptedEngine();
 * const draft = createScriptedEngine({ divergence: 0.5 });
 * target.info.vocabulary.size; // = 16
 * draft.info.vocabulary.fingerprint === target.info.vocabulary.fingerprint; // = true
 * await Promise.all([target.close(), draft.close()]);
 * ```
 */
export function createScriptedEngine({
  alphabet = 'letters',
  ...options
}: Partial<ScriptedModelOptions> & { readonly alphabet?: Alphabet } = {}): Engine {
  const model = new ScriptedModel({ ...scriptedDefaults, ...options });
  const vocabulary = scriptedVocabulary(model.vocabSize, alphabet);
  const core = new EngineCore({
    model,
    math: referenceRowMath(model.vocabSize),
    endOfText: vocabulary.endOfText,
    grammars: new GrammarCache(vocabulary),
    now: () => 0,
  });
  return new ScriptedEngine(core, {
    modelName: 'scripted',
    vocabulary,
    chatTemplate: null,
    slotCount: model.slotCount,
    contextLength: model.contextLength,
    passTokensMax: model.passTokensMax,
    passRowsMax: model.passRowsMax,
    imageWidth: scriptedImageWidth,
    exit: model.exit,
  });
}

class ScriptedEngine implements Engine {
  readonly info: EngineInfo;
  readonly #core: EngineCore;
  /** Calls run one after another, as on an engine with a thread. */
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(core: EngineCore, info: EngineInfo) {
    this.#core = core;
    this.info = info;
  }

  #run<T>(work: (core: EngineCore) => T): Promise<T> {
    if (this.#closed) {
      return Promise.reject(new PilotfishError('engine-closed', 'the engine is closed'));
    }
    const result = this.#last.then(() => work(this.#core));
    this.#last = result.catch(() => undefined);
    return result;
  }

  open: Engine['open'] = (...args) => this.#run((core) => core.open(...args));
  pass: Engine['pass'] = (segments, onHints) => this.#run((core) => core.pass(segments, onHints));
  draftEach: Engine['draftEach'] = (requests) => this.#run((core) => core.draftEach(requests));
  truncate: Engine['truncate'] = (slot, length) => this.#run((core) => core.truncate(slot, length));
  copyPrefix: Engine['copyPrefix'] = (from, to, length) =>
    this.#run((core) => core.copyPrefix(from, to, length));
  save: Engine['save'] = (slot) => this.#run((core) => core.save(slot));
  restore: Engine['restore'] = (...args) => this.#run((core) => core.restore(...args));

  see: Engine['see'] = (image) => this.#run((core) => core.see(image));
  forget: Engine['forget'] = (first) => this.#run((core) => core.forget(first));

  draft(request: DraftRequest, onToken: (token: DraftedToken) => void = () => {}): DraftRun {
    let stopped = false;
    const control = { stopped: () => stopped, onToken };
    return {
      done: this.#run((core) => core.draft(request, control)),
      stop: () => {
        stopped = true;
      },
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
  }
}
