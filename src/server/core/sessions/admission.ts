// Turns an Open into the terms of a session, or a refusal: checks prompt, context, sampling, scheme
// and mode against this server. Holds nothing.

import { type ErrorCode, PilotfishError } from '../../../base/error.js';
import type { SlotConfig } from '../../../engine/engine.js';
import { checkSampling } from '../../../math/sampling.js';
import { codeTable, type WireCode, wireCodes } from '../../../protocol/code.js';
import { isOffered, type Open, strongerShaping } from '../../../protocol/frame.js';
import { checkVocabulary } from '../../../protocol/session-check.js';
import { TokenLog } from '../../../protocol/token-log.js';
import type { PreparedOpen } from '../prepared-open.js';
import type { SessionTerms } from '../session-terms.js';
import type { ServerCoreSettings } from '../settings.js';
import type { Tenant } from '../tenants/tenant.js';

/** Why a session is refused or ends. */
export interface SessionFault {
  readonly code: WireCode;
  readonly message: string;
}

export interface Admission {
  readonly terms: SessionTerms;
  /** The prompt, and the committed part of the answer. */
  readonly log: TokenLog;
}

const refusal = (code: WireCode, message: string): SessionFault => ({ code, message });

/**
 * The terms and log of the session, or the refusal. Never throws on anything a device sends.
 *
 * @param prepared its prompt and format where the shell has made them.
 * @param tenant that opens it.
 */
export function admit(
  open: Open,
  prepared: PreparedOpen | null,
  tenant: Tenant,
  settings: ServerCoreSettings,
): Admission | SessionFault {
  const { model, schemes, modes, limits } = settings;
  const { scheme, mode } = open;
  if (!isOffered(scheme, mode) || !schemes.includes(scheme) || !modes.includes(mode)) {
    return refusal('mode-unsupported', `scheme ${scheme} in mode ${mode}`);
  }
  const prompt = promptIds(open, prepared, settings);
  if ('code' in prompt) return prompt;
  const fault =
    // Before anything looks at each of them.
    lengthFault(prompt.length, open, tenant, settings) ??
    // Ids that the shell has made may be of images.
    checkVocabulary(isMade(prepared) ? { ...open, prompt: noIds } : open, model.vocabSize) ??
    refusalIn(() => checkSampling(open.sampling, model.vocabSize)) ??
    formatFault(open, prepared, settings);
  if (fault) return fault;
  const log = new TokenLog(prompt);
  log.append(open.answer);
  const wanted = prompt.length + open.tokensMax;
  const { sampling, seed, schema, cut, topLogprobs } = open;
  const shaping = strongerShaping(open, settings.shaping);
  const terms: SessionTerms = {
    scheme,
    mode,
    promptLength: prompt.length,
    lengthMax: Math.min(wanted, model.contextLength),
    endsAtContext: wanted > model.contextLength,
    endOfText: model.endOfText,
    windowMax: Math.min(open.windowMax, limits.windowTokens),
    ...{ cut, topLogprobs, tenant },
    shaping,
    hold: prepared?.hold ?? null,
    // A hint is useful only before its verdict.
    wantsHints: open.wantsHints && model.hasExit && shaping.aggregateMs === 0,
    config: {
      ...{ sampling, seed, schema, promptLength: prompt.length, ...compiledOf(prepared) },
      ...(schema !== null && { formatScope: tenant.cacheScope }),
    },
  };
  return { terms, log };
}

const noIds: Open['prompt'] = { kind: 'ids', ids: new Int32Array(0) };
const isMade = (prepared: PreparedOpen | null): boolean => (prepared?.prompt ?? null) !== null;

function promptIds(
  { prompt }: Open,
  prepared: PreparedOpen | null,
  settings: ServerCoreSettings,
): Int32Array | SessionFault {
  const made = prepared?.prompt ?? null;
  if (made !== null) return made instanceof PilotfishError ? refusalOf(made) : made;
  if (prompt.kind === 'ids') return prompt.ids;
  try {
    return settings.tokenize(prompt);
  } catch (reason) {
    return refusalOf(reason);
  }
}

function formatFault(
  { schema }: Open,
  prepared: PreparedOpen | null,
  settings: ServerCoreSettings,
): SessionFault | null {
  if (schema === null) return null;
  const format = prepared?.format ?? null;
  if (format === null) return refusalIn(() => settings.checkFormat(schema));
  return format instanceof PilotfishError ? refusalOf(format) : null;
}

function compiledOf(prepared: PreparedOpen | null): Pick<SlotConfig, 'compiled'> {
  const format = prepared?.format ?? null;
  return format === null || format instanceof PilotfishError ? {} : { compiled: format };
}

function lengthFault(
  promptLength: number,
  { answer, tokensMax }: Open,
  { limits: { promptTokens } }: Tenant,
  { model, limits }: ServerCoreSettings,
): SessionFault | null {
  if (promptLength === 0) return refusal('prompt-empty', 'the prompt has no tokens');
  if (promptLength > limits.promptTokens) {
    return refusal('prompt-too-long', `prompt of ${promptLength} exceeds ${limits.promptTokens}`);
  }
  // An answer that began elsewhere is fed like a prompt.
  const length = promptLength + answer.length;
  if (promptTokens !== null && promptLength > promptTokens) {
    const message = `prompt of ${promptLength} exceeds the ${promptTokens} that the key may have`;
    return refusal('prompt-too-long', message);
  }
  if (length + 1 > model.contextLength) {
    return refusal(
      'prompt-too-long',
      `${length} tokens and one more exceed the context of ${model.contextLength}`,
    );
  }
  return answer.length < tokensMax
    ? null
    : refusal('limit-exceeded', `answer of ${answer.length} tokens leaves none of ${tokensMax}`);
}

function refusalIn(check: () => unknown): SessionFault | null {
  try {
    check();
    return null;
  } catch (reason) {
    return refusalOf(reason);
  }
}

/** Mistakes without a code of their own on the wire, under the one that means them too. */
const meantBy: Partial<Record<ErrorCode, WireCode>> = { 'picture-unsupported': 'picture-invalid' };

/** The caller's mistake under its wire code. Any other error is ours and is thrown on. */
function refusalOf(reason: unknown): SessionFault {
  if (!(reason instanceof PilotfishError)) throw reason;
  const own = wireCodes.find((name) => name === reason.code);
  const code = wireCodes.find(
    (name) => codeTable[name].error === reason.code && codeTable[name].ends === 'session',
  );
  // For example a template that cannot render: the prompt is at fault.
  return refusal(own ?? code ?? meantBy[reason.code] ?? 'limit-exceeded', reason.message);
}
