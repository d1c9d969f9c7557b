// Drafts on one or several slots in shared passes: feed, pick by the scheme, report, check whether
// to stop. Runs inside the engine's thread; a loop can be stopped from outside between its passes.
// Source of the confidence stop: SLED, arXiv 2506.09397.

import { unreachable } from '../base/assert.js';
import { keyedChance } from '../math/chance.js';
import type { Law } from '../math/law.js';
import { draftToken } from '../math/split.js';
import { alternativesTo } from './alternatives.js';
import type {
  DraftEachResult,
  DraftEndReason,
  DraftedToken,
  DraftPass,
  DraftRequest,
  DraftStop,
} from './engine.js';
import type { RowMath } from './row-math.js';
import type { RowModel } from './row-model.js';
import type { Slot } from './slot.js';

export interface DraftLoopParts {
  readonly model: RowModel;
  readonly math: RowMath;
  readonly endOfText: ReadonlySet<number>;
  readonly now: () => number;
  readonly stopped: () => boolean;
  readonly onToken: (token: DraftedToken) => void;
}

interface Draft {
  readonly request: DraftRequest;
  readonly slot: Slot;
  readonly drafted: DraftedToken[];
  /** [n >= 1] tokens to feed next; a row follows the last. */
  pending: Int32Array;
  /** Product of the chances of its tokens. */
  chance: number;
  /** Null: it goes on. */
  reason: DraftEndReason | null;
}

/**
 * Feeds the tokens of each request, then drafts. The requests are already checked.
 *
 * @param slots [requests] the log of each ends where its request starts; afterwards it holds all
 *   fed tokens.
 */
export function runDrafts(
  requests: readonly DraftRequest[],
  slots: readonly Slot[],
  parts: DraftLoopParts,
): DraftEachResult {
  const drafts = requests.map((request, index): Draft => {
    const pending = request.tokens;
    return { request, slot: slots[index]!, drafted: [], pending, chance: 1, reason: null };
  });
  const passes: DraftPass[] = [];
  for (let open = drafts; ; ) {
    open = open.filter(({ reason }) => reason === null);
    if (open.length === 0 || parts.stopped()) break;
    passes.push(runPass(open, parts));
  }
  const ends = drafts.map(({ reason, drafted, slot }) => {
    return { reason: reason ?? 'stopped', drafted, length: slot.length };
  });
  return { ends, passes };
}

function runPass(open: readonly Draft[], parts: DraftLoopParts): DraftPass {
  const { model, now, stopped } = parts;
  const started = now();
  const shares = shareOut(open, model);
  model.feed(
    shares.map(({ draft: { request, slot }, tokens, rowCount }) => {
      return { slot: request.slot, from: slot.length, tokens, rowCount };
    }),
  );
  let [tokenCount, tokenContext, row] = [0, 0, 0];
  for (const { draft, tokens, rowCount } of shares) {
    draft.slot.push(tokens);
    tokenCount += tokens.length;
    tokenContext += tokens.length * draft.slot.length;
    if (rowCount === 0) draft.pending = draft.pending.subarray(tokens.length);
    else if (stopped()) draft.reason = 'stopped';
    else draftOn(draft, row++, parts);
  }
  return { tokenCount, rowCount: row, tokenContext, ms: now() - started };
}

/** One draft's part of a pass. */
interface Share {
  readonly draft: Draft;
  readonly tokens: Int32Array;
  readonly rowCount: 0 | 1;
}

/**
 * Divides a pass: the shortest parts come first, so that a long prompt delays no other draft; then
 * those with the most left to draft, so that the last pass comes early.
 *
 * @returns at least one part.
 */
function shareOut(open: readonly Draft[], model: RowModel): Share[] {
  let tokensLeft = model.passTokensMax;
  let rowsLeft = model.passRowsMax;
  const leftOf = ({ request, drafted }: Draft): number => request.countMax - drafted.length;
  const ordered = [...open].sort(
    (one, other) => one.pending.length - other.pending.length || leftOf(other) - leftOf(one),
  );
  return ordered.flatMap((draft): Share[] => {
    const { pending } = draft;
    const isWhole = rowsLeft > 0 && pending.length <= tokensLeft;
    const tokens = isWhole
      ? pending
      : pending.subarray(0, Math.min(pending.length - 1, tokensLeft));
    if (tokens.length === 0) return [];
    tokensLeft -= tokens.length;
    if (isWhole) rowsLeft--;
    return [{ draft, tokens, rowCount: isWhole ? 1 : 0 }];
  });
}

/** Drafts a token. @param row of the last feed. */
function draftOn(draft: Draft, row: number, parts: DraftLoopParts): void {
  const next = pickToken(draft.request, draft.slot, parts, row);
  draft.drafted.push(next);
  if (next.confidence !== null) draft.chance *= chanceOf(next.confidence, draft.request.stop);
  draft.reason = endReason(draft, next, parts);
  if (draft.reason === null) draft.pending = Int32Array.of(next.token);
  parts.onToken(next);
}

function chanceOf(confidence: number, { chances }: DraftStop): number {
  return chances?.[partOf(confidence, chances.length)] ?? confidence;
}

/** Which of `count` equal parts of [0, 1] a share is in. */
export const partOf = (share: number, count: number): number =>
  Math.min(count - 1, Math.floor(share * count));

function endReason(
  { request: { countMax, stop }, drafted, chance, slot }: Draft,
  { token, confidence }: DraftedToken,
  { endOfText, model }: DraftLoopParts,
): DraftEndReason | null {
  if (endOfText.has(token)) return 'end-of-text';
  if (confidence !== null && confidence < stop.confidenceMin) return 'confidence';
  if (chance < (stop.chanceMin ?? 0)) return 'confidence';
  if (drafted.length === countMax) return 'count';
  return slot.length === model.contextLength ? 'context' : null;
}

/** @param row of the last feed. */
function pickToken(
  request: DraftRequest,
  slot: Slot,
  { math, model }: DraftLoopParts,
  row: number,
): DraftedToken {
  math.load(model.row(row), slot.sampling, slot.history, slot.mask);
  const { token, law, prob } = pickByScheme(request, slot, math);
  const { confidenceMin, chanceMin = 0 } = request.stop;
  const wantsConfidence = request.wantConfidence || confidenceMin > 0 || chanceMin > 0;
  const confidence = wantsConfidence ? math.softmaxProb(token) : null;
  const { position } = slot;
  const drafted = { position, token, confidence, law, prob };
  const { scheme, alternativesMax = 0 } = request;
  const alternatives = alternativesTo(token, scheme, slot, math, alternativesMax);
  return alternatives === null ? drafted : { ...drafted, alternatives };
}

interface PickedToken {
  readonly token: number;
  readonly law: Law | null;
  readonly prob: number | null;
}

function pickByScheme({ scheme, attempt }: DraftRequest, slot: Slot, math: RowMath): PickedToken {
  const { position } = slot;
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
