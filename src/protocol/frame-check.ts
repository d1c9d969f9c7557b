// Checks the content of a frame beyond its types: ranges, counts that must agree, probabilities.
// The same rules apply to a peer's frame after decoding and to our own before encoding. Rules that
// need the session (scheme, window, epoch, log) or the vocabulary are in session-check.ts.

import { unreachable } from '../base/assert.js';
import { PilotfishError } from '../base/error.js';
import type { LawLogprobs } from '../math/logprobs.js';
import { checkSampling } from '../math/sampling.js';
import { schemeTraits } from '../math/scheme.js';
import { complaint, equal, positions, range, within } from './complaints.js';
import {
  type Draft,
  type Failure,
  type Frame,
  type Hello,
  type Hint,
  isOffered,
  type Open,
  type Opened,
  type Resumed,
  type SentLaw,
  type SourceCounts,
  type TrafficShaping,
  type Verdict,
  type VocabularyBlock,
  type Welcome,
} from './frame.js';
import { tokenMax } from './law-shape.js';
import { blockTokens, limits, resumeKeyBytes, u32Max } from './limits.js';
import {
  checkImages,
  checkPicturePart,
  checkPictures,
  checkPicturesWanted,
} from './picture-check.js';
import type { Complaint } from './wire-reader.js';

/** The fault of a frame for any session and vocabulary, or null. Never throws on a peer's frame. */
export function checkFrame(frame: Frame): Complaint | null {
  switch (frame.kind) {
    case 'hello':
      return checkHello(frame);
    case 'open':
      return checkOpen(frame);
    case 'draft':
      return checkDraft(frame);
    case 'resume':
      return checkResumeKey(frame.resumeKey);
    case 'welcome':
      return checkWelcome(frame);
    case 'opened':
      return checkOpened(frame);
    case 'verdict':
      return checkVerdict(frame);
    case 'hint':
      return checkHint(frame);
    case 'resumed':
      return checkResumed(frame);
    case 'failure':
      return checkFailure(frame);
    case 'drain':
      return within('retryAfterMs', frame.retryAfterMs, 'waitMs');
    case 'tail':
      return frame.lawLogprobs && checkLawLogprobs(frame.lawLogprobs, frame.law.probs.length);
    case 'picture-part':
      return checkPicturePart(frame);
    case 'pictures-wanted':
      return checkPicturesWanted(frame);
    case 'tail-request':
    case 'cancel':
    case 'close':
    case 'ping':
    case 'pong':
      return null;
    default:
      return unreachable(frame);
  }
}

function checkHello({ versionMin, versionMax, vocabSize, blockHashes }: Hello): Complaint | null {
  return (
    range('versionMin', versionMin, 1, versionMax) ??
    within('vocabSize', vocabSize, 'vocabTokens') ??
    checkBlockHashes(blockHashes.length, vocabSize)
  );
}

function checkBlockHashes(count: number, vocabSize: number): Complaint | null {
  return count === 0 ? null : equal('blockHashes', count, Math.ceil(vocabSize / blockTokens));
}

function checkOpen(frame: Open): Complaint | null {
  const { answer, scheme, mode, tokensMax, windowMax } = frame;
  return (
    checkPrompt(frame) ??
    checkPictures(frame) ??
    samplingComplaint(frame) ??
    (isOffered(scheme, mode) ? null : complaint('mode-unsupported', `${scheme} in ${mode}`)) ??
    within('tokensMax', tokensMax, 'answerTokens', answer.length + 1) ??
    within('windowMax', windowMax, 'windowTokens', 1) ??
    checkCut(frame) ??
    checkTopLogprobs(frame) ??
    checkShaping(frame)
  );
}

/**
 * Least values above 0. Below them a frame of every round would not fit, and timers are too coarse.
 */
export const shapingMin: TrafficShaping = { padBytes: 32, aggregateMs: 10 };

