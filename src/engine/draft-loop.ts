// Drafts token by token on one slot: feed, pick by the scheme, tell, look whether to stop. Runs inside the engine's
// thread; between tokens it can be stopped from outside. Source of the confidence stop: SLED, arXiv 2506.09397.

import { keyedChance } from '../math/chance.js';
import type { Law } from '../math/law.js';
import { draftToken } from '../math/split.js';
import { alternativesTo } from './alternatives.js';
import type { DraftEnd, DraftEndReason, DraftedToken, DraftRequest } from './engine.js';
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
    feedChunks(request.slot, pending, slot, parts.model, parts.stopped);
    if (parts.stopped()) return end('stopped');
    const next = pickToken(request, slot, parts.math, parts.model);
    drafted.push(next);
    parts.onToken(next);
    const reason = endReason(request, drafted, slot, parts);
    if (reason) return end(reason);
    pending = Int32Array.of(next.token);
  }
}

function endReason(
  { countMax, stop }: DraftRequest,
  drafted: readonly DraftedToken[],
  slot: Slot,
  { endOfText, model }: DraftLoopParts,
): DraftEndReason | null {
  const { token, confidence } = drafted[drafted.length - 1]!;
  if (endOfText.has(token)) return 'end-of-text';
  if (confidence !== null && confidence < stop.confidenceMin) return 'confidence';
  if (drafted.length === countMax) return 'count';
  return slot.length === model.contextLength ? 'context' : null;
}

/** A prompt may be longer than a pass; a stop is honoured between chunks. */
function feedChunks(
  index: number,
  tokens: Int32Array,
  slot: Slot,
  model: RowModel,
  stopped: () => boolean,
): void {
  for (let from = 0; from < tokens.length && !stopped(); from += model.passTokensMax) {
    const chunk = tokens.subarray(from, from + model.passTokensMax);
    const rowCount = from + chunk.length === tokens.length ? 1 : 0;
    model.feed([{ slot: index, from: slot.length, tokens: chunk, rowCount }]);
    slot.push(chunk);
  }
}

function pickToken(
  request: DraftRequest,
  slot: Slot,
  math: RowMath,
  model: RowModel,
): DraftedToken {
  math.load(model.row(0), slot.sampling, slot.history, slot.mask);
  const { token, law, prob } = pickByScheme(request, slot, math);
  const wantsConfidence = request.wantConfidence || request.stop.confidenceMin > 0;
  const confidence = wantsConfidence ? math.softmaxProb(token) : null;
  const drafted = { position: slot.length, token, confidence, law, prob };
  const { scheme, alternativesMax = 0 } = request;
  const alternatives = alternativesTo(token, scheme, slot, math, alternativesMax);
  return alternatives === null ? drafted : { ...drafted, alternatives };
}

interface Pick {
  readonly token: number;
  readonly law: Law | null;
  readonly prob: number | null;
}

function pickByScheme({ scheme, attempt }: DraftRequest, slot: Slot, math: RowMath): Pick {
  const position = slot.length;
  switch (scheme) {
    // Under agreement the server accepts a draft with its target probability: the likeliest token is the best guess.
    case 'greedy':
    case 'agreement':
      return { token: math.argmax(), law: null, prob: null };
    case 'coupled':
      return {
        token: math.coupledToken(slot.sampling, slot.keys.race, position),
        law: null,
        prob: null,
      };
    default: {
      const law = math.law(slot.sampling);
      const chance = keyedChance(slot.keys.accept, slot.keys.draft, position, attempt);
      return { law, ...draftToken(law, chance) };
    }
  }
}
