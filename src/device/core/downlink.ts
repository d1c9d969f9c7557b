// Applies a server's frames to a session: commits, residual draws, ends. Returns a complaint about
// a frame that breaks the rules; the caller ends the session with it.

import { assert } from '../../base/assert.js';
import { isImageToken } from '../../base/image-token.js';
import type { DraftedToken } from '../../engine/engine.js';
import { samplingRequestOf } from '../../math/sampling-request.js';
import { codeTable } from '../../protocol/code.js';
import { errorOfFailure } from '../../protocol/failure.js';
import {
  type Failure,
  modeTraits,
  type Opened,
  type Resumed,
  type ServerFrame,
  type Tail,
  testedCountOf,
  type Verdict,
} from '../../protocol/frame.js';
import { withImages } from '../../protocol/image-spans.js';
import { checkScheme } from '../../protocol/session-check.js';
import { receive, type ServerFrameEvent } from '../../protocol/session-state.js';
import type { DeviceSession } from './device-session.js';
import { reconcile } from './reconcile.js';

type SessionFrame = Extract<ServerFrame, { session: number }> | (Failure & { session: number });

const reopening: ReadonlySet<Failure['code']> = new Set([
  'resume-refused',
  'log-mismatch',
  'session-expired',
  'engine-failed',
  'server-busy',
  'quota-exceeded',
  'sessions-exhausted',
]);

/** @returns what is wrong with the frame, or null. */
export function takeFrame(
  session: DeviceSession,
  frame: SessionFrame,
  event: ServerFrameEvent,
  nowMs: number,
): string | null {
  const { wire } = session;
  assert(wire !== null, 'a frame for a session without wire');
  const reception = receive(wire.state, event, wire.id);
  if (reception.kind === 'fault') return reception.fault.message;
  if (reception.kind === 'late' && reception.use === 'drop') return null;
  if (reception.kind === 'move') wire.state = reception.state;
  switch (frame.kind) {
    case 'opened':
      return onOpened(session, frame, nowMs);
    case 'resumed':
      return onResumed(session, frame, nowMs);
    case 'verdict':
      return onVerdict(session, frame, nowMs);
    case 'tail':
      return onTail(session, frame, nowMs);
    case 'failure':
      onFailure(session, frame, nowMs);
      return null;
    case 'pictures-wanted':
      return session.pictures.want(frame.wanted);
    case 'hint':
      session.draftPlanner.hint(session, frame, nowMs);
      return null;
  }
}

function onOpened(session: DeviceSession, frame: Opened, nowMs: number): string | null {
  const { promptLength, images } = frame;
  if (images.length > 0 && session.pictures.count === 0) {
    return `${images.length} images in a prompt without pictures`;
  }
  const promptIds = withImages(frame.promptIds, images);
  if (session.text === null) {
    if (promptIds.length === 0) return 'the server did not say the ids of the prompt';
    session.begin(promptIds);
  }
  const { text } = session;
  if (text!.promptLength !== promptLength) {
    return `a prompt of ${promptLength} tokens, not of ${text!.promptLength}`;
  }
  const known = text!.log.slice(0, promptLength);
  if (promptIds.length > 0 && promptIds.some((token, at) => token !== known[at])) {
    const isOther = promptIds.some(
      (token, at) => token !== known[at] && !(isImageToken(token) && isImageToken(known[at]!)),
    );
    if (isOther) return 'another prompt than before for the same messages';
    session.rename(promptIds);
  }
  session.onOpened(frame, nowMs);
  return null;
}

function onResumed(session: DeviceSession, frame: Resumed, nowMs: number): string | null {
  session.tally.resumeCount++;
  session.onReached(nowMs);
  const fault = commit(session, frame, nowMs);
  if (fault === null) session.rejoin(frame.epoch);
  return fault;
}

function onVerdict(session: DeviceSession, verdict: Verdict, nowMs: number): string | null {
  const misfit = checkScheme(verdict, session.request.scheme);
  if (misfit !== null) return misfit.message;
  const before = session.text!.log.length;
  const { origins } = session.tally;
  const draftedBefore = origins.drafted;
  measure(session, verdict, nowMs);
  const rejected = session.text!.chain.at(verdict.from + verdict.tokens.length);
  const fault = commit(session, verdict, nowMs) ?? onLaw(session, verdict, rejected, nowMs);
  if (fault !== null) return fault;
  const tokenCount = session.text!.log.length - before;
  countSources(session, verdict, origins.drafted - draftedBefore);
  weigh(session, verdict, tokenCount, nowMs);
  if (verdict.end !== null) session.finish(verdict.end, true, nowMs);
  return null;
}

function measure(session: DeviceSession, verdict: Verdict, nowMs: number): void {
  const { timings, tally, request, lastVerdictMs } = session;
  const { acceptedCount, rejectedCount, queueUs, verifyUs } = verdict;
  const { writesUnasked } = modeTraits[request.mode];
  tally.verdictCount++;
  if (testedCountOf(verdict) > 0) tally.roundCount++;
  tally.acceptedCount += acceptedCount;
  tally.rejectedCount += rejectedCount;
  if (verifyUs > 0) timings.verify.add(verifyUs / 1000);
  if (writesUnasked) {
    // One verdict a pass: their distance shows the load of other sessions, but not at flush times.
    if (session.link.flushMs !== null) {
      if (verifyUs > 0) timings.pass.add(verifyUs / 1000);
    } else if (lastVerdictMs !== null) timings.pass.add(nowMs - lastVerdictMs);
  } else if (testedCountOf(verdict) > 0) {
    timings.queue.add(queueUs / 1000);
    timings.pass.add(verifyUs / 1000);
  }
  session.onVerdict(verdict.advisedDraftLength, nowMs);
}

