// Checks frames against their session: ids and laws lie in its vocabulary, and drafts and verdicts
// have the fields of its scheme. Runs after decoding, which knows neither.

import type { CutLaw } from '../math/cut-law.js';
import type { Law } from '../math/law.js';
import type { LawLogprobs, TokenLogprobs } from '../math/logprobs.js';
import { schemeTraits } from '../math/scheme.js';
import { type WireFault, wireFault } from './code.js';
import { type Draft, type Frame, type Scheme, sessionOf, type Verdict } from './frame.js';
import type { Complaint } from './wire-reader.js';

/**
 * Finds the first token or law of a frame outside a vocabulary of `vocabSize` tokens, or null.
 * Never throws.
 */
export function checkVocabulary(frame: Frame, vocabSize: number): WireFault | null {
  return faultOf(frame, vocabularyComplaint(frame, vocabSize));
}

/**
 * Finds a field of a draft or verdict that its scheme does not send, or one that is missing, or
 * null. Never throws.
 */
export function checkScheme(frame: Draft | Verdict, scheme: Scheme): WireFault | null {
  const complaint =
    frame.kind === 'draft' ? draftComplaint(frame, scheme) : verdictComplaint(frame, scheme);
  return faultOf(frame, complaint);
}

function faultOf(frame: Frame, complaint: Complaint | null): WireFault | null {
  return complaint && wireFault(complaint.code, complaint.message, sessionOf(frame));
}

function vocabularyComplaint(frame: Frame, vocabSize: number): Complaint | null {
  switch (frame.kind) {
    case 'open': {
      const { prompt, answer, sampling } = frame;
      return (
        (prompt.kind === 'ids' ? tokensComplaint('prompt', prompt.ids, vocabSize) : null) ??
        tokensComplaint('answer', answer, vocabSize) ??
        tokensComplaint('logitBias', Int32Array.from(sampling.logitBias.keys()), vocabSize)
      );
    }
    case 'draft':
      return (
        tokensComplaint('ids', frame.ids, vocabSize) ??
        lawsComplaint(frame.laws, vocabSize) ??
        tokensComplaint('residual', Int32Array.of(frame.residual ?? 0), vocabSize)
      );
    case 'opened':
      return tokensComplaint('promptIds', frame.promptIds, vocabSize);
    case 'verdict':
      return (
        tokensComplaint('tokens', frame.tokens, vocabSize) ??
        (frame.law && lawComplaint(lawOf(frame.law), vocabSize)) ??
        logprobsComplaint(frame.logprobs, vocabSize) ??
        (frame.lawLogprobs && logprobsComplaint([frame.lawLogprobs], vocabSize))
      );
    case 'hint':
      return tokensComplaint('candidates', frame.candidates, vocabSize);
    case 'resumed':
      return (
        tokensComplaint('tokens', frame.tokens, vocabSize) ??
        logprobsComplaint(frame.logprobs, vocabSize)
      );
    case 'tail':
      return (
        lawComplaint(frame.law, vocabSize) ??
        (frame.lawLogprobs && logprobsComplaint([frame.lawLogprobs], vocabSize))
      );
    default:
      return null;
  }
}

/** The likeliest tokens of each. */
function logprobsComplaint(
  lists: readonly (LawLogprobs | TokenLogprobs)[] | null,
  vocabSize: number,
): Complaint | null {
  const ids = (lists ?? []).flatMap(({ top }) => top.map(({ token }) => token));
  return tokensComplaint('top', Int32Array.from(ids), vocabSize);
}

function tokensComplaint(name: string, tokens: Int32Array, vocabSize: number): Complaint | null {
  const bad = tokens.findIndex((token) => token < 0 || token >= vocabSize);
  if (bad < 0) return null;
  const message = `${name}[${bad}] ${tokens[bad]} is outside [0, ${vocabSize})`;
  return { code: 'token-out-of-range', message };
}

function lawsComplaint(laws: readonly Law[] | null, vocabSize: number): Complaint | null {
  for (const law of laws ?? []) {
    const complaint = lawComplaint(law, vocabSize);
    if (complaint) return complaint;
  }
  return null;
}

/** Checks only the ids; decoding has checked the rest of the law. */
function lawComplaint(law: Law | CutLaw, vocabSize: number): Complaint | null {
  if (!('kind' in law) || law.kind === 'sparse')
    return tokensComplaint('law ids', law.ids, vocabSize);
  if (law.probs.length === vocabSize) return null;
  return { code: 'law-invalid', message: `${law.probs.length} probabilities, not ${vocabSize}` };
}

function lawOf(law: NonNullable<Verdict['law']>): Law | CutLaw {
  return law.kind === 'whole' ? law.law : law.cut;
}

function draftComplaint({ ids, probs, laws, residual }: Draft, scheme: Scheme): Complaint | null {
  const { needs, residualBy } = schemeTraits[scheme];
  const needsProbs = needs === 'prob' && ids.length > 0;
  const needsLaws = needs === 'law' && ids.length > 0;
  const wrong =
    ((probs !== null) !== needsProbs && 'probs') ||
    ((laws !== null) !== needsLaws && 'laws') ||
    (residual !== null && residualBy !== 'device' && 'residual');
  if (!wrong) return null;
  const code = wrong === 'residual' ? 'residual-invalid' : 'draft-contradicts';
  return { code, message: `${wrong} of a draft of ${ids.length} tokens in scheme ${scheme}` };
}

function verdictComplaint({ law }: Verdict, scheme: Scheme): Complaint | null {
  if (law === null || schemeTraits[scheme].residualBy === 'device') return null;
  return { code: 'law-invalid', message: `a verdict with a law in scheme ${scheme}` };
}
