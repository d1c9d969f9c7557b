// Makes the Verdict frame that brings a device up to date: only what the device lacks. Sends
// nothing.

import { cutLaw } from '../../../math/cut-law.js';
import type { LawLogprobs } from '../../../math/logprobs.js';
import { modeTraits, type SentLaw, type Verdict } from '../../../protocol/frame.js';
import { limits, u32Max } from '../../../protocol/limits.js';
import type { Session } from '../session.js';
import type { DueLaw, PassTimes } from '../session-status.js';
import type { SessionTerms } from '../session-terms.js';

/** The next verdict of a session that has a device. The device counts as told of it. */
export function makeVerdict(
  session: Session,
  { queueMs, passMs }: PassTimes,
  advisedDraftLength: number | null,
  nowMs: number,
): Verdict {
  const { due, acceptedCount, rejectedCount, sources, ...progress } = session.takeProgress(nowMs);
  const law = due && sentLaw(due, session.terms);
  return {
    kind: 'verdict',
    session: session.address!.session,
    ...progress,
    acceptedCount: Math.min(acceptedCount, limits.verdictCount.value),
    rejectedCount: Math.min(rejectedCount, limits.verdictCount.value),
    queueUs: microseconds(queueMs),
    verifyUs: microseconds(passMs),
    advisedDraftLength,
    law,
    lawLogprobs: law && due && sentLogprobs(law, due),
    sources: modeTraits[session.terms.mode].tellsSources ? sources : null,
  };
}

function sentLaw({ law }: DueLaw, { cut }: SessionTerms): SentLaw {
  if (!cut) return { kind: 'whole', law };
  const short = cutLaw(law, cut);
  return short.tailMass === 0 ? { kind: 'whole', law } : { kind: 'cut', cut: short };
}

/** Log-probabilities of the entries that are sent: a cut lists them in its own order. */
function sentLogprobs(sent: SentLaw, { law, logprobs: all }: DueLaw): LawLogprobs | null {
  if (sent.kind === 'whole' || all === null) return all;
  const { logprobs, top } = all;
  const { ids } = sent.cut;
  const isDense = law.kind === 'dense';
  return { logprobs: Float32Array.from(ids, (id, index) => logprobs[isDense ? id : index]!), top };
}

function microseconds(ms: number): number {
  return Math.min(u32Max, Math.max(0, Math.round(ms * 1000)));
}
