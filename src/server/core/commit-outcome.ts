// Commits what a pass has decided for a session: accepted drafts, then the target's own token or
// the law it is drawn from.

import { assert } from '../../base/assert.js';
import type { Outcome } from '../../engine/engine.js';
import type { TokenLogprobs } from '../../math/logprobs.js';
import { schemeTraits } from '../../math/scheme.js';
import type { EndReason } from '../../protocol/frame.js';
import type { CommittedTokens, TokenLog } from '../../protocol/token-log.js';
import type { DraftBuffer } from './draft-buffer.js';
import type { SourceTally } from './drafting/source-tally.js';
import type { LogprobLog } from './logprob-log.js';
import type { DueLaw, InFlightSegment } from './session-status.js';
import type { SessionTerms } from './session-terms.js';

/** The text of a session, and the drafts after it. */
export interface CommittedText {
  readonly terms: SessionTerms;
  readonly log: TokenLog;
  readonly drafts: DraftBuffer;
  /** Log-probabilities of the answer, where they are told. */
  readonly logprobs: LogprobLog | null;
  readonly sources: SourceTally;
}

/** How a session goes on after a pass. */
export interface AfterPass {
  /** Why no token may follow; null: one may. */
  readonly end: EndReason | null;
  /** The law of the next token where the device draws it, else null. */
  readonly due: DueLaw | null;
}

/**
 * Commits the outcome of a judged segment.
 *
 * @param text changed: tokens are added, drafts settled.
 */
export function commitOutcome(
  text: CommittedText,
  segment: InFlightSegment,
  { acceptedCount, final, logprobs }: Outcome,
): AfterPass {
  const { log, drafts } = text;
  const { ids, draftCount: deviceCount, server, from, epoch } = segment;
  assert(final !== null, 'a judged segment came back without a final token');
  assert(log.length === from, `log of ${log.length} moved during a pass from ${from}`);
  const sentCount = deviceCount + server.tokens.length;
  // Drafts that the engine has not tested wait for the next pass.
  const draftCount = final.kind === 'bonus' ? Math.min(acceptedCount, sentCount) : sentCount;
  const standing = Math.min(acceptedCount, draftCount);
  const isRejected = acceptedCount < Math.min(draftCount, deviceCount);
  const isCurrent = drafts.epoch === epoch && !drafts.isVoid;
  text.sources.test(server, Math.min(acceptedCount + 1, draftCount) - deviceCount);
  let end: EndReason | null = null;
  for (let index = 0; index < standing && end === null; index++) {
    end = commitToken(text, ids[index]!, logprobs?.tokens[index]);
    text.sources.add(index < deviceCount ? 'device' : server.sources[index - deviceCount]!);
  }
  drafts.settle(log);
  if (isCurrent && isRejected && end === null) drafts.reject(from + standing);
  if (!isCurrent) drafts.countTested(Math.min(standing, deviceCount), isRejected ? 1 : 0);
  if (end !== null || (!isRejected && dropsBonus(text, standing, epoch))) return { end, due: null };
  if (final.kind === 'law') {
    return { end, due: { law: final.law, logprobs: logprobs?.law ?? null } };
  }
  // An accepted token of padding is the target's own, which padding happened to hit.
  const token = acceptedCount > draftCount ? ids[draftCount]! : final.token;
  end = commitToken(text, token, logprobs?.tokens[standing]);
  drafts.settle(log);
  return { end, due: null };
}

/**
 * Whether the bonus token is dropped because a draft for its place has arrived or will: no
 * device has seen it, and the draft can be tested by ratio instead of compared. Without a tested
 * draft the pass must not come to nothing.
 */
function dropsBonus(
  { terms, drafts, log }: CommittedText,
  standing: number,
  epoch: number,
): boolean {
  if (schemeTraits[terms.scheme].test !== 'ratio') return false;
  const room = terms.lengthMax - log.length;
  if (standing === 0 || room < 2 || drafts.epoch !== epoch || drafts.isVoid) return false;
  return drafts.hasMore || drafts.pendingCount(log.length) > 0;
}

/**
 * @param logprobs present wherever the session tells them.
 * @returns why no token may follow it, or null.
 */
function commitToken(
  { terms, log, logprobs: told }: CommittedText,
  token: number,
  logprobs: TokenLogprobs | undefined,
): EndReason | null {
  log.push(token);
  if (told !== null) {
    assert(logprobs !== undefined, 'a pass left log-probabilities out');
    told.push(logprobs);
  }
  return endAfter(log, terms);
}

/** Why no token may follow a log, or null. */
export function endAfter(
  log: CommittedTokens,
  { promptLength, lengthMax, endsAtContext, endOfText }: SessionTerms,
): EndReason | null {
  if (log.length > promptLength && endOfText.has(log.at(log.length - 1))) return 'end-of-text';
  if (log.length < lengthMax) return null;
  return endsAtContext ? 'context' : 'length';
}
