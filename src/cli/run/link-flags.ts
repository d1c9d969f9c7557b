// The flags that `run` and `device` share: which server, what drafts, how drafts are verified, what happens when the
// server is away. Loads the models they name.

import { dirname } from 'node:path';
import type { Command } from 'commander';
import { PilotfishError } from '../../base/error.js';
import {
  type ConnectOptions,
  type DrafterChoice,
  type Fallback,
  fallbacks,
  type GenerateOptions,
  type StopRule,
} from '../../device/index.js';
import { type LlamaEngine, loadLlamaEngine } from '../../engine/llama/index.js';
import { type Mode, modes, type Scheme, schemes } from '../../protocol/frame.js';
import { limits } from '../../protocol/limits.js';
import { choice, decimal, flag, wholeNumber } from '../flags.js';
import { resolveModel } from '../model-name.js';
import { bundledModels } from '../package-root.js';
import type { Terminal } from '../terminal.js';

export interface LinkOptions {
  readonly server: string;
  readonly apiKey?: string;
  readonly draft: string;
  readonly vocab: string;
  readonly ctxSize?: number;
  readonly threads?: number;
  readonly gpuLayers?: number;
  readonly mode?: Mode;
  readonly scheme?: Scheme;
  readonly stopRule: StopRule['kind'];
  readonly draftLength: number;
  readonly confidenceMin: number;
  readonly window: number;
  readonly cutKeep?: number;
  readonly fallback: Fallback;
}

const { draftTokens, windowTokens } = limits;
const ruleNames = ['adaptive', 'fixed', 'confidence', 'gain'] as const;

/** Adds the flags. Environment names as everywhere. */
export function addLinkFlags(command: Command): Command {
  for (const option of serverFlags()) command.addOption(option.helpGroup('Server:'));
  for (const option of drafterFlags()) command.addOption(option.helpGroup('Drafter:'));
  for (const option of draftFlags()) command.addOption(option.helpGroup('Drafts:'));
  return command;
}

function serverFlags() {
  return [
    flag('-s, --server <url>', 'address of the server').default('ws://127.0.0.1:7433'),
    flag('--api-key <key>', 'key that the server asks for'),
    flag(
      '--fallback <policy>',
      `while the server is away: ${fallbacks.join(', ')}`,
      choice('--fallback', fallbacks),
    ).default('wait'),
  ];
}

function drafterFlags() {
  return [
    flag(
      '-md, --draft <name>',
      'draft model (a path, a bundled name, hf:user/repo/file.gguf), or ngram, or none',
    ).default('stories-draft'),
    flag('--vocab <name>', 'model whose vocabulary is used with --draft ngram and none').default(
      'stories-draft',
    ),
    flag(
      '-c, --ctx-size <n>',
      'tokens of context of the draft model',
      wholeNumber('--ctx-size', 8, 2 ** 24),
    ),
    flag('-t, --threads <n>', 'threads of the draft model', wholeNumber('--threads', 1, 512)),
    flag(
      '-ngl, --gpu-layers <n>',
      'its layers kept on the GPU; -1 is all',
      wholeNumber('--gpu-layers', -1, 65536),
    ),
  ];
}

function draftFlags() {
  return [
    flag(
      '--mode <name>',
      `${modes.join(', ')} (default: race where the scheme allows it)`,
      choice('--mode', modes),
    ),
    flag(
      '--scheme <name>',
      `${schemes.join(', ')} (default: greedy at --temp 0, else coupled)`,
      choice('--scheme', schemes),
    ),
    flag(
      '--stop-rule <name>',
      `when a draft is sent: ${ruleNames.join(', ')}`,
      choice('--stop-rule', ruleNames),
    ).default('adaptive'),
    flag(
      '--draft-length <n>',
      'most tokens of a round',
      wholeNumber('--draft-length', 1, draftTokens.value),
    ).default(16),
    flag(
      '--confidence-min <p>',
      'with --stop-rule confidence: behind the first token less sure',
      decimal('--confidence-min'),
    ).default(0.6),
    flag(
      '--window <n>',
      'most drafted tokens ahead of the server',
      wholeNumber('--window', 1, windowTokens.value),
    ).default(64),
    flag(
      '--cut-keep <n>',
      'scheme split: likeliest tokens of a law that are sent down',
      wholeNumber('--cut-keep', 1, 2 ** 20),
    ),
  ];
}

