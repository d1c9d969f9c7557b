// Defines the flags that `run`, `chat` and `device` share: server, drafter, verification, fallback.
// Refuses contradictions before anything is loaded, then loads the drafter and connects.

import type { Command } from 'commander';
import { unreachable } from '../../base/assert.js';
import { PilotfishError } from '../../base/error.js';
import { aheadDefaults, branchTokensLimit } from '../../device/core/drafting/ahead/ahead-budget.js';
import { fallbacks } from '../../device/core/event.js';
import { draftSlotsMax } from '../../device/drafter/draft-slots.js';
import {
  type Client,
  connect,
  type DrafterChoice,
  type Fallback,
  type GenerateOptions,
  type StopRule,
} from '../../device/index.js';
import type { LlamaEngine } from '../../engine/llama/index.js';
import { isOffered, type Mode, modes } from '../../protocol/frame.js';
import { limits } from '../../protocol/limits.js';
import { LinkReport } from '../answers/link-report.js';
import { loadNoted } from '../models/load-model.js';
import { resolveDraft, resolveModel } from '../models/model-name.js';
import type { Terminal } from '../screen/terminal.js';
import { noteTo } from '../screen/text-view.js';
import { type CredentialOptions, credentialFlags, credentialsOf } from './credential-flags.js';
import {
  checkDraftFlags,
  type DrafterName,
  type DraftOptions,
  drafterOf,
  draftFlags,
} from './draft-flags.js';
import { addGroup, flag, oneOfNames, usageError, wholeNumber } from './flags.js';
import { type LoadOptions, loadFlags, loadSettings, warnOfLongContext } from './model-flags.js';
import { serverFlag, serverUrl } from './server-address.js';
import { type ShapingOptions, shapingFlags, shapingOf } from './shaping-flags.js';

export interface LinkOptions extends DraftOptions, LoadOptions, CredentialOptions, ShapingOptions {
  readonly server: string;
  readonly fallback: Fallback;
  readonly awaySeconds: number;
  readonly vocab: string;
  readonly mode?: Mode;
  /** Absent: confidence where --confidence-min is above 0, else adaptive. */
  readonly stopRule?: StopRule['kind'];
  readonly window: number;
  readonly ahead: number;
  readonly cutKeep?: number;
}

const ruleNames = ['adaptive', 'fixed', 'confidence', 'gain'] as const;
const awaySecondsDefault = 60;

/** Adds the flags, each with its environment variable. */
export function addLinkFlags(command: Command): Command {
  const vocab = flag('--vocab <name>', 'model whose vocabulary is used without a draft model');
  addGroup(command, 'Server', serverFlags());
  addGroup(command, 'Models', [vocab.default('stories-draft'), ...loadFlags()]);
  return addGroup(command, 'Drafting', [
    ...draftFlags({ draft: 'stories-draft', draftLength: 16 }),
    ...roundFlags(),
  ]);
}

function serverFlags() {
  return [
    serverFlag(),
    ...credentialFlags(),
    flag(
      '--fallback <policy>',
      `while the server is away: ${fallbacks.join(', ')}`,
      oneOfNames(fallbacks),
    ).default('wait'),
    flag(
      '--away-seconds <n>',
      'how long an answer waits for a server that is away; 0 waits for ever',
      wholeNumber(0, 86_400),
    ).default(awaySecondsDefault),
    ...shapingFlags('messages in both directions'),
  ];
}

function roundFlags() {
  return [
    flag(
      '--mode <name>',
      `${modes.join(', ')} (default: auto where the scheme allows it)`,
      oneOfNames(modes),
    ),
    flag(
      '--stop-rule <name>',
      `when a draft is sent: ${ruleNames.join(', ')} (default: adaptive, or confidence with --confidence-min)`,
      oneOfNames(ruleNames),
    ),
    flag(
      '--window <n>',
      'most drafted tokens ahead of the last verdict',
      wholeNumber(1, limits.windowTokens.value),
    ).default(64),
    flag(
      '--ahead <n>',
      'pipeline, stop-and-wait: most tokens drafted after likely corrections; 0 saves power',
      wholeNumber(0, branchTokensLimit),
    ).default(aheadDefaults.tokensMax),
    flag(
      '--cut-keep <n>',
      'scheme split: how many of the likeliest tokens of a law the server sends',
      wholeNumber(1, 2 ** 20),
    ),
  ];
}

/** Refuses flags that contradict each other. @throws PilotfishError `usage`. */
export function checkLinkFlags(options: LinkOptions, command: Command): void {
  serverUrl(options.server);
  checkDraftFlags(options, command, ['--stop-rule', '--window', '--ahead']);
  stopRuleOf(options);
  const { scheme, mode } = options;
  if (scheme === undefined || mode === undefined || isOffered(scheme, mode)) return;
  const allowed = modes.filter((one) => isOffered(scheme, one));
  throw usageError(
    `--scheme ${scheme} does not work with --mode ${mode}; it works with ${allowed.join(', ')}`,
  );
}

