// Turns a caller's options into the request of the device core: fills in defaults, encodes text as
// ids, and refuses everything that can be known to be wrong here.

import { randomBytes } from 'node:crypto';
import type { ChatMessage } from '../base/chat-message.js';
import { PilotfishError } from '../base/error.js';
import { checkStops } from '../base/stop-text.js';
import type { Vocabulary } from '../engine/vocabulary.js';
import type { FormatChecker } from '../grammar/format-checker.js';
import { type OutputFormat, schemaText } from '../grammar/output-format.js';
import type { CutLimit } from '../math/cut-law.js';
import { checkSampling, type Sampling } from '../math/sampling.js';
import type { PromptPicture } from '../pictures/prompt-picture.js';
import { isOffered, type Mode, modes, type Prompt, type Scheme } from '../protocol/frame.js';
import { limits } from '../protocol/limits.js';
import type { StopRule } from './core/drafting/stop-rule.js';
import type { Fallback, GenerateRequest } from './core/event.js';
import { requestPictures } from './request-pictures.js';

/** What is to be written, and how. */
export interface GenerateOptions {
  /** One of the three. Text gets the start token before it; special tokens in it are not read. */
  readonly prompt?: string;
  readonly ids?: Int32Array;
  readonly messages?: readonly ChatMessage[];
  /** In the messages. The server's model has to see them. Default: none. */
  readonly pictures?: readonly PromptPicture[];
  readonly sampling: Sampling;
  /** In [0, 2^64). Default: drawn. */
  readonly seed?: bigint;
  /** Default: greedy at temperature 0, else coupled. */
  readonly scheme?: Scheme;
  /**
   * Default: auto where the scheme allows it, else pipeline, or stream without a drafter. Where a
   * server does not know auto it is race, or stream without a drafter.
   */
  readonly mode?: Mode;
  /** Most tokens to write, >= 1. */
  readonly tokensMax: number;
  /** The answer ends before the first of these texts, at most 16, none empty. Default: none. */
  readonly stops?: readonly string[];
  /**
   * Tells of every verified token the target's log-probability and those of so many of the
   * likeliest tokens, 0 to 20. They are of the softmax of the logits, before temperature and all
   * else. Default: none are computed.
   */
  readonly topLogprobs?: number;
  /** Format of the answer, enforced token by token. Default: none. */
  readonly format?: OutputFormat;
  /** Default: adaptive, at most 16. */
  readonly stopRule?: StopRule;
  /** Most drafted tokens beyond the committed length. Default 64. */
  readonly windowMax?: number;
  /** `split`: where the server cuts a law. Default: never. */
  readonly cut?: CutLimit;
  readonly fallback?: Fallback;
  readonly signal?: AbortSignal;
}

const windowDefault = 64;
const stopRuleDefault: StopRule = { kind: 'adaptive', draftLengthMax: 16 };

/** A client's facts that requests depend on. */
export interface RequestContext {
  readonly hasDrafter: boolean;
  /** For an answer that does not say its own. */
  readonly fallback: Fallback;
  /** Null: ids are all that the client knows. */
  readonly vocabulary: Vocabulary | null;
  /** Null without a vocabulary: the server alone looks at schemas. */
  readonly formats: FormatChecker | null;
}

/**
 * Builds the core's request.
 *
 * @throws PilotfishError `usage`, `prompt-empty`, `sampling-invalid`, `format-invalid` or
 *   `token-out-of-range`; codes that begin with `picture-`.
 */