/** What is open while a command runs. */
export interface Drafting {
  readonly drafter: DrafterChoice;
  readonly engine: LlamaEngine;
}

/**
 * Loads the draft model, or the model that only spells.
 *
 * @throws PilotfishError as resolveModel and loadLlamaEngine.
 */
export async function loadDrafting(
  options: LinkOptions,
  slotCount: number,
  env: Terminal['env'],
): Promise<Drafting> {
  const isModel = options.draft !== 'ngram' && options.draft !== 'none';
  const modelPath = await resolveModel(isModel ? options.draft : options.vocab, env);
  const engine = await loadLlamaEngine({
    modelPath,
    // The package's own models are known not to crash llama.cpp; the probe would load them twice.
    probe: dirname(modelPath) !== bundledModels,
    slotCount: isModel ? slotCount : 1,
    // A model that only spells needs no cache to speak of.
    ...(isModel ? given('contextLength', options.ctxSize) : { contextLength: 8 }),
    ...given('threads', options.threads),
    ...given('gpuLayers', options.gpuLayers),
  });
  if (isModel) return { engine, drafter: { kind: 'engine', engine } };
  return { engine, drafter: { kind: options.draft as 'ngram' | 'none' } };
}

function given<K extends string, V>(name: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { [P in K]?: V });
}

/** What connect() is asked for. */
export function connectOptions(
  options: LinkOptions,
  { drafter, engine }: Drafting,
  { signal, err }: Terminal,
): ConnectOptions {
  let hasMet = false;
  return {
    url: checkedUrl(options.server),
    drafter,
    vocabulary: engine.info.vocabulary,
    fallback: options.fallback,
    name: 'pilotfish',
    signal,
    ...given('key', options.apiKey),
    onLink(news) {
      // Where the command ends for it, the error says so.
      const goesOn = hasMet ? options.fallback !== 'fail' : isPatient(options.fallback);
      if (news.kind === 'down' && goesOn && !signal.aborted) {
        err.write(`pilotfish: ${news.reason}\n`);
      }
      if (news.kind === 'welcomed' && hasMet) err.write('pilotfish: the server is back\n');
      if (news.kind === 'welcomed') hasMet = true;
    },
  };
}

const isPatient = (fallback: Fallback): boolean =>
  fallback === 'provisional' || fallback === 'draft-only';

function checkedUrl(text: string): string {
  if (URL.canParse(text) && /^wss?:$/.test(new URL(text).protocol)) return text;
  throw new PilotfishError('usage', `--server takes ws://host:port or wss://host, not '${text}'`);
}

/** What generate() is asked for, but for prompt, sampling and length. */
export function draftOptions(
  options: LinkOptions,
): Pick<GenerateOptions, 'scheme' | 'mode' | 'stopRule' | 'windowMax' | 'cut'> {
  return {
    stopRule: stopRuleOf(options),
    windowMax: options.window,
    ...given('scheme', options.scheme),
    ...given('mode', options.mode),
    ...(options.cutKeep !== undefined && { cut: { keepMax: options.cutKeep } }),
  };
}

function stopRuleOf({
  stopRule: kind,
  draftLength: draftLengthMax,
  confidenceMin,
}: LinkOptions): StopRule {
  if (kind !== 'confidence') return { kind, draftLengthMax };
  if (confidenceMin > 0 && confidenceMin <= 1) return { kind, draftLengthMax, confidenceMin };
  throw new PilotfishError('usage', `--confidence-min ${confidenceMin} is outside (0, 1]`);
}