/** A drafter with its engine, the connection it drafts for, and the reports about the link. */
export interface DraftingClient {
  readonly client: Client;
  readonly drafter: DrafterName;
  readonly engine: LlamaEngine;
  readonly report: LinkReport;
}

/**
 * Loads the drafter, connects, and closes both after `work`.
 * @param needs `slotCount`: answers that draft at once; `asksInMessages`: see LinkPolicy.
 */
export async function withClient<T>(
  options: LinkOptions,
  needs: { readonly slotCount: number; readonly asksInMessages: boolean },
  terminal: Terminal,
  work: (link: DraftingClient) => Promise<T>,
): Promise<T> {
  const drafter = drafterOf(options);
  const engine = await loadDrafter(drafter, options, needs.slotCount, terminal);
  try {
    const { asksInMessages } = needs;
    const policy = { ...options, drafts: drafter.kind === 'model', asksInMessages };
    const report = new LinkReport(policy, terminal.signal, noteTo(terminal));
    const client = await connect({
      ...connectOptions(options, terminal),
      drafter: drafterChoiceOf(drafter, engine),
      vocabulary: engine.info.vocabulary,
      onLink: (news) => report.hear(news),
    });
    try {
      return await work({ client, drafter, engine, report });
    } finally {
      await client.close();
    }
  } finally {
    await engine.close();
  }
}

function drafterChoiceOf({ kind }: DrafterName, engine: LlamaEngine): DrafterChoice {
  switch (kind) {
    case 'model':
      return { kind: 'engine', engine };
    case 'suffix':
    case 'none':
      return { kind };
    default:
      return unreachable(kind);
  }
}

/** Loads the draft model, or the model that only gives the vocabulary. */
async function loadDrafter(
  drafter: DrafterName,
  options: LinkOptions,
  slotCount: number,
  terminal: Terminal,
): Promise<LlamaEngine> {
  const isModel = drafter.kind === 'model';
  const modelPath = isModel
    ? await resolveDraft(drafter.name, terminal.env)
    : await resolveModel(options.vocab, terminal.env);
  const settings = {
    ...loadSettings(options),
    modelPath,
    // Without drafting, the model needs almost no cache.
    ...(isModel
      ? { slotCount: slotCount * draftSlotsOf(options) }
      : { slotCount: 1, contextLength: 8 }),
  };
  const engine = await loadNoted(settings, terminal);
  if (isModel) warnOfLongContext(engine, options, terminal);
  if (!terminal.signal.aborted) return engine;
  await engine.close();
  throw new PilotfishError('cancelled', 'loading the model was stopped');
}

/** The chain and each branch of an answer need a cache. Race, the default, has no branches. */
const draftSlotsOf = ({ ahead, mode }: LinkOptions): number =>
  ahead > 0 && (mode === 'pipeline' || mode === 'stop-and-wait') ? draftSlotsMax : 1;

/** The options for connect() that flags set. */
function connectOptions(options: LinkOptions, terminal: Terminal) {
  const { awaySeconds, server, fallback } = options;
  return {
    url: serverUrl(server),
    fallback,
    name: 'pilotfish',
    signal: terminal.signal,
    ahead: { tokensMax: options.ahead },
    timing: { awayMaxMs: awaySeconds === 0 ? Infinity : awaySeconds * 1000 },
    shaping: shapingOf(options),
    ...credentialsOf(options, terminal),
  };
}

/** The options for generate(), without prompt, sampling and length. */
export function draftOptions(
  options: LinkOptions,
): Pick<GenerateOptions, 'scheme' | 'mode' | 'stopRule' | 'windowMax' | 'cut'> {
  const { scheme, mode, cutKeep } = options;
  return {
    stopRule: stopRuleOf(options),
    windowMax: options.window,
    ...(scheme !== undefined && { scheme }),
    ...(mode !== undefined && { mode }),
    ...(cutKeep !== undefined && { cut: { keepMax: cutKeep } }),
  };
}

function stopRuleOf({ stopRule, draftLength, confidenceMin }: LinkOptions): StopRule {
  const kind = stopRule ?? (confidenceMin > 0 ? 'confidence' : 'adaptive');
  const draftLengthMax = Math.max(1, draftLength);
  if (kind === 'confidence') {
    if (confidenceMin > 0) return { kind, draftLengthMax, confidenceMin };
    throw usageError('--stop-rule confidence needs --confidence-min, such as 0.6');
  }
  if (confidenceMin === 0) return { kind, draftLengthMax };
  throw usageError(`--confidence-min needs --stop-rule confidence, not ${kind}`);
}
