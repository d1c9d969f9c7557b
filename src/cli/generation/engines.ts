// Loads the target and the draft of a command, and closes both or neither. Downloads nothing; the
// engine reports its own choices.

import { unreachable } from '../../base/assert.js';
import { PilotfishError } from '../../base/error.js';
import type { DraftEngine } from '../../engine/engine.js';
import { coresHere, defaultPoll, defaultThreads } from '../../engine/llama/cores.js';
import type { LlamaEngine, LlamaOptions } from '../../engine/llama/index.js';
import { checkPairFits } from '../../engine/llama/llama-engine.js';
import { lookUpDraft } from '../../engine/local/look-up-draft.js';
import { checkSameVocabulary } from '../../engine/vocabulary-match.js';
import { type DrafterName, type DraftOptions, drafterOf } from '../flags/draft-flags.js';
import { type LoadOptions, loadSettings, warnOfLongContext } from '../flags/model-flags.js';
import { loadNoted } from '../models/load-model.js';
import { resolveDraft, resolveModel } from '../models/model-name.js';
import type { Terminal } from '../screen/terminal.js';

export interface Engines {
  readonly target: LlamaEngine;
  /** The draft model, where one drafts. */
  readonly draft: LlamaEngine | null;
  readonly draftKind: DrafterName['kind'];
  /** Null: none drafts. */
  readonly drafter: DraftEngine | null;
  readonly loadMs: number;
}

export type EngineChoice = LoadOptions &
  Pick<DraftOptions, 'draft' | 'draftLength'> & {
    readonly model: string;
    readonly threadsDraft?: number;
    /** Of the target; the draft's bits change no promise. */
    readonly deterministic: boolean;
  };

/** Loads both side by side; after an error nothing stays loaded. @throws as loadLlamaEngine. */
export async function loadEngines(
  choice: EngineChoice,
  terminal: Pick<Terminal, 'env' | 'err' | 'signal'>,
): Promise<Engines> {
  const started = performance.now();
  const drafter = drafterOf(choice);
  const shared = drafter.kind === 'model' ? { poll: pollBeside(choice) } : {};
  const targetPath = await resolveModel(choice.model, terminal.env);
  const targetOptions = { ...targetSettings(choice), ...shared, modelPath: targetPath };
  const draftPath =
    drafter.kind === 'model' ? await resolveDraft(drafter.name, terminal.env) : null;
  const draftOptions =
    draftPath === null ? null : { ...draftSettings(choice), ...shared, modelPath: draftPath };
  const { target, draft } = await loadPair(targetOptions, draftOptions, terminal);
  warnOfLongContext(target, choice, terminal);
  const parts = { draftKind: drafter.kind, drafter: draftEngineOf(drafter.kind, target, draft) };
  return { target, draft, ...parts, loadMs: performance.now() - started };
}

/** A target, and its draft model where there is one. */
export type EnginePair = Pick<Engines, 'target' | 'draft'>;

/** Loads two models of one vocabulary side by side; after an error nothing stays loaded. */
export async function loadPair(
  target: LlamaOptions,
  draft: LlamaOptions | null,
  terminal: Pick<Terminal, 'env' | 'err' | 'signal'>,
): Promise<EnginePair> {
  if (draft !== null) checkPairFits(target, draft);
  const loads = [target, draft].map((options) => options && loadNoted(options, terminal));
  const settled = await Promise.allSettled(loads);
  const engines = settled.map((load) => (load.status === 'fulfilled' ? load.value : null));
  try {
    for (const load of settled) if (load.status === 'rejected') throw load.reason;
    if (terminal.signal.aborted) {
      throw new PilotfishError('cancelled', 'loading the models was stopped');
    }
    const pair = { target: engines[0]!, draft: engines[1]! };
    if (pair.draft) checkSameVocabulary(pair.target.info.vocabulary, pair.draft.info.vocabulary);
    return pair;
  } catch (reason) {
    await Promise.all(engines.map((engine) => engine?.close()));
    throw reason;
  }
}

/** @param draft the draft model, where one is loaded. */
function draftEngineOf(
  kind: DrafterName['kind'],
  target: LlamaEngine,
  draft: LlamaEngine | null,
): DraftEngine | null {
  switch (kind) {
    case 'model':
      return draft;
    case 'suffix':
      return lookUpDraft(target.info);
    case 'none':
      return null;
    default:
      return unreachable(kind);
  }
}

export const closeEngines = async ({ target, draft }: EnginePair): Promise<void> => {
  await Promise.all([target.close(), draft?.close()]);
};

const targetSettings = (choice: EngineChoice): Partial<LlamaOptions> => ({
  ...loadSettings(choice),
  // A row for each drafted token and one after the last.
  passRowsMax: choice.draftLength + 1,
  deterministic: choice.deterministic,
});

type PollChoice = Pick<EngineChoice, 'poll' | 'threads' | 'threadsBatch' | 'threadsDraft'>;

/** The threads of a model that waits must not spin on the cores that the other computes on. */
export function pollBeside({ poll, threads, threadsBatch = 1, threadsDraft }: PollChoice): number {
  if (poll !== undefined) return poll;
  const cores = coresHere();
  const ofOne = threads ?? defaultThreads(cores);
  const most = (count: number): number => Math.max(count, threadsBatch);
  return defaultPoll(most(ofOne) + most(threadsDraft ?? ofOne), cores);
}

function draftSettings(choice: EngineChoice): Partial<LlamaOptions> {
  const { threadsDraft: threads } = choice;
  return loadSettings(threads === undefined ? choice : { ...choice, threads });
}
