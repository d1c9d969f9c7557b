// Lists every maximum of the wire: value, unit, reason, and the fault beyond it. A server may offer
// less in Welcome, never more. PROTOCOL.md prints this table.

import { grammarLimits } from '../grammar/grammar-limits.js';
import { topLogprobsMax } from '../math/logprobs.js';
import { logitBiasMax } from '../math/sampling.js';
import type { WireCode } from './code.js';

/** A maximum of the wire. */
export interface Limit {
  readonly value: number;
  readonly unit: string;
  readonly why: string;
  /** The fault beyond it. */
  readonly code: WireCode;
}

const limit = (
  value: number,
  unit: string,
  why: string,
  code: WireCode = 'limit-exceeded',
): Limit => ({ value, unit, why, code });

const KiB = 1024;
const MiB = 1024 * KiB;

/** Every maximum of the wire. A server may offer less in Welcome, never more. */
export const limits = {
  frameBytes: limit(
    8 * MiB,
    'bytes of one message',
    'a law over the largest vocabulary, or the longest prompt, fits; nothing else comes near',
    'frame-too-large',
  ),
  helloBytes: limit(
    16 * KiB,
    'bytes of a message before Welcome',
    'an unauthenticated client can make the server hold no more; the block hashes of the largest vocabulary fit',
    'frame-too-large',
  ),
  vocabTokens: limit(524_288, 'tokens', 'twice the largest vocabulary in use (Gemma, 262 144)'),
  promptTokens: limit(1_048_576, 'tokens', 'the longest context in use; 3 MiB as varints'),
  promptBytes: limit(4 * MiB, 'bytes of UTF-8', 'promptTokens at about four bytes each'),
  messages: limit(1024, 'messages of a prompt', 'a chat of 500 turns'),
  roleBytes: limit(32, 'bytes of UTF-8', 'roles are single words'),
  answerTokens: limit(1_048_576, 'tokens of an answer', 'the longest context in use'),
  schemaBytes: limit(
    grammarLimits.schemaBytes,
    'bytes of UTF-8',
    'as grammar/grammar-limits.ts',
    'format-invalid',
  ),
  topLogprobs: limit(topLogprobsMax, 'likeliest tokens beside one', 'as math/logprobs.ts'),
  logprobTokens: limit(
    32_768,
    'tokens of an answer with log-probabilities',
    'all of them fit one Resumed, at some 150 bytes each',
  ),
  logprobValues: limit(524_308, 'log-probabilities of one list', 'lawEntries and topLogprobs'),
  logitBias: limit(logitBiasMax, 'tokens', 'as math/sampling.ts', 'sampling-invalid'),
  draftTokens: limit(
    256,
    'tokens of one Draft',
    'past a few dozen hardly any draft is accepted; room to resend a whole chain',
  ),
  laws: limit(64, 'laws of one Draft', 'scheme full sends longer drafts in several frames'),
  lawEntries: limit(524_288, 'entries of one law', 'equals vocabTokens'),
  windowTokens: limit(
    1024,
    'drafted tokens beyond the committed length',
    '2 s of round trip at 2 ms a token',
    'window-exceeded',
  ),
  pendingDrafts: limit(
    64,
    'Draft frames with new tokens that wait for a pass',
    'the server merges them; more than one a pass means the device does not coalesce',
    'window-exceeded',
  ),
  sessions: limit(
    64,
    'sessions of one connection that are not closed',
    'a gateway of many users opens more connections',
    'sessions-exhausted',
  ),
  epoch: limit(16_777_215, 'epochs of a session', 'the attempts that math/chance.ts tells apart'),
  verdictTokens: limit(4096, 'tokens of one Verdict', 'room to merge verdicts for a slow reader'),
  verdictCount: limit(65_536, 'tested tokens of one Verdict', 'room to merge verdicts'),
  advisedDraftLength: limit(256, 'tokens', 'equals draftTokens'),
  hintCandidates: limit(16, 'tokens of one Hint', 'a device drafts a handful of branches'),
  pictures: limit(
    8,
    'pictures of a prompt',
    'a few photos, or the last frames of a camera; as pictures/prompt-picture.ts',
    'picture-too-large',
  ),
  pictureBytes: limit(
    8 * MiB,
    'bytes of a picture',
    'a photo of a phone; as pictures/picture.ts',
    'picture-too-large',
  ),
  picturesBytes: limit(
    16 * MiB,
    'bytes of all pictures of a prompt',
    'two of the longest; as pictures/prompt-picture.ts',
    'picture-too-large',
  ),
  images: limit(
    1024,
    'images of a prompt',
    'a model may cut each picture into many',
    'picture-too-large',
  ),
  partBytes: limit(64 * KiB, 'bytes of one PicturePart', 'other frames pass between the parts'),
  padBytes: limit(4096, 'bytes of the smallest message', 'a law of a few hundred tokens fits'),
  aggregateMs: limit(
    2000,
    'milliseconds between two messages of a session',
    'well below the silence after which an end gives up the connection',
  ),
  keyBytes: limit(256, 'bytes of UTF-8', 'a signed token fits'),
  nameBytes: limit(128, 'bytes of UTF-8', 'a name is for logs'),
  modelNameBytes: limit(256, 'bytes of UTF-8', 'as model files give it'),
  fingerprintBytes: limit(128, 'bytes of UTF-8', 'a SHA-512 in hex fits'),
  blockHashes: limit(2048, 'hashes of a Hello', 'vocabTokens at 256 tokens a block'),
  blockTexts: limit(256, 'token texts of a Failure', 'one block'),
  tokenTextBytes: limit(
    128,
    'bytes of UTF-8 of one token text',
    'longer ones are cut by the sender',
  ),
  failureBytes: limit(
    1024,
    'bytes of UTF-8 of a message',
    'one sentence; longer ones are cut by the sender',
  ),
  alternatives: limit(8, 'addresses of a Drain', 'a device tries a few'),
  addressBytes: limit(512, 'bytes of UTF-8', 'a URL'),
  offers: limit(16, 'schemes or modes of a Welcome', 'there are five and six'),
  waitMs: limit(86_400_000, 'milliseconds', 'a day'),
  bufferedBytes: limit(
    16 * MiB,
    'bytes sent and not yet taken by the peer, and 512 for each frame',
    'two of the longest frames; a peer that reads slower is cut off and may resume',
    'too-slow',
  ),
  unreadBytes: limit(
    128 * MiB,
    'of these bytes of all connections, beyond 64 KiB of each',
    'sixteen of the longest frames; beyond it the one that leaves most is cut off and may resume',
    'too-slow',
  ),
  unfinishedBytes: limit(
    128 * MiB,
    'bytes of unfinished messages of all connections, beyond 64 KiB of each',
    'sixteen of the longest frames; beyond it the longest is cut off and may resume',
    'too-slow',
  ),
} as const satisfies Record<string, Limit>;

/** Names a maximum: a key of `limits`. */
export type LimitName = keyof typeof limits;

/** Exact length of a resume key: 128 bits cannot be guessed. */
export const resumeKeyBytes = 16;
/** A SHA-256. */
export const pictureHashBytes = 32;
/** Tokens that one block hash of a vocabulary covers. */
export const blockTokens = 256;
/** Positions, counts and session ids lie in [0, 2^32). */
export const u32Max = 0xffff_ffff;
