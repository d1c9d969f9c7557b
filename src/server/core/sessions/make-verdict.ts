// From what a pass answered to what the device is told: commits tokens, settles drafts, ends sessions, builds Verdict
// frames that carry only what the device lacks. Sends nothing.

import { assert } from '../../../base/assert.js';
import type { Outcome } from '../../../engine/engine.js';
import { cutLaw } from '../../../math/cut-law.js';
import type { Law } from '../../../math/law.js';
import type { LawLogprobs, TokenLogprobs } from '../../../math/logprobs.js';
import type { EndReason, SentLaw, Verdict } from '../../../protocol/frame.js';
import { limits, u32Max } from '../../../protocol/limits.js';
import type { InFlightSegment, Session } from '../session.js';

/** What a verdict says beside its tokens. */
export interface VerdictTimes {
  readonly queueMs: number;
  readonly verifyMs: number;
  readonly advisedDraftLength: number | null;
}

/** Commits what a pass has decided for a session. @param endOfText tokens that end a text. */
export function commitOutcome(
  session: Session,
  inFlight: InFlightSegment,
  { acceptedCount, final, logprobs }: Outcome,
  endOfText: ReadonlySet<number>,
): void {
  const { log, drafts } = session;
  const { ids, draftCount: sentCount } = inFlight;
  assert(final !== null, 'a judged segment came back without a final token');
  assert(
    log.length === inFlight.from,
    `log of ${log.length} moved during a pass from ${inFlight.from}`,
  );
  // Drafts that the engine has not tested wait for the next pass.
  const draftCount = final.kind === 'bonus' ? Math.min(acceptedCount, sentCount) : sentCount;
  const standing = Math.min(acceptedCount, draftCount);
  const isRejected = acceptedCount < draftCount;
  const isCurrent = drafts.epoch === inFlight.epoch && !drafts.isVoid;
  for (let index = 0; index < standing && session.end === null; index++) {
    commitToken(session, ids[index]!, logprobs?.tokens[index], endOfText);
  }
  drafts.settle(log);
  if (isCurrent && isRejected && session.end === null) drafts.reject(inFlight.from + standing);
  if (!isCurrent) drafts.countTested(standing, isRejected ? 1 : 0);
  if (session.end !== null || (!isRejected && dropsBonus(session, standing, inFlight.epoch)))
    return;
  if (final.kind === 'law') {
    session.pendingLaw = final.law;
    session.pendingLogprobs = logprobs?.law ?? null;
    return;
  }
  // An accepted token of padding is the target's own, which padding happened to hit.
  const token = acceptedCount > draftCount ? ids[draftCount]! : final.token;
  commitToken(session, token, logprobs?.tokens[standing], endOfText);
  drafts.settle(log);
}

/**
 * Whether the bonus token is dropped because a draft for its place is there or on its way: nobody has seen it, and the
 * draft can be tested by ratio instead of compared. Without a tested draft the pass must not come to nothing.
 */
function dropsBonus(
  { terms, drafts, log, room }: Session,
  standing: number,
  epoch: number,
): boolean {
  if (terms.scheme !== 'split' && terms.scheme !== 'full') return false;
  if (standing === 0 || room < 2 || drafts.epoch !== epoch || drafts.isVoid) return false;
  return drafts.hasMore || drafts.pendingCount(log.length) > 0;
}

/** @param logprobs there wherever the session tells them. */
function commitToken(
  session: Session,
  token: number,
  logprobs: TokenLogprobs | undefined,
  endOfText: ReadonlySet<number>,
): void {
  session.log.push(token);
  if (session.logprobs !== null) {
    assert(logprobs !== undefined, 'a pass left log-probabilities out');
    session.logprobs.push(logprobs);
  }
  session.end = endReasonOf(session, endOfText);
}

/** Why no token may follow the log, or null. */
export function endReasonOf(
  { log, terms }: Session,
  endOfText: ReadonlySet<number>,
): EndReason | null {
  const { promptLength, lengthMax, endsAtContext } = terms;
  if (log.length > promptLength && endOfText.has(log.at(log.length - 1))) return 'end-of-text';
  if (log.length < lengthMax) return null;
  return endsAtContext ? 'context' : 'length';
}

/** The verdict that brings the device up to date; the session takes it as told. @param id the device's. */
export function makeVerdict(session: Session, id: number, times: VerdictTimes): Verdict {
  const { log, drafts, end } = session;
  const from = drafts.heldTo(session.announcedLength, log);
  const { acceptedCount, rejectedCount } = drafts.takeCounts();
  session.acceptedCount += acceptedCount;
  session.testedCount += acceptedCount + rejectedCount;
  session.trust.learn(acceptedCount, rejectedCount);
  session.terms.tenant.trust.learn(acceptedCount, rejectedCount);
  const law = end === null && session.pendingLaw ? sentLaw(session, session.pendingLaw) : null;
  const verdict: Verdict = {
    kind: 'verdict',
    session: id,
    epoch: drafts.epoch,
    from,
    tokens: log.slice(from),
    acceptedCount: Math.min(acceptedCount, limits.verdictCount.value),
    rejectedCount: Math.min(rejectedCount, limits.verdictCount.value),
    queueUs: microseconds(times.queueMs),
    verifyUs: microseconds(times.verifyMs),
    advisedDraftLength: times.advisedDraftLength,
    end,
    law,
    logprobs: session.logprobs?.between(session.announcedLength, log.length) ?? null,
    lawLogprobs: law && session.pendingLogprobs && sentLogprobs(law, session),
  };
  session.announcedLength = log.length;
  session.answerCount++;
  drafts.forgetBelow(session.announcedLength);
  return verdict;
}

function sentLaw({ terms: { cut } }: Session, law: Law): SentLaw {
  if (!cut) return { kind: 'whole', law };
  const short = cutLaw(law, cut);
  return short.tailMass === 0 ? { kind: 'whole', law } : { kind: 'cut', cut: short };
}

/** Of the entries that are sent: a cut lists them in its own order. */
function sentLogprobs(sent: SentLaw, { pendingLaw, pendingLogprobs }: Session): LawLogprobs {
  if (sent.kind === 'whole') return pendingLogprobs!;
  const { logprobs, top } = pendingLogprobs!;
  const { ids } = sent.cut;
  const isDense = pendingLaw!.kind === 'dense';
  return { logprobs: Float32Array.from(ids, (id, index) => logprobs[isDense ? id : index]!), top };
}

function microseconds(ms: number): number {
  return Math.min(u32Max, Math.max(0, Math.round(ms * 1000)));
}
