// Checks a Draft against its session, then adds it to the drafts in line. Resent drafts change
// nothing; drafts of an older epoch or of a void chain are dropped without a fault.

import { probOf } from '../../../math/law.js';
import { type WireCode, type WireFault, wireFault } from '../../../protocol/code.js';
import { type Draft, modeTraits } from '../../../protocol/frame.js';
import { limits } from '../../../protocol/limits.js';
import { checkScheme, checkVocabulary } from '../../../protocol/session-check.js';
import type { Session } from '../session.js';
import type { ServerCoreSettings } from '../settings.js';

/**
 * Takes a draft that is legal in the session's state.
 *
 * @returns what is wrong with it, then nothing has changed; or null.
 */
export function receiveDraft(
  session: Session,
  frame: Draft,
  settings: ServerCoreSettings,
  nowMs: number,
): WireFault | null {
  const content = contentFault(session, frame, settings);
  if (content) return content;
  const fault = residualFault(session, frame) ?? orderFault(session, frame);
  if (fault) return faultOf(frame, ...fault);
  const { from, epoch, residual } = frame;
  if (residual !== null && from > session.log.length) session.commitResidual(residual, nowMs);
  const position = session.addDraft(frame, nowMs);
  if (position === null) return null;
  return faultOf(frame, 'draft-contradicts', `another token at ${position} in epoch ${epoch}`);
}

type Complaint = readonly [WireCode, string];

function faultOf({ session }: Draft, code: WireCode, message: string): WireFault {
  return wireFault(code, message, session);
}

function contentFault(
  { terms: { mode, scheme } }: Session,
  frame: Draft,
  { model, limits: { draftTokens } }: ServerCoreSettings,
): WireFault | null {
  if (!modeTraits[mode].takesDrafts) {
    return faultOf(frame, 'session-state', `a draft in mode ${mode}`);
  }
  if (frame.ids.length > draftTokens) {
    const message = `draft of ${frame.ids.length} tokens exceeds ${draftTokens}`;
    return faultOf(frame, 'limit-exceeded', message);
  }
  return checkScheme(frame, scheme) ?? checkVocabulary(frame, model.vocabSize) ?? lawFault(frame);
}

function lawFault(frame: Draft): WireFault | null {
  const bad = (frame.laws ?? []).findIndex((law, index) => probOf(law, frame.ids[index]!) === 0);
  return bad < 0 ? null : faultOf(frame, 'law-invalid', `law ${bad} excludes its own token`);
}

function residualFault({ log, due }: Session, { residual, from }: Draft): Complaint | null {
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
  if (position > log.length || due === null) {
    return ['residual-invalid', `no residual token is due at ${position}`];
  }
  return probOf(due.law, residual) > 0
    ? null
    : ['residual-invalid', `the target law excludes residual ${residual}`];
}

/** Epoch, place and window. The residual token of the same frame counts as committed. */
function orderFault(
  { drafts, log, epochMax, terms }: Session,
  { epoch, from, ids, residual }: Draft,
): Complaint | null {
  if (epoch > epochMax) return ['epoch-impossible', `epoch ${epoch} is above ${epochMax}`];
  if (epoch < drafts.epoch || (epoch === drafts.epoch && drafts.isVoid)) return null;
  const committed = Math.max(log.length, residual === null ? 0 : from);
  const fromMax = epoch === drafts.epoch ? Math.max(drafts.end, committed) : committed;
  if (from > fromMax) return ['draft-gap', `draft at ${from} leaves a gap after ${fromMax}`];
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
