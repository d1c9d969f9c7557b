// Checks the arguments of an engine call before anything changes: every bound, by name.

import { unreachable } from '../base/assert.js';
import { PilotfishError } from '../base/error.js';
import { isImageToken } from '../base/image-token.js';
import { checkLaw } from '../math/law.js';
import { topLogprobsMax } from '../math/logprobs.js';
import { type Scheme, schemes } from '../math/scheme.js';
import type { DraftRequest, Judge, Segment } from './engine.js';
import type { RowModel } from './row-model.js';
import type { Slot } from './slot.js';

export const invalid = (message: string): PilotfishError =>
  new PilotfishError('segment-invalid', message);

/** The parts of an engine that the checks need. */
export interface SegmentContext {
  readonly model: RowModel;
  /** The opened slot. @throws PilotfishError `segment-invalid` when the slot is not open. */
  readonly slotOf: (index: number) => Slot;
}

/**
 * @throws PilotfishError `segment-invalid`, `token-out-of-range` or `context-exhausted`; see
 *   Engine.pass.
 */
export function checkSegments(segments: readonly Segment[], context: SegmentContext): void {
  const { model } = context;
  const seen = new Set<number>();
  let tokenCount = 0;
  let rowCount = 0;
  for (const segment of segments) {
    if (seen.has(segment.slot)) throw invalid(`slot ${segment.slot} appears twice in one pass`);
    seen.add(segment.slot);
    checkContinuation(segment, context);
    checkTopLogprobs(segment.topLogprobs ?? 0);
    if (segment.judge) checkJudge(segment.judge, segment.tokens.length, model.vocabSize);
    tokenCount += segment.tokens.length;
    rowCount += segment.judge ? segment.judge.draftCount + 1 : 0;
  }
  if (tokenCount > model.passTokensMax) {
    throw invalid(`${tokenCount} tokens in one pass exceed passTokensMax ${model.passTokensMax}`);
  }
  if (rowCount > model.passRowsMax) {
    throw invalid(`${rowCount} judged rows in one pass exceed passRowsMax ${model.passRowsMax}`);
  }
}

/**
 * @param length of the slot.
 * @throws PilotfishError like checkSegments; see Engine.draft.
 */
export function checkDraftRequest(request: DraftRequest, length: number, model: RowModel): void {
  const { slot, from, countMax, stop, attempt } = request;
  if (!isWithin(from, length)) {
    throw invalid(`slot ${slot} holds ${length} tokens, draft starts at ${from}`);
  }
  checkTokens(request, model);
  checkSchemeName(request.scheme);
  if (!Number.isInteger(countMax) || countMax < 1) {
    throw invalid(`countMax ${countMax} is not a whole number >= 1`);
  }
  if (!Number.isInteger(attempt) || attempt < 0 || attempt >= 2 ** 24) {
    throw invalid(`attempt ${attempt} is outside [0, 2^24)`);
  }
  checkShare('confidenceMin', stop.confidenceMin);
  checkShare('chanceMin', stop.chanceMin ?? 0);
  checkAlternatives(request.alternativesMax);
}

function checkShare(name: string, value: number): void {
  if (!(value >= 0 && value <= 1)) throw invalid(`${name} ${value} is outside [0, 1]`);
}

/** @throws PilotfishError `segment-invalid` for no drafts, or two of one slot. */
export function checkDraftSlots(requests: readonly DraftRequest[]): void {
  if (requests.length === 0) throw invalid('0 drafts asked for');
  const seen = new Set<number>();
  for (const { slot } of requests) {
    if (seen.has(slot)) throw invalid(`slot ${slot} appears twice`);
    seen.add(slot);
  }
}

/** Whether a slot that holds `held` tokens has a prefix of this length. */
export const isWithin = (length: number, held: number): boolean =>
  Number.isInteger(length) && length >= 0 && length <= held;

/** Most runners-up of one drafted token. */
const alternativesLimit = 8;

function checkAlternatives(count = 0): void {
  if (Number.isInteger(count) && count >= 0 && count <= alternativesLimit) return;
  throw invalid(`alternativesMax ${count} is not a whole number in [0, ${alternativesLimit}]`);
}

