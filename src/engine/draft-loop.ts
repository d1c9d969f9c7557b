// Drafts token by token on one slot: feed, pick by the scheme, report, check whether to stop. Or
// drafts one token on each of several slots in one pass. Runs inside the engine's thread; a loop
// can be stopped from outside between its tokens. Source of the confidence stop: SLED, arXiv
// 2506.09397.

import { unreachable } from '../base/assert.js';
import { keyedChance } from '../math/chance.js';
import type { Law } from '../math/law.js';
import { draftToken } from '../math/split.js';
import { alternativesTo } from './alternatives.js';
import type { DraftEnd, DraftEndReason, DraftedToken, DraftRequest, DraftStep } from './engine.js';
import type { RowMath } from './row-math.js';
import type { RowModel } from './row-model.js';
import type { Slot } from './slot.js';

export interface DraftLoopParts {
  readonly model: RowModel;
  readonly math: RowMath;
  readonly endOfText: ReadonlySet<number>;
  readonly stopped: () => boolean;
  readonly onToken: (token: DraftedToken) => void;
}

/**
 * Feeds the request's tokens, then drafts. The request is already checked.
 *
 * @param slot its log ends where the request starts; afterwards it holds all fed tokens.
 */
export function runDraft(request: DraftRequest, slot: Slot, parts: DraftLoopParts): DraftEnd {
  const drafted: DraftedToken[] = [];
  const end = (reason: DraftEndReason): DraftEnd => ({ reason, drafted, length: slot.length });
  let pending = request.tokens;
  for (;;) {
    if (parts.stopped()) return end('stopped');
    feedChunks(request.slot, pending, slot, parts, 1);
    if (parts.stopped()) return end('stopped');
    const next = pickToken(request, slot, parts, 0);
    drafted.push(next);
    parts.onToken(next);
    const reason = endReason(request, drafted, slot, parts);
    if (reason) return end(reason);
    pending = Int32Array.of(next.token);
  }
}

/**
 * Feeds the tokens of every step and drafts one token after each, in one pass. The steps are
 * already checked.
 *
 * @param slots [steps] as for runDraft.
 */
export function runDraftSteps(
  steps: readonly DraftStep[],
  slots: readonly Slot[],
  parts: Omit<DraftLoopParts, 'stopped' | 'onToken'>,
): DraftEnd[] {
  const { model } = parts;
  const tokenCount = steps.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const tails = steps.map(({ slot, tokens }, index) => {
    if (tokenCount <= model.passTokensMax) return tokens;
    feedChunks(slot, tokens.subarray(0, -1), slots[index]!, { model, stopped: () => false }, 0);
    return tokens.subarray(-1);
  });
  model.feed(
    steps.map(({ slot }, index) => {
      return { slot, from: slots[index]!.length, tokens: tails[index]!, rowCount: 1 };
    }),
  );
  return steps.map((step, index) => {
    const slot = slots[index]!;
    slot.push(tails[index]!);
    const drafted = [pickToken(step, slot, parts, index)];
    const reason = endReason({ ...step, countMax: 1 }, drafted, slot, parts)!;
    return { reason, drafted, length: slot.length };
  });
}

function endReason(
  { countMax, stop }: Pick<DraftRequest, 'countMax' | 'stop'>,
  drafted: readonly DraftedToken[],
  slot: Slot,
  { endOfText, model }: Pick<DraftLoopParts, 'endOfText' | 'model'>,
): DraftEndReason | null {
  const { token, confidence } = drafted[drafted.length - 1]!;
  if (endOfText.has(token)) return 'end-of-text';
  if (confidence !== null && confidence < stop.confidenceMin) return 'confidence';
  if (drafted.length === countMax) return 'count';
  return slot.length === model.contextLength ? 'context' : null;
}

/**
 * Feeds tokens in passes; a prompt may need several. Stops between them on request.
 *
 * @param rowCount 1: a row after the last token.
 */
function feedChunks(
  index: number,
  tokens: Int32Array,
  slot: Slot,
  { model, stopped }: Pick<DraftLoopParts, 'model' | 'stopped'>,
  rowCount: 0 | 1,
): void {
  for (let from = 0; from < tokens.length && !stopped(); from += model.passTokensMax) {
    const chunk = tokens.subarray(from, from + model.passTokensMax);
    const isLast = from + chunk.length === tokens.length;
    const part = { slot: index, from: slot.length, tokens: chunk, rowCount: isLast ? rowCount : 0 };
    model.feed([part]);
    slot.push(chunk);
  }
}

/** @param row of the last feed. */
function pickToken(
  request: DraftStep,
  slot: Slot,
  { math, model }: Pick<DraftLoopParts, 'math' | 'model'>,
  row: number,
): DraftedToken {
  math.load(model.row(row), slot.sampling, slot.history, slot.mask);
  const { token, law, prob } = pickByScheme(request, slot, math);
  const wantsConfidence = request.wantConfidence || request.stop.confidenceMin > 0;
  const confidence = wantsConfidence ? math.softmaxProb(token) : null;
  const drafted = { position: slot.length, token, confidence, law, prob };
  const { scheme, alternativesMax = 0 } = request;
  const alternatives = alternativesTo(token, scheme, slot, math, alternativesMax);
  return alternatives === null ? drafted : { ...drafted, alternatives };
}

interface PickedToken {
  readonly token: number;
  readonly law: Law | null;
  readonly prob: number | null;
}

function pickByScheme({ scheme, attempt }: DraftStep, slot: Slot, math: RowMath): PickedToken {
  const position = slot.length;
  switch (scheme) {
    // Under agreement a draft is accepted with its target probability, so the likeliest token is
    // best.
    case 'greedy':
    case 'agreement':
      return { token: math.argmax(), law: null, prob: null };
    case 'coupled':
      return {
        token: math.coupledToken(slot.sampling, slot.keys.race, position),
        law: null,
        prob: null,
      };
    case 'split':
    case 'full': {
      const law = math.law(slot.sampling);
      const chance = keyedChance(slot.keys.accept, slot.keys.draft, position, attempt);
      return { law, ...draftToken(law, chance) };
    }
    default:
      return unreachable(scheme);
  }
}
