// Cuts a piece of the chain into Draft frames of a size that the server accepts.

import type { DraftedToken } from '../../engine/engine.js';
import { tested } from '../../engine/judge-drafts.js';
import { type Scheme, schemeTraits } from '../../math/scheme.js';
import type { Draft } from '../../protocol/frame.js';
import { limits } from '../../protocol/limits.js';
import { versionOfChances } from '../../protocol/version.js';
import type { SessionView } from './session-view.js';

/** Most bytes of a law's entry on the wire: an id and a double, with their framing. */
const lawEntryBytes = 16;

export interface DraftPiece {
  readonly session: number;
  readonly epoch: number;
  /** Position of tokens[0]. */
  readonly from: number;
  /** [n >= 0] */
  readonly tokens: readonly DraftedToken[];
  readonly scheme: Scheme;
  /** A residual token that the server lacks, right before the piece; null: none. */
  readonly residual: number | null;
  /** Whether more of the chain is certain to follow. */
  readonly hasMore: boolean;
  /** Whether the frames tell the drafter's confidences, where it has computed them. */
  readonly tellsChances: boolean;
  /** Most tokens and bytes of a frame that the server offers. */
  readonly offered: { readonly draftTokens: number; readonly frameBytes: number };
}

/** Whether the server plans with the drafter's confidences. */
export const tellsChances = ({ request, link }: Pick<SessionView, 'request' | 'link'>): boolean =>
  request.mode === 'auto' && (link.welcome?.version ?? 0) >= versionOfChances;

/** [n >= 1] in order; a piece of no tokens is one empty frame. */
export function draftFrames(piece: DraftPiece): Draft[] {
  const frames: Draft[] = [];
  let rest = piece.tokens;
  let { from, residual } = piece;
  do {
    const tokens = rest.slice(0, countOfFrame(rest, piece));
    rest = rest.slice(tokens.length);
    frames.push(frameOf(piece, from, tokens, residual, piece.hasMore || rest.length > 0));
    from += tokens.length;
    residual = null;
  } while (rest.length > 0);
  return frames;
}

/** How many of `tokens` one frame may carry. */
function countOfFrame(tokens: readonly DraftedToken[], { scheme, offered }: DraftPiece): number {
  const countMax = Math.min(offered.draftTokens, limits.draftTokens.value);
  if (schemeTraits[scheme].needs !== 'law') return countMax;
  const entriesMax = Math.min(
    limits.lawEntries.value,
    Math.floor(offered.frameBytes / lawEntryBytes),
  );
  let entries = 0;
  let count = 0;
  for (const { law } of tokens) {
    entries += tested(law).probs.length;
    if (count > 0 && entries > entriesMax) break;
    count++;
  }
  return Math.min(count, countMax, limits.laws.value);
}

function frameOf(
  { session, epoch, scheme, tellsChances }: DraftPiece,
  from: number,
  tokens: readonly DraftedToken[],
  residual: number | null,
  more: boolean,
): Draft {
  const needs = tokens.length === 0 ? 'nothing' : schemeTraits[scheme].needs;
  return {
    kind: 'draft',
    session,
    epoch,
    from,
    ids: Int32Array.from(tokens, ({ token }) => token),
    probs: needs === 'prob' ? Float64Array.from(tokens, ({ prob }) => tested(prob)) : null,
    laws: needs === 'law' ? tokens.map(({ law }) => tested(law)) : null,
    residual,
    more,
    chances: tellsChances ? chancesOf(tokens) : null,
  };
}

/** [tokens] in 1/255; null where a token has none, or there is no token. */
function chancesOf(tokens: readonly DraftedToken[]): Uint8Array | null {
  const isKnown = tokens.length > 0 && tokens.every(({ confidence }) => confidence !== null);
  return isKnown
    ? Uint8Array.from(tokens, ({ confidence }) => Math.round(confidence! * 255))
    : null;
}