export function requestOf(options: GenerateOptions, context: RequestContext): GenerateRequest {
  const { sampling, tokensMax } = options;
  const { vocabulary, formats } = context;
  checkSampling(sampling, vocabulary?.size ?? limits.vocabTokens.value);
  const windowMax = options.windowMax ?? windowDefault;
  const stopRule = options.stopRule ?? stopRuleDefault;
  checkWhole('tokensMax', tokensMax, limits.answerTokens.value);
  checkWhole('windowMax', windowMax, limits.windowTokens.value);
  checkWhole('draftLengthMax', stopRule.draftLengthMax, limits.draftTokens.value);
  const seed = options.seed ?? randomBytes(8).readBigUInt64LE();
  if (seed < 0n || seed >= 1n << 64n) throw usage(`seed ${seed} is outside [0, 2^64)`);
  checkStops(options.stops ?? []);
  if (options.stops?.length && vocabulary === null) throw usage('stops need a vocabulary');
  const scheme = options.scheme ?? (sampling.temperature === 0 ? 'greedy' : 'coupled');
  return {
    prompt: promptOf(options, vocabulary),
    sampling,
    seed,
    scheme,
    mode: modeOf(options, scheme, context),
    tokensMax,
    windowMax,
    cut: options.cut ?? null,
    stopRule,
    fallback: options.fallback ?? context.fallback,
    ...picturesOf(options),
    ...lawOptions(options, formats),
  };
}

function picturesOf({
  pictures = [],
  messages,
}: GenerateOptions): Pick<GenerateRequest, 'pictures'> {
  if (pictures.length === 0) return {};
  if (messages === undefined) throw usage('pictures have their places in messages');
  return { pictures: requestPictures(pictures, messages) };
}

/** Formats and log-probabilities. A schema is checked here if a vocabulary is known. */
function lawOptions(
  { topLogprobs, format, tokensMax }: GenerateOptions,
  formats: FormatChecker | null,
): Pick<GenerateRequest, 'schema' | 'topLogprobs'> {
  if (topLogprobs !== undefined) {
    checkWhole('topLogprobs', topLogprobs, limits.topLogprobs.value, 0);
    checkWhole('tokensMax with topLogprobs', tokensMax, limits.logprobTokens.value);
  }
  const schema = format === undefined ? undefined : schemaText(format);
  if (schema !== undefined) formats?.check(schema);
  return {
    ...(schema !== undefined && { schema }),
    ...(topLogprobs !== undefined && { topLogprobs }),
  };
}

function modeOf({ mode }: GenerateOptions, scheme: Scheme, context: RequestContext): Mode {
  const offered = modes.filter((word) => isOffered(scheme, word));
  if (mode !== undefined && !offered.includes(mode)) {
    throw usage(`mode ${mode} does not go with scheme ${scheme}; ${offered.join(', ')} do`);
  }
  if (context.hasDrafter) return mode ?? (isOffered(scheme, 'auto') ? 'auto' : 'pipeline');
  // The server may draft.
  if (mode === 'co-located') return mode;
  const isAuto = mode === undefined || mode === 'auto';
  return isAuto && isOffered(scheme, 'auto') ? 'auto' : 'stream';
}

/** Ids where this side can make them: drafting can begin at once, without a server. */
function promptOf(options: GenerateOptions, vocabulary: Vocabulary | null): Prompt {
  const { prompt, ids, messages } = options;
  const given = [prompt, ids, messages].filter((value) => value !== undefined);
  if (given.length !== 1) throw usage('give one of prompt, ids and messages');
  if (messages !== undefined) return { kind: 'messages', messages };
  if (prompt !== undefined && vocabulary === null) return { kind: 'text', text: prompt };
  const tokens = ids ?? vocabulary!.tokenize(prompt!, { addBos: true, parseSpecial: false });
  if (tokens.length === 0) throw new PilotfishError('prompt-empty', 'the prompt has no tokens');
  return { kind: 'ids', ids: tokens };
}

function checkWhole(name: string, value: number, max: number, min = 1): void {
  if (!(Number.isInteger(value) && value >= min && value <= max)) {
    throw usage(`${name} ${value} is not a whole number in [${min}, ${max}]`);
  }
}

const usage = (message: string): PilotfishError => new PilotfishError('usage', message);