/** The fault of the requested shaping, or null. */
export function checkShaping({ padBytes, aggregateMs }: TrafficShaping): Complaint | null {
  if (padBytes !== 0) {
    const bad = within('padBytes', padBytes, 'padBytes', shapingMin.padBytes);
    if (bad !== null) return bad;
    if (!Number.isInteger(Math.log2(padBytes))) {
      return complaint('limit-exceeded', `padBytes ${padBytes} is no power of two`);
    }
  }
  return aggregateMs === 0
    ? null
    : within('aggregateMs', aggregateMs, 'aggregateMs', shapingMin.aggregateMs);
}

function checkTopLogprobs({ topLogprobs, tokensMax }: Open): Complaint | null {
  if (topLogprobs === null) return null;
  return (
    within('topLogprobs', topLogprobs, 'topLogprobs') ??
    within('tokensMax', tokensMax, 'logprobTokens')
  );
}

function checkPrompt({ prompt, answer, pictures }: Open): Complaint | null {
  if (prompt.kind === 'ids' && prompt.ids.length === 0) return complaint('prompt-empty', 'no ids');
  if (prompt.kind === 'messages' && prompt.messages.length === 0) {
    return complaint('prompt-empty', 'no messages');
  }
  const hasPlaces = prompt.kind === 'messages' && pictures.length > 0;
  return answer.length === 0 || prompt.kind === 'ids' || hasPlaces
    ? null
    : complaint('frame-malformed', `an answer after a prompt of ${prompt.kind}`);
}

function samplingComplaint({ sampling }: Open): Complaint | null {
  try {
    checkSampling(sampling, limits.vocabTokens.value);
    return null;
  } catch (reason) {
    if (!(reason instanceof PilotfishError)) throw reason;
    return complaint('sampling-invalid', reason.message);
  }
}

function checkCut({ cut, scheme }: Open): Complaint | null {
  if (cut === null) return null;
  if (schemeTraits[scheme].residualBy !== 'device')
    return complaint('frame-malformed', `a cut in scheme ${scheme}`);
  if ('keepMax' in cut) return within('keepMax', cut.keepMax, 'lawEntries', 1);
  return cut.tailMassMax >= 0 && cut.tailMassMax < 1
    ? null
    : complaint('limit-exceeded', `tailMassMax ${cut.tailMassMax} is outside [0, 1)`);
}

function checkDraft(frame: Draft): Complaint | null {
  const { epoch, from, ids, probs, laws, residual, chances } = frame;
  return (
    within('epoch', epoch, 'epoch') ??
    positions(from, ids.length) ??
    (probs && checkProbs(probs, ids.length)) ??
    (laws && oneEach('laws', laws.length, ids.length)) ??
    (chances && oneEach('chances', chances.length, ids.length)) ??
    (residual === null ? null : checkResidual(residual, from)) ??
    (laws && (probs || residual !== null)
      ? complaint('draft-contradicts', 'laws beside what scheme split sends')
      : null)
  );
}

function oneEach(name: string, count: number, draftCount: number): Complaint | null {
  if (count === draftCount && count > 0) return null;
  return complaint('draft-contradicts', `${count} ${name} for ${draftCount} ids`);
}

function checkProbs(probs: Float64Array, draftCount: number): Complaint | null {
  const bad = probs.findIndex((prob) => !(prob > 0 && prob <= 1));
  if (bad < 0) return oneEach('probabilities', probs.length, draftCount);
  return complaint('law-invalid', `probability ${probs[bad]} at index ${bad} is outside (0, 1]`);
}

function checkResidual(residual: number, from: number): Complaint | null {
  if (residual > tokenMax) {
    return complaint('token-out-of-range', `residual ${residual} is above ${tokenMax}`);
  }
  return from > 0 ? null : complaint('residual-invalid', 'a residual token before position 0');
}

function checkResumeKey({ length }: Uint8Array): Complaint | null {
  return equal('bytes of resumeKey', length, resumeKeyBytes);
}