/** @param draftedCount tokens of the verdict that the device had drafted. */
function countSources({ tally }: DeviceSession, { sources }: Verdict, draftedCount: number): void {
  // No more than the tokens there are, in whatever a server says.
  let left = tally.tokenCount - tally.sources.device - tally.sources.model - tally.sources.suffix;
  const upTo = (count: number): number => {
    const counted = Math.min(count, left);
    left -= counted;
    return counted;
  };
  tally.sources.device += upTo(sources?.deviceCount ?? draftedCount);
  tally.sources.model += upTo(sources?.modelCount ?? 0);
  tally.sources.suffix += upTo(sources?.suffixCount ?? 0);
}

/** Whether drafting goes on. @param tokenCount that the verdict has committed. */
function weigh(
  session: DeviceSession,
  { sources }: Verdict,
  tokenCount: number,
  nowMs: number,
): void {
  const { request, timings, advisedDraftLength, speculationGate } = session;
  const { takesDrafts, writesUnasked } = modeTraits[request.mode];
  if (!takesDrafts) return;
  const { raceShare, shiftCount } = timings;
  const isUnwanted = advisedDraftLength === 0;
  const share = writesUnasked ? shareBeside(session, sources, raceShare) : null;
  const evidence = { share, shiftCount, isUnwanted, tokenCount };
  if (speculationGate.observe(evidence, nowMs)) session.link.measure(nowMs);
}

/**
 * Time per token with this device's drafts over that without them, in (0, 1]; null: not known. A
 * server that drafts itself and takes none of the device's gains nothing by them.
 */
function shareBeside(
  { tally }: DeviceSession,
  sources: Verdict['sources'],
  raceShare: number | null,
): number | null {
  if (tally.sources.model + tally.sources.suffix === 0 || sources === null) return raceShare;
  if (sources.deviceCount > 0) return raceShare;
  return sources.modelCount + sources.suffixCount > 0 ? 1 : null;
}

/** Commits the tokens of a frame. @returns what is wrong with it, or null. */
function commit(session: DeviceSession, said: Verdict | Resumed, nowMs: number): string | null {
  assert(session.text !== null, 'a verdict before the prompt is known');
  const { log, chain } = session.text;
  const result = reconcile(log, chain, said);
  if (result.kind === 'fault') return result.message;
  const { tokens } = result;
  const excess = log.length + tokens.length - session.endMax;
  if (excess > 0) return `${excess} tokens beyond the ${session.request.tokensMax} asked for`;
  const untold = tokens.findIndex(({ logprobs }) => logprobs === undefined);
  if (wantsLogprobs(session) && untold >= 0) {
    return `no log-probabilities of the token at ${log.length + untold}`;
  }
  session.take(result, nowMs);
  return null;
}

const wantsLogprobs = ({ request }: DeviceSession): boolean =>
  samplingRequestOf(request).topLogprobs !== null;

function onLaw(
  session: DeviceSession,
  { from, tokens, law, lawLogprobs }: Verdict,
  rejected: DraftedToken | null,
  nowMs: number,
): string | null {
  if (law === null) return null;
  const position = from + tokens.length;
  const known = session.residual;
  if (known !== null && known.position === position) {
    // Repeated after a resumption: the token stands, or the whole law is still needed.
    if (known.isOpen) session.requestTail();
    // The frame that brings the token crossed this one: nothing is due.
    else if (known.isSent) session.wire!.state = 'open';
    return null;
  }
  if (wantsLogprobs(session) && lawLogprobs === null) {
    return `no log-probabilities of the law for position ${position}`;
  }
  if (rejected === null || rejected.law === null || position !== session.text!.log.length) {
    return `a law for position ${position}, where no draft was rejected`;
  }
  session.drawResidual(rejected.law, law, lawLogprobs, nowMs);
  return null;
}

function onTail(
  session: DeviceSession,
  { position, law, lawLogprobs }: Tail,
  nowMs: number,
): string | null {
  const { residual } = session;
  if (residual === null || residual.position !== position) return `a tail for position ${position}`;
  if (!residual.isOpen) return null;
  if (wantsLogprobs(session) && lawLogprobs === null) {
    return `no log-probabilities of the law for position ${position}`;
  }
  const fault = residual.complete(law, lawLogprobs);
  if (fault !== null) return fault;
  session.commitResidual(nowMs);
  return null;
}

function onFailure(session: DeviceSession, failure: Failure, nowMs: number): void {
  // An answer waits no longer for a full server than for one that is away.
  const isSoon = failure.retryAfterMs <= session.settings.awayMaxMs;
  if (!(reopening.has(failure.code) && isSoon && session.mayReopen)) {
    session.fail(errorOfFailure(failure), nowMs);
    return;
  }
  const isFull = codeTable[failure.code].retryable;
  session.reopen(isFull ? nowMs + Math.max(failure.retryAfterMs, 100) : nowMs);
}
