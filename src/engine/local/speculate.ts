// Runs speculative decoding in one process: a draft engine proposes, a target engine judges, round
// by round. Also plain target-only decoding: a round without drafts. Reads no clock; callers time
// it. Source: Leviathan, Kalman, Matias 2023, arXiv 2211.17192, algorithm 1, with the schemes of
// MATH.md.

import { assert } from '../../base/assert.js';
import { slotId } from '../../base/brand.js';
import { PilotfishError } from '../../base/error.js';
import { isImageToken } from '../../base/image-token.js';
import { keyedChance } from '../../math/chance.js';
import type { TokenLogprobs } from '../../math/logprobs.js';
import { noiseKey } from '../../math/noise.js';
import { type SamplingRequest, samplingRequestOf } from '../../math/sampling-request.js';
import { residualToken } from '../../math/split.js';
import type { DraftEngine, DraftedToken, Engine, Outcome, Scheme, SlotConfig } from '../engine.js';
import { judgeDrafts } from '../judge-drafts.js';
import { checkPrompt, prefill } from '../prefill.js';
import { checkSameVocabulary } from '../vocabulary-match.js';

/** What `speculate` writes, and how it drafts. No field that affects a law has a default. */
export interface SpeculateRequest extends SamplingRequest {
  /** [n >= 1] */
  readonly prompt: Int32Array;
  /** Most tokens to write, >= 1. */
  readonly tokensMax: number;
  readonly scheme: Scheme;
  /** Tokens drafted in a round (gamma), >= 0; 0 is target-only decoding. */
  readonly draftLength: number;
  /** A draft stops after the first token with a confidence below this, in [0, 1]; 0: never. */
  readonly confidenceMin: number;
}

/** One round: a draft, a verification, a verdict. */
export interface SpeculationRound {
  /** [drafted] tokens proposed. */
  readonly drafted: readonly number[];
  /** Number of them accepted. */
  readonly acceptedCount: number;
  readonly final: 'residual' | 'bonus';
  /**
   * Tokens committed by this round, in order: accepted drafts, then the final one; cut at the end
   * of the text.
   */
  readonly tokens: readonly number[];
  /** [tokens] the target's, if requested. */
  readonly logprobs?: readonly TokenLogprobs[];
}

/** Why the text ended: a token that ends it, `tokensMax`, or a full context. */
export type SpeculationEnd = 'end-of-text' | 'length' | 'context';

const slot = slotId(0);

/**
 * Writes text from a prompt in one process, a round at a time: the draft engine proposes, the
 * target judges in one pass. The text is the one that the target would have written alone: under
 * `greedy` and `coupled` token for token, else in distribution. Leviathan, Kalman, Matias 2023,
 * arXiv 2211.17192, algorithm 1.
 *
 * @param target owned by the caller; slot 0 is used.
 * @param draft same vocabulary, same use; null for target-only decoding.
 * @param signal ends the text before the next round.
 * @returns the generator's return value says why the text ended.
 * @throws PilotfishError `usage` for a count out of range, `prompt-empty`, `prompt-too-long`,
 *   `vocabulary-mismatch`, `cancelled`, or an engine's.
 *
 * @example
 * ```ts
 * import { bundledModel, detokenize, loadLlamaEngine, plainSampling, speculate } from 'pilotfish';
 *
 * const target = await loadLlamaEngine({ modelPath: bundledModel('stories-target') });
 * const draft = await loadLlamaEngine({ modelPath: bundledModel('stories-draft') });
 * const { vocabulary } = target.info;
 * const prompt = vocabulary.tokenize('Once upon a time', { addBos: true, parseSpecial: false });
 * const request = { prompt, tokensMax: 32, draftLength: 4, confidenceMin: 0 };
 * const sampling = { ...plainSampling, temperature: 0.8 };
 * const tokens: number[] = [];
 * for await (const round of speculate(target, draft, {
 *   ...{ ...request, sampling, scheme: 'coupled', seed: 7n },
 * })) {
 *   tokens.push(...round.tokens);
 * }
 * detokenize(vocabulary, tokens).length > 32; // = true
 * await Promise.all([target.close(), draft.close()]);
 * ```
 */
export async function* speculate(
  target: Engine,
  draft: DraftEngine | null,
  request: SpeculateRequest,
  signal?: { readonly aborted: boolean },
): AsyncGenerator<SpeculationRound, SpeculationEnd> {
  const session = await Session.open(target, draft, request);
  for (;;) {
    if (signal?.aborted) throw new PilotfishError('cancelled', 'stopped by the caller');
    const round = await session.round();
    yield round;
    const end = session.endReason();
    if (end) return end;
  }
}

class Session {
  readonly #target: Engine;
  readonly #draft: DraftEngine | null;
  readonly #request: SpeculateRequest;
  /** Prompt and answer. The target's cache holds all but the last token. */
  readonly #committed: number[];
  /** The same without images: what the draft sees. */
  readonly #words: number[];
  /** Tokens of `#words` that the draft's cache holds. */
  #draftedLength = 0;
  /** Rounds that discarded drafts so far. */
  #discards = 0;

  private constructor(target: Engine, draft: DraftEngine | null, request: SpeculateRequest) {
    this.#target = target;
    this.#request = request;
    this.#committed = [...request.prompt];
    this.#words = this.#committed.filter(isWord);
    this.#draft = request.draftLength > 0 && this.#words.length > 0 ? draft : null;
  }