function checkWelcome(frame: Welcome): Complaint | null {
  const { version, vocabSize, contextLength, limits } = frame;
  return (
    range('version', version, 1, u32Max) ??
    within('vocabSize', vocabSize, 'vocabTokens', 1) ??
    range('contextLength', contextLength, 1, u32Max) ??
    within('frameBytes', limits.frameBytes, 'frameBytes', 1) ??
    within('sessions', limits.sessions, 'sessions', 1) ??
    within('promptTokens', limits.promptTokens, 'promptTokens', 1) ??
    within('draftTokens', limits.draftTokens, 'draftTokens', 1) ??
    within('windowTokens', limits.windowTokens, 'windowTokens', 1) ??
    within('resumeMs', limits.resumeMs, 'waitMs') ??
    within('silenceMs', limits.silenceMs, 'waitMs') ??
    checkShaping(frame)
  );
}

function checkOpened(frame: Opened): Complaint | null {
  const { resumeKey, promptLength, promptIds, windowMax } = frame;
  return (
    checkResumeKey(resumeKey) ??
    within('promptLength', promptLength, 'promptTokens', 1) ??
    (promptIds.length === 0 ? null : equal('promptIds', promptIds.length, promptLength)) ??
    within('windowMax', windowMax, 'windowTokens', 1) ??
    checkImages(frame)
  );
}

function checkVerdict(frame: Verdict): Complaint | null {
  const { epoch, from, tokens, acceptedCount, rejectedCount, advisedDraftLength, end, law } = frame;
  return (
    within('epoch', epoch, 'epoch') ??
    positions(from, tokens.length) ??
    within('acceptedCount', acceptedCount, 'verdictCount') ??
    within('rejectedCount', rejectedCount, 'verdictCount') ??
    within('advisedDraftLength', advisedDraftLength ?? 0, 'advisedDraftLength') ??
    (end && law ? complaint('frame-malformed', 'a law after the end') : null) ??
    (frame.logprobs && atMost('logprobs', frame.logprobs.length, from + tokens.length)) ??
    (frame.lawLogprobs && checkLawLogprobs(frame.lawLogprobs, law && entryCount(law))) ??
    (frame.sources && checkSources(frame.sources, from + tokens.length))
  );
}

/** @param committedLength of the session, the prompt included. */
function checkSources(sources: SourceCounts, committedLength: number): Complaint | null {
  const { deviceCount, modelCount, suffixCount } = sources;
  return (
    within('deviceCount', deviceCount, 'verdictCount') ??
    within('modelCount', modelCount, 'verdictCount') ??
    within('suffixCount', suffixCount, 'verdictCount') ??
    atMost('sources', deviceCount + modelCount + suffixCount, committedLength)
  );
}

function checkHint({ epoch, candidates, confidences }: Hint): Complaint | null {
  const bad = confidences.find((confidence) => !(confidence >= 0 && confidence <= 1));
  return (
    within('epoch', epoch, 'epoch') ??
    within('candidates', candidates.length, 'hintCandidates', 1) ??
    equal('confidences', confidences.length, candidates.length) ??
    (bad === undefined ? null : complaint('law-invalid', `confidence ${bad} is outside [0, 1]`))
  );
}

function atMost(name: string, count: number, max: number): Complaint | null {
  return count <= max ? null : complaint('frame-malformed', `${count} ${name} for ${max} tokens`);
}

function entryCount(law: SentLaw): number {
  return law.kind === 'whole' ? law.law.probs.length : law.cut.probs.length;
}

/** @param count entries of the law in the same frame; null: no law. */
function checkLawLogprobs({ logprobs }: LawLogprobs, count: number | null): Complaint | null {
  if (count === null) return complaint('frame-malformed', 'log-probabilities of no law');
  return equal('logprobs', logprobs.length, count);
}

function checkResumed({ epoch, from, tokens, logprobs }: Resumed): Complaint | null {
  return (
    within('epoch', epoch, 'epoch') ??
    positions(from, tokens.length) ??
    (logprobs && equal('logprobs', logprobs.length, tokens.length))
  );
}

function checkFailure({ retryAfterMs, block }: Failure): Complaint | null {
  return within('retryAfterMs', retryAfterMs, 'waitMs') ?? (block && checkBlock(block));
}

function checkBlock({ vocabSize, from, texts }: VocabularyBlock): Complaint | null {
  return within('vocabSize', vocabSize, 'vocabTokens') ?? positions(from, texts.length);
}
