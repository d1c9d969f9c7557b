// Applies a server's frames to a session: commits, residual draws, ends. Returns a complaint about
// a frame that breaks the rules; the caller ends the session with it.

import { assert } from '../../base/assert.js';
import { samplingRequestOf } from '../../math/sampling-request.js';
import { codeTable } from '../../protocol/code.js';
import { errorOfFailure } from '../../protocol/failure.js';
import {
  type Failure,
  type Opened,
  type Resumed,
  type ServerFrame,
  type Tail,
  testedCountOf,
  type Verdict,
} from '../../protocol/frame.js';
import { checkScheme } from '../../protocol/session-check.js';
import { receive, type ServerFrameEvent } from '../../protocol/session-state.js';
import type { DeviceSession } from './device-session.js';
import { ResidualDraw } from './residual-draw.js';

type SessionFrame = Extract<ServerFrame, { session: number }> | (Failure & { session: number });

/** Most reopenings of a session in a row without a token between them. */
const reopenMax = 3;

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
    case 'hint':
      session.onHint(frame, nowMs);
      return null;
  }
}

function onOpened(session: DeviceSession, frame: Opened, nowMs: number): string | null {
  const { promptIds, promptLength } = frame;
  if (session.text === null) {
    if (promptIds.length === 0) return 'the server did not say the ids of the prompt';
    session.begin(promptIds);
  }
  if (session.text!.promptLength !== promptLength) {
    return `a prompt of ${promptLength} tokens, not of ${session.text!.promptLength}`;
  }
  session.resumeKey = frame.resumeKey;
  session.windowMax = frame.windowMax;
  session.timeouts = 0;
  session.sendPlanner.onOpened(nowMs);
  return null;
}

function onResumed(session: DeviceSession, frame: Resumed, nowMs: number): string | null {
  session.timeouts = 0;
  session.tally.resumeCount++;
  const fault = session.take(frame, nowMs);
  if (fault !== null) return fault;
  settleResidual(session);
  session.rejoin(frame.epoch);
  session.sendPlanner.onOpened(nowMs);
  return null;
}

function onVerdict(session: DeviceSession, verdict: Verdict, nowMs: number): string | null {
  const misfit = checkScheme(verdict, session.request.scheme);
  if (misfit !== null) return misfit.message;
  measure(session, verdict, nowMs);
  session.sendPlanner.onVerdict();
  const { end, law } = verdict;
  const rejected = law === null ? null : draftAt(session, verdict);
  const fault = session.take(verdict, nowMs);
  if (fault !== null) return fault;
  settleResidual(session);
  if (law !== null) {
    const complaint = onLaw(session, verdict, rejected, nowMs);
    if (complaint !== null) return complaint;
  }
  if (end !== null) session.finish(end, true, nowMs);
  return null;
}

function measure(session: DeviceSession, verdict: Verdict, nowMs: number): void {
  const { timings, tally, request, lastVerdictMs } = session;
  const { acceptedCount, rejectedCount, queueUs, verifyUs } = verdict;
  const isFed = request.mode === 'race' || request.mode === 'stream';
  tally.verdictCount++;
  if (testedCountOf(verdict) > 0) tally.roundCount++;
  tally.acceptedCount += acceptedCount;
  tally.rejectedCount += rejectedCount;
  if (isFed) {
    // One verdict a pass: their distance includes the load of other sessions. At flush times it
    // says nothing of passes.
    if (session.link.flushMs !== null) {
      if (verifyUs > 0) timings.pass.add(verifyUs / 1000);
    } else if (lastVerdictMs !== null) timings.pass.add(nowMs - lastVerdictMs);
  } else if (testedCountOf(verdict) > 0) {
    timings.queue.add(queueUs / 1000);
    timings.pass.add(verifyUs / 1000);
  }
  session.lastVerdictMs = nowMs;
  session.timeouts = 0;
  if (verdict.advisedDraftLength !== null) session.advisedDraftLength = verdict.advisedDraftLength;
  if (request.mode === 'race') session.speculationGate.observe(timings, nowMs);
}

/** The draft that a verdict with a law has rejected. */
function draftAt(session: DeviceSession, { from, tokens }: Verdict) {
  return session.text!.chain.at(from + tokens.length);
}

/** Forgets a residual token once the server has moved beyond it. */
function settleResidual(session: DeviceSession): void {
  const { residual, text, wire } = session;
  if (residual === null || residual.token === null || wire?.state === 'residual-due') return;
  if (text!.log.length > residual.position + 1) session.residual = null;
}

function onLaw(
  session: DeviceSession,
  { from, tokens, law, lawLogprobs }: Verdict,
  rejected: ReturnType<typeof draftAt>,
  nowMs: number,
): string | null {
  const position = from + tokens.length;
  const known = session.residual;
  if (known !== null && known.position === position) {
    // Repeated after a resumption: the token stands, or the whole law is still needed.
    if (known.isOpen) requestTail(session, position);
    // The frame that brings the token crossed this one: nothing is due.
    else if (known.isSent) session.wire!.state = 'open';
    return null;
  }
  if (samplingRequestOf(session.request).topLogprobs !== null && lawLogprobs === null) {
    return `no log-probabilities of the law for position ${position}`;
  }
  if (rejected === null || rejected.law === null || position !== session.text!.log.length) {
    return `a law for position ${position}, where no draft was rejected`;
  }
  session.residual = new ResidualDraw(position, rejected.law, session.request.seed);
  session.dropChain(position);
  session.residual.draw(law!, lawLogprobs);
  if (session.residual.isOpen) requestTail(session, position);
  else session.commitResidual(nowMs);
  return null;
}

function requestTail(session: DeviceSession, position: number): void {
  session.link.send(session, { kind: 'tail-request', session: session.wire!.id, position });
}

function onTail(
  session: DeviceSession,
  { position, law, lawLogprobs }: Tail,
  nowMs: number,
): string | null {
  const { residual } = session;
  if (residual === null || residual.position !== position) return `a tail for position ${position}`;
  if (!residual.isOpen) return null;
  if (samplingRequestOf(session.request).topLogprobs !== null && lawLogprobs === null) {
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
  const canReopen = reopening.has(failure.code) && isSoon && session.reopenCount < reopenMax;
  if (!canReopen) {
    session.fail(errorOfFailure(failure), nowMs);
    return;
  }
  session.reopenCount++;
  session.forgetWire();
  const isFull = codeTable[failure.code].retryable;
  session.openAtMs = isFull ? nowMs + Math.max(failure.retryAfterMs, 100) : nowMs;
}
