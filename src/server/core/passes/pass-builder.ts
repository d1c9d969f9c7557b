// Builds a pass from sessions: the candidates for the planner, and the engine's segments for its
// plan. Issues the operations that prepare slots before the pass. Decides nothing about the text.

import type { Segment } from '../../../engine/engine.js';
import { judgeOf } from '../../../engine/judge-drafts.js';
import { pointLaw } from '../../../math/law.js';
import type { PassShape } from '../../../math/pass-time.js';
import { schemeTraits } from '../../../math/scheme.js';
import type { Mode } from '../../../protocol/frame.js';
import { type DraftLine, firstDrafts, joinTokens, lineLength } from '../drafting/draft-line.js';
import type { Session } from '../session.js';
import type { InFlightSegment } from '../session-status.js';
import { trustedLength } from '../tenants/draft-trust.js';
import type { Candidate, PlannedSegment, Predict } from './batch.js';
import type { SlotTable } from './slot-table.js';

/** Passes that a session may wait unnoticed: a device that has stopped notices at once. */
const slackPasses: { readonly [mode in Mode]: number } = {
  'stop-and-wait': 0,
  pipeline: 0.5,
  auto: 1,
  race: 1,
  'co-located': 1,
  stream: 1,
};

/**
 * The candidate for a session that has a slot.
 *
 * @param passMs of a pass over one row, as it is now.
 */
export function candidateOf(
  session: Session,
  slots: SlotTable,
  line: DraftLine,
  passMs: number,
): Candidate {
  const { key, log, wantsJudging, waitingSinceMs, terms } = session;
  const cacheLength = Math.min(slots.cacheLength(session), log.length - 1);
  return {
    key,
    tenant: terms.tenant.ordinal,
    cacheLength,
    missingCount: log.length - cacheLength,
    ...fillLimit(session, cacheLength),
    draftCount: lineLength(line),
    wantsJudging,
    waitingSinceMs,
    deadlineMs: waitingSinceMs + slackPasses[terms.mode] * passMs,
  };
}

/** Tokens of an answer from elsewhere that are walked through its format in one pass. */
const formatTokensMax = 64;

/**
 * The engine walks an answer that began elsewhere through its format, and every byte of a hostile
 * one takes milliseconds: what it costs is known, and charged, after each pass.
 */
function fillLimit(
  { terms, openedLength }: Session,
  cacheLength: number,
): Pick<Candidate, 'fillMax'> {
  const { config, promptLength } = terms;
  if ((config.schema ?? null) === null || openedLength === promptLength) return {};
  if (cacheLength >= openedLength) return {};
  return { fillMax: Math.max(0, promptLength - cacheLength) + formatTokensMax };
}

/**
 * How many of the device's drafts in line are tested: up to the first that would end the text, and
 * no more than the advised length. The rest waits for a later pass, where a rejection may have
 * removed it. In stop-and-wait all are tested, since the device waits for them; it has drafted by
 * the advice. A session whose drafts keep being rejected gets one row for them or none
 * (draft-trust.ts).
 *
 * @param lengthMax without advice; in auto always, since the planner weighs them.
 */
export function deviceDraftsToTest(session: Session, lengthMax: number): number {
  const { terms, history, drafts, log } = session;
  const isRound = terms.mode === 'stop-and-wait';
  const advised = terms.mode === 'auto' ? lengthMax : (history.advice ?? lengthMax);
  const soughtMax = isRound ? Infinity : advised;
  const worthMax = trustedLength(history.trust, soughtMax);
  const pendingCount = drafts.pendingCount(log.length);
  const count = Math.min(pendingCount, session.draftRoom, worthMax);
  return drafts.countToEnd(log.length, count, terms.endOfText);
}

/** The segment of one share; cuts the slot back to where the segment starts. */
export function buildSegment(
  session: Session,
  share: PlannedSegment,
  line: DraftLine,
  slots: SlotTable,
  contextLength: number,
  nowMs: number,
): { segment: Segment; inFlight: InFlightSegment } {
  const { log, drafts, terms } = session;
  const from = Math.min(slots.cacheLength(session), log.length - 1);
  slots.cut(session, from);
  const { isJudged } = share;
  const draftCount = Math.min(share.draftCount, line.deviceCount);
  const pending = drafts.pending(log.length, draftCount);
  const server = firstDrafts(line.server, share.draftCount - draftCount);
  const padCount = padOf(session, share, contextLength);
  const padding = new Int32Array(padCount).fill(padToken);
  const ids = joinTokens(joinTokens(pending.ids, server.tokens), padding);
  const filled = log.slice(from, from + share.fillCount);
  const inFlight: InFlightSegment = {
    from: log.length,
    draftCount,
    server,
    padCount,
    isJudged,
    epoch: drafts.epoch,
    ids,
    queueMs: draftCount > 0 ? Math.max(0, nowMs - session.draftAtMs) : 0,
    isRetry: session.isSuspect,
  };
  // To the engine padding is drafts: they are tested together.
  const parts = {
    probs: () => pending.probs ?? new Float64Array(0),
    laws: () => [...(pending.laws ?? []), ...Array.from(padding, (token) => pointLaw(token))],
  };
  const judge = isJudged ? judgeOf(terms.scheme, ids.length, parts) : null;
  const tokens = joinTokens(filled, ids);
  const { topLogprobs } = terms;
  const segment = { slot: slots.idOf(session), from, tokens, judge, topLogprobs };
  return { segment, inFlight };
}

/** Any token serves: padding is tested like a draft. */
const padToken = 0;

/** A device that draws the residual would need the law that padding was drawn from. */
function padOf({ log, terms }: Session, share: PlannedSegment, contextLength: number): number {
  if (schemeTraits[terms.scheme].residualBy === 'device') return 0;
  return Math.max(0, Math.min(share.padCount, contextLength - log.length - share.draftCount));
}

/** How many tokens can be asked for, one by one, after the one that this pass chooses. */
export function plainFollowCount({ terms, segment, log }: Session): number {
  if (segment === null) return 0;
  const isPlain = segment.isJudged && segment.ids.length === 0;
  return isPlain ? Math.max(0, terms.lengthMax - log.length - 1) : 0;
}

/** The size of a pass, for the time model. */
export function passShapeOf(segments: readonly Segment[]): PassShape {
  let tokenCount = 0;
  let rowCount = 0;
  let tokenContext = 0;
  for (const { from, tokens, judge } of segments) {
    tokenCount += tokens.length;
    rowCount += judge ? judge.draftCount + 1 : 0;
    tokenContext += tokens.length * (from + tokens.length);
  }
  return { tokenCount, rowCount, tokenContext };
}

/** Milliseconds that drafts add to a pass. @param shape of the pass. */
export function draftRowsMs(
  sessions: readonly Session[],
  shape: PassShape,
  predict: Predict,
): number {
  let draftCount = 0;
  for (const { segment } of sessions) {
    if (segment) draftCount += segment.draftCount + segment.server.tokens.length;
  }
  if (draftCount === 0) return 0;
  const tokenCount = shape.tokenCount - draftCount;
  const tokenContext = (shape.tokenContext * tokenCount) / shape.tokenCount;
  const plain = { tokenCount, rowCount: shape.rowCount - draftCount, tokenContext };
  return Math.max(0, predict(shape) - predict(plain));
}
