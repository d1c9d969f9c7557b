// Loads the target and, if wanted, the draft that a command names, and closes both or neither.
// Downloads nothing; the engine says what it chose where nothing was set.

import { dirname } from 'node:path';
import { PilotfishError } from '../../base/error.js';
import { type LlamaEngine, type LlamaOptions, loadLlamaEngine } from '../../engine/llama/index.js';
import { checkSameVocabulary } from '../../engine/vocabulary-match.js';
import type { DraftOptions, ModelOptions } from '../flags.js';
import { resolveModel } from '../model-name.js';
import { bundledModels } from '../package-root.js';
import type { Terminal } from '../terminal.js';

export interface Engines {
  readonly target: LlamaEngine;
  readonly draft: LlamaEngine | null;
  readonly loadMs: number;
}

export type EngineChoice = ModelOptions &
  Pick<DraftOptions, 'draftLength' | 'threadsDraft'> & {
    /** Of the target: the draft's bits change no promise. */
    readonly deterministic: boolean;
  };

/**
 * Loads both side by side.
 *
 * @throws PilotfishError as `resolveModel` and `loadLlamaEngine`; `vocabulary-mismatch`; `cancelled` when the signal
 *   came meanwhile. Nothing stays loaded then.
 */
export async function loadEngines(
  choice: EngineChoice,
  { env, signal }: Pick<Terminal, 'env' | 'signal'>,
): Promise<Engines> {
  const started = performance.now();
  const targetOptions = await optionsOf(choice.model, targetSettings(choice), env);
  const draftOptions =
    choice.draft === undefined ? null : await optionsOf(choice.draft, draftSettings(choice), env);
  const loads = [targetOptions, draftOptions].map((options) => options && loadLlamaEngine(options));
  const settled = await Promise.allSettled(loads);
  const engines = settled.map((load) => (load.status === 'fulfilled' ? load.value : null));
  try {
    for (const load of settled) if (load.status === 'rejected') throw load.reason;
    if (signal.aborted) throw new PilotfishError('cancelled', 'loading the models was stopped');
    const [target, draft] = engines as [LlamaEngine, LlamaEngine | null];
    if (draft) checkSameVocabulary(target.info.vocabulary, draft.info.vocabulary);
    return { target, draft, loadMs: performance.now() - started };
  } catch (reason) {
    await Promise.all(engines.map((engine) => engine?.close()));
    throw reason;
  }
}

export const closeEngines = async ({ target, draft }: Engines): Promise<void> => {
  await Promise.all([target.close(), draft?.close()]);
};

type Settings = Omit<LlamaOptions, 'modelPath' | 'probe'>;

async function optionsOf(
  name: string,
  settings: Settings,
  env: Terminal['env'],
): Promise<LlamaOptions> {
  const modelPath = await resolveModel(name, env);
  // The package's own models are known not to crash llama.cpp; the probe would load them twice.
  return { ...settings, modelPath, probe: dirname(modelPath) !== bundledModels };
}

const targetSettings = (choice: EngineChoice): Settings => ({
  ...sharedSettings(choice),
  ...given('threads', choice.threads),
  // A row for each draft and the one behind them.
  passRowsMax: choice.draftLength + 1,
  deterministic: choice.deterministic,
});

const draftSettings = (choice: EngineChoice): Settings => ({
  ...sharedSettings(choice),
  ...given('threads', choice.threadsDraft ?? choice.threads),
});

const sharedSettings = (choice: EngineChoice): Settings => ({
  ...given('contextLength', choice.ctxSize),
  ...given('gpuLayers', choice.gpuLayers),
  ...given('cacheTypeK', choice.cacheTypeK),
  ...given('cacheTypeV', choice.cacheTypeV),
  ...given('flashAttention', choice.flashAttn),
});

/** A setting that is left to the engine when it is not given. */
function given<K extends keyof Settings>(key: K, value: Settings[K] | undefined): Settings {
  return value === undefined ? {} : ({ [key]: value } as Settings);
}