function checkTopLogprobs(count: number): void {
  if (Number.isInteger(count) && count >= 0 && count <= topLogprobsMax) return;
  throw invalid(`topLogprobs ${count} is not a whole number in [0, ${topLogprobsMax}]`);
}

interface Continuation {
  readonly slot: number;
  readonly from: number;
  readonly tokens: Int32Array;
}

function checkContinuation(segment: Segment, context: SegmentContext): void {
  const draftCount = segment.judge?.draftCount ?? 0;
  const { slot, from } = segment;
  const { length, config } = context.slotOf(slot);
  if (from !== length)
    throw invalid(`slot ${slot} holds ${length} tokens, segment starts at ${from}`);
  // Only a prompt holds images: no law, grammar or draft ever meets one.
  const promptLeft = Math.max(0, config.promptLength - from);
  checkTokens(segment, context.model, Math.min(promptLeft, segment.tokens.length - draftCount));
}

/** @param prompt how many of the first tokens may belong to images. */
function checkTokens({ slot, from, tokens }: Continuation, model: RowModel, prompt = 0): void {
  if (tokens.length === 0) throw invalid(`segment of slot ${slot} has no tokens`);
  const words = tokens.subarray(0, prompt).filter((token) => !isImageToken(token));
  if (words.length < prompt) checkImageIds(tokens.subarray(0, prompt), model);
  checkTokenIds(words, model.vocabSize);
  checkTokenIds(tokens.subarray(prompt), model.vocabSize);
  if (from + tokens.length > model.contextLength) {
    throw new PilotfishError(
      'context-exhausted',
      `slot ${slot} would hold ${from + tokens.length} tokens, more than its context of ${model.contextLength}`,
    );
  }
}

function checkImageIds(tokens: Int32Array, model: RowModel): void {
  if (model.checkImageToken === undefined) throw invalid('this model takes no images');
  for (const token of tokens) if (isImageToken(token)) model.checkImageToken(token);
}

/** @throws PilotfishError `token-out-of-range` naming the first bad id. */
export function checkTokenIds(tokens: Int32Array, vocabSize: number): void {
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index]!;
    if (token < 0 || token >= vocabSize) {
      throw new PilotfishError(
        'token-out-of-range',
        `token ${token} at index ${index} is outside the vocabulary [0, ${vocabSize})`,
      );
    }
  }
}

/** Stops callers without types. Deeper code takes an unknown scheme for a broken invariant. */
function checkSchemeName(scheme: Scheme): void {
  if (!schemes.includes(scheme)) {
    throw invalid(`scheme '${scheme}' is not one of ${schemes.join(', ')}`);
  }
}

function checkJudge(judge: Judge, tokenCount: number, vocabSize: number): void {
  const { draftCount } = judge;
  checkSchemeName(judge.scheme);
  if (!Number.isInteger(draftCount) || draftCount < 0 || draftCount >= tokenCount) {
    throw invalid(
      `draftCount ${draftCount} is outside [0, ${tokenCount}) for ${tokenCount} tokens`,
    );
  }
  switch (judge.scheme) {
    case 'greedy':
    case 'coupled':
    case 'agreement':
      break;
    case 'split':
      checkDraftProbs(judge.draftProbs, draftCount);
      break;
    case 'full':
      checkDraftLaws(judge.draftLaws, draftCount, vocabSize);
      break;
    default:
      unreachable(judge);
  }
}

function checkDraftProbs(probs: Float64Array, draftCount: number): void {
  if (probs.length !== draftCount) {
    throw invalid(`${probs.length} draft probabilities for ${draftCount} drafts`);
  }
  for (const prob of probs) {
    if (!(prob > 0 && prob <= 1)) throw invalid(`draft probability ${prob} is outside (0, 1]`);
  }
}

function checkDraftLaws(
  laws: readonly Parameters<typeof checkLaw>[0][],
  draftCount: number,
  vocabSize: number,
): void {
  if (laws.length !== draftCount)
    throw invalid(`${laws.length} draft laws for ${draftCount} drafts`);
  for (const law of laws) {
    const fault = checkLaw(law, vocabSize);
    if (fault) throw invalid(`draft law: ${fault}`);
  }
}