  static async open(
    target: Engine,
    draft: DraftEngine | null,
    request: SpeculateRequest,
  ): Promise<Session> {
    const { prompt } = request;
    const words = prompt.filter(isWord);
    const { sampling, seed, schema } = samplingRequestOf(request);
    checkCounts(request);
    checkPrompt(target, prompt, 1);
    if (draft) {
      checkSameVocabulary(target.info.vocabulary, draft.info.vocabulary);
      if (words.length > 0) checkPrompt(draft, words, 1);
    }
    const config: SlotConfig = { sampling, seed, schema, promptLength: prompt.length };
    const absentCount = prompt.length - words.length;
    const draftConfig = { ...config, promptLength: words.length, absentCount };
    await Promise.all([target.open(slot, config), draft?.open(slot, draftConfig)]);
    await prefill(target, slot, 0, prompt.subarray(0, prompt.length - 1));
    return new Session(target, draft, request);
  }

  get #written(): number {
    return this.#committed.length - this.#request.prompt.length;
  }

  async round(): Promise<SpeculationRound> {
    const drafted = await this.#propose();
    const from = this.#committed.length - 1;
    const ids = drafted.map(({ token }) => token);
    const tokens = Int32Array.of(this.#committed[from]!, ...ids);
    const judge = judgeDrafts(this.#request.scheme, drafted);
    const { topLogprobs } = samplingRequestOf(this.#request);
    const { outcomes } = await this.#target.pass([{ slot, from, tokens, judge, topLogprobs }]);
    const outcome = outcomes[0]!;
    const { acceptedCount } = outcome;
    const token = this.#finalToken(outcome, drafted);
    const committed = this.#commit([...ids.slice(0, acceptedCount), token]);
    await this.#rollBackDraft(from + 1 + acceptedCount);
    const final = outcome.final?.kind === 'bonus' ? 'bonus' : 'residual';
    if (acceptedCount < ids.length) this.#discards++;
    const logprobs = logprobsOf(outcome, token)?.slice(0, committed.length);
    const reported = logprobs === undefined ? {} : { logprobs };
    return { drafted: ids, acceptedCount, final, tokens: committed, ...reported };
  }

  /**
   * Tokens a draft may add: one less than is left to write, since the target adds one, and within
   * both contexts.
   */
  #room(): number {
    const length = this.#committed.length;
    const left = this.#request.tokensMax - this.#written - 1;
    const targetRoom = this.#target.info.contextLength - length - 1;
    const draftRoom = (this.#draft?.info.contextLength ?? 0) - this.#words.length + 1;
    const rowsRoom = Math.min(this.#target.info.passRowsMax, this.#target.info.passTokensMax) - 1;
    return Math.min(this.#request.draftLength, left, targetRoom, draftRoom, rowsRoom);
  }

  async #propose(): Promise<readonly DraftedToken[]> {
    const countMax = this.#room();
    if (!this.#draft || countMax < 1) return [];
    const { scheme, confidenceMin } = this.#request;
    const { drafted, length } = await this.#draft.draft({
      slot,
      from: this.#draftedLength,
      tokens: Int32Array.from(this.#words.slice(this.#draftedLength)),
      countMax,
      stop: { confidenceMin },
      scheme,
      attempt: this.#discards,
      wantConfidence: false,
    }).done;
    this.#draftedLength = length;
    return drafted;
  }

  /** Under `split` the device's half ends here: the residual token is drawn from the two laws. */
  #finalToken({ final, acceptedCount }: Outcome, drafted: readonly DraftedToken[]): number {
    assert(final !== null, 'a judged segment came back without a final token');
    if (final.kind !== 'law') return final.token;
    const { seed } = this.#request;
    const rejected = drafted[acceptedCount]!;
    assert(rejected.law !== null, 'split drafted without a law');
    const key = noiseKey(seed, 'residual');
    return residualToken(final.law, rejected.law, keyedChance(key, key, rejected.position));
  }

  #commit(tokens: number[]): number[] {
    const { endOfText } = this.#target.info.vocabulary;
    const end = tokens.findIndex((token) => endOfText.has(token));
    const kept = end < 0 ? tokens : tokens.slice(0, end + 1);
    this.#committed.push(...kept);
    this.#words.push(...kept);
    return kept;
  }

  /** @param committedLength of the text, images included. */
  async #rollBackDraft(committedLength: number): Promise<void> {
    const absentCount = this.#committed.length - this.#words.length;
    const validLength = committedLength - absentCount;
    if (!this.#draft || this.#draftedLength <= validLength) return;
    await this.#draft.truncate(slot, validLength);
    this.#draftedLength = validLength;
  }

  endReason(): SpeculationEnd | null {
    const last = this.#committed[this.#committed.length - 1]!;
    if (this.#target.info.vocabulary.endOfText.has(last)) return 'end-of-text';
    if (this.#written >= this.#request.tokensMax) return 'length';
    return this.#committed.length >= this.#target.info.contextLength ? 'context' : null;
  }
}

const isWord = (token: number): boolean => !isImageToken(token);

function checkCounts({ tokensMax, draftLength }: SpeculateRequest): void {
  const counts = [
    ['tokensMax', tokensMax, 1],
    ['draftLength', draftLength, 0],
  ] as const;
  for (const [name, value, low] of counts) {
    if (Number.isInteger(value) && value >= low) continue;
    throw new PilotfishError('usage', `${name} ${value} is not a whole number >= ${low}`);
  }
}

/** Of the accepted drafts and the final token, if requested. */
function logprobsOf({ final, logprobs }: Outcome, token: number): TokenLogprobs[] | undefined {
  if (logprobs === null) return undefined;
  const { tokens, law } = logprobs;
  if (law === null || final?.kind !== 'law') return [...tokens];
  const index = final.law.kind === 'dense' ? token : final.law.ids.indexOf(token);
  return [...tokens, { logprob: law.logprobs[index]!, top: law.top }];
}
