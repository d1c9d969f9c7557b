// A Draft meets its session: everything only the session can know is checked here, then the drafts join the line.
// Resent drafts change nothing; drafts of an older epoch, or of a chain that has fallen, are dropped without a word.

import { probOf } from '../../../math/law.js';
import { type WireCode, type WireFault, wireFault } from '../../../protocol/code.js';
import type { Draft } from '../../../protocol/frame.js';
import { limits } from '../../../protocol/limits.js';
import { checkScheme, checkVocabulary } from '../../../protocol/session-check.js';
import { logprobsOfEntry } from '../logprob-log.js';
import type { Session } from '../session.js';

export interface DraftBounds {
  readonly vocabSize: number;
  readonly draftTokensMax: number;
}

/**
 * Takes a draft that is legal in the session's state.
 *
 * @returns what is wrong with it, then nothing has changed; or null.
 */
export function receiveDraft(
  session: Session,
  frame: Draft,
  bounds: DraftBounds,
  nowMs: number,
): WireFault | null {
  const content = contentFault(session, frame, bounds);
  if (content) return content;
  const fault = residualFault(session, frame) ?? orderFault(session, frame);
  if (fault) return faultOf(frame, ...fault);
  if (frame.residual !== null) commitResidual(session, frame.residual, frame.from - 1);
  const contradiction = join(session, frame, nowMs);
  return contradiction && faultOf(frame, ...contradiction);
}

type Complaint = readonly [WireCode, string];

function faultOf({ session }: Draft, code: WireCode, message: string): WireFault {
  return wireFault(code, message, session);
}

function contentFault(
  { terms: { mode, scheme } }: Session,
  frame: Draft,
  { vocabSize, draftTokensMax }: DraftBounds,
): WireFault | null {
  if (mode === 'stream') return faultOf(frame, 'session-state', 'a draft in mode stream');
  if (frame.ids.length > draftTokensMax) {
    const message = `draft of ${frame.ids.length} tokens exceeds ${draftTokensMax}`;
    return faultOf(frame, 'limit-exceeded', message);
  }
  return checkScheme(frame, scheme) ?? checkVocabulary(frame, vocabSize) ?? lawFault(frame);
}

function lawFault(frame: Draft): WireFault | null {
  const bad = (frame.laws ?? []).findIndex((law, index) => probOf(law, frame.ids[index]!) === 0);
  return bad < 0 ? null : faultOf(frame, 'law-invalid', `law ${bad} excludes its own token`);
}

function residualFault({ log, pendingLaw }: Session, { residual, from }: Draft): Complaint | null {
  if (residual === null) return null;
  const position = from - 1;
  if (position < log.length) {
    const committed = log.at(position);
    return committed === residual
      ? null
      : [
          'residual-invalid',
          `residual ${residual} at ${position}, where ${committed} is committed`,
        ];
  }
  if (position > log.length || !pendingLaw) {
    return ['residual-invalid', `no residual token is due at ${position}`];
  }
  return probOf(pendingLaw, residual) > 0
    ? null
    : ['residual-invalid', `the target law excludes residual ${residual}`];
}

/** Epoch, place and window. The residual token of the same frame counts as committed. */
function orderFault(
  { drafts, log, answerCount, terms }: Session,
  { epoch, from, ids, residual }: Draft,
): Complaint | null {
  const epochMax = Math.min(answerCount, limits.epoch.value);
  if (epoch > epochMax) return ['epoch-impossible', `epoch ${epoch} is above ${epochMax}`];
  if (epoch < drafts.epoch || (epoch === drafts.epoch && drafts.isVoid)) return null;
  const committed = Math.max(log.length, residual === null ? 0 : from);
  const fromMax = epoch === drafts.epoch ? Math.max(drafts.end, committed) : committed;
  if (from > fromMax) return ['draft-gap', `draft at ${from} leaves a gap behind ${fromMax}`];
  const out = from + ids.length - committed;
  if (out > terms.windowMax) {
    return ['window-exceeded', `${out} tokens are out, more than ${terms.windowMax}`];
  }
  const { value: framesMax } = limits.pendingDrafts;
  const isMore = epoch === drafts.epoch && from + ids.length > drafts.end;
  return isMore && drafts.frameCount >= framesMax
    ? ['window-exceeded', `${framesMax} drafts wait already`]
    : null;
}

function commitResidual(session: Session, token: number, position: number): void {
  if (position < session.log.length) return;
  const { pendingLaw, pendingLogprobs } = session;
  session.log.push(token);
  if (pendingLogprobs !== null) {
    const index = pendingLaw!.kind === 'dense' ? token : pendingLaw!.ids.indexOf(token);
    session.logprobs!.push(logprobsOfEntry(pendingLogprobs, index));
  }
  session.announcedLength = session.log.length;
  session.pendingLaw = null;
  session.pendingLogprobs = null;
}

function join(session: Session, frame: Draft, nowMs: number): Complaint | null {
  const { drafts, log } = session;
  const { epoch, from, ids } = frame;
  if (epoch < drafts.epoch || (epoch === drafts.epoch && drafts.isVoid)) return null;
  if (epoch > drafts.epoch) drafts.begin(epoch, from);
  const wasWaiting = session.wantsJudging;
  const contradiction = drafts.add(frame, log);
  if (contradiction) {
    return ['draft-contradicts', `another token at ${contradiction.position} in epoch ${epoch}`];
  }
  if (ids.length === 0 && from >= log.length) session.requestedPosition = from;
  session.draftAtMs = nowMs;
  if (!wasWaiting) session.waitingSinceMs = nowMs;
  return null;
}
