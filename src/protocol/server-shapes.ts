// Maps the frames of a server to bytes: the tables behind codec.ts, one for each message of
// pilotfish.proto.

import { codeOfNumber, codeTable, type WireCode } from './code.js';
import type {
  Drain,
  Failure,
  Hint,
  ImageSpan,
  OfferedLimits,
  Opened,
  PicturesWanted,
  PictureWant,
  Pong,
  Resumed,
  SourceCounts,
  Tail,
  Verdict,
  VocabularyBlock,
  Welcome,
} from './frame.js';
import { endReasons, modes, schemes } from './frame.js';
import { lawValue, sentLaw, tokenMax } from './law-shape.js';
import { limits } from './limits.js';
import { lawLogprobsField, tokenLogprobsField } from './logprobs-shape.js';
import { resumeKey, sessionId } from './session-shape.js';
import {
  demanded,
  embedded,
  listed,
  Message,
  optional,
  orEmpty,
  plain,
  repeated,
  required,
} from './wire-message.js';
import {
  bool,
  f32List,
  mapped,
  noF32,
  noTokens,
  text,
  tokens,
  u32,
  type Value,
  word,
  words,
} from './wire-value.js';

export const offeredLimits = new Message<OfferedLimits>({
  frameBytes: plain(1, u32, 0),
  sessions: plain(2, u32, 0),
  promptTokens: plain(3, u32, 0),
  draftTokens: plain(4, u32, 0),
  windowTokens: plain(5, u32, 0),
  resumeMs: plain(6, u32, 0),
  silenceMs: plain(7, u32, 0),
});

export const welcome = new Message<Welcome>(
  {
    version: plain(1, u32, 0),
    modelName: plain(2, text(limits.modelNameBytes, 'modelName'), ''),
    fingerprint: plain(3, text(limits.fingerprintBytes, 'fingerprint'), ''),
    vocabSize: plain(4, u32, 0),
    schemes: listed(5, words(schemes, limits.offers, 'schemes'), []),
    modes: listed(6, words(modes, limits.offers, 'modes'), []),
    contextLength: plain(7, u32, 0),
    limits: demanded(optional(8, embedded(offeredLimits)), 'frame-malformed', 'limits'),
    passUs: plain(9, u32, 0),
    padBytes: plain(10, u32, 0),
    aggregateMs: plain(11, u32, 0),
    seesPictures: plain(12, bool, false),
  },
  'welcome',
);

export const imageSpan = new Message<ImageSpan>({
  from: plain(1, u32, 0),
  count: plain(2, u32, 0),
  firstId: plain(3, u32, 0),
});

export const opened = new Message<Opened>(
  {
    session: sessionId,
    resumeKey,
    promptLength: plain(3, u32, 0),
    promptIds: listed(4, tokens(limits.promptTokens, tokenMax, 'promptIds'), noTokens),
    windowMax: plain(5, u32, 0),
    images: orEmpty(repeated(6, embedded(imageSpan), limits.images, 'images')),
  },
  'opened',
);

export const pictureWant = new Message<PictureWant>({
  index: plain(1, u32, 0),
  offset: plain(2, u32, 0),
});

export const picturesWanted = new Message<PicturesWanted>(
  {
    session: sessionId,
    wanted: orEmpty(repeated(2, embedded(pictureWant), limits.pictures, 'wanted')),
  },
  'pictures-wanted',
);

export const sourceCounts = new Message<SourceCounts>({
  deviceCount: plain(1, u32, 0),
  modelCount: plain(2, u32, 0),
  suffixCount: plain(3, u32, 0),
});

export const verdict = new Message<Verdict>(
  {
    session: sessionId,
    epoch: plain(2, u32, 0),
    from: plain(3, u32, 0),
    tokens: listed(4, tokens(limits.verdictTokens, tokenMax, 'tokens'), noTokens),
    acceptedCount: plain(5, u32, 0),
    rejectedCount: plain(6, u32, 0),
    queueUs: plain(7, u32, 0),
    verifyUs: plain(8, u32, 0),
    advisedDraftLength: optional(9, u32),
    end: optional(10, word(endReasons, 'frame-malformed', 'end')),
    law: sentLaw(11, 12),
    logprobs: repeated(13, tokenLogprobsField, limits.logprobTokens, 'logprobs'),
    lawLogprobs: optional(14, lawLogprobsField),
    sources: optional(15, embedded(sourceCounts)),
  },
  'verdict',
);

export const hint = new Message<Hint>(
  {
    session: sessionId,
    epoch: plain(2, u32, 0),
    position: plain(3, u32, 0),
    candidates: listed(4, tokens(limits.hintCandidates, tokenMax, 'candidates'), noTokens),
    confidences: listed(5, f32List(limits.hintCandidates, 'confidences'), noF32),
  },
  'hint',
);

export const resumed = new Message<Resumed>(
  {
    session: sessionId,
    epoch: plain(2, u32, 0),
    from: plain(3, u32, 0),
    tokens: listed(4, tokens(limits.answerTokens, tokenMax, 'tokens'), noTokens),
    logprobs: repeated(5, tokenLogprobsField, limits.logprobTokens, 'logprobs'),
  },
  'resumed',
);

export const tail = new Message<Tail>(
  {
    session: sessionId,
    position: plain(2, u32, 0),
    law: demanded(optional(3, lawValue), 'law-invalid', 'law'),
    lawLogprobs: optional(4, lawLogprobsField),
  },
  'tail',
);

/** A code that this version does not know is still a failure. */
const failureCode: Value<WireCode> = mapped(
  u32,
  (number) => codeOfNumber(number) ?? 'server-failed',
  (code) => codeTable[code].number,
);

export const vocabularyBlock = new Message<VocabularyBlock>({
  vocabSize: plain(1, u32, 0),
  from: plain(2, u32, 0),
  texts: orEmpty(
    repeated(3, text(limits.tokenTextBytes, 'token text'), limits.blockTexts, 'texts'),
  ),
});

export const failure = new Message<Failure>(
  {
    code: required(1, failureCode, 'frame-malformed', 'code'),
    session: optional(2, u32),
    message: plain(3, text(limits.failureBytes, 'message'), ''),
    retryAfterMs: plain(4, u32, 0),
    block: optional(5, embedded(vocabularyBlock)),
  },
  'failure',
);

export const drain = new Message<Drain>(
  {
    retryAfterMs: plain(1, u32, 0),
    alternatives: orEmpty(
      repeated(2, text(limits.addressBytes, 'alternative'), limits.alternatives, 'alternatives'),
    ),
  },
  'drain',
);

export const pong = new Message<Pong>({ nonce: plain(1, u32, 0) }, 'pong');
