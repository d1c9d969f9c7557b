// Maps the frames of a device to bytes: the tables behind codec.ts, one for each message of
// pilotfish.proto.

import type { ChatMessage } from '../base/chat-message.js';
import type {
  Cancel,
  Close,
  Draft,
  Hello,
  Open,
  PicturePart,
  PictureRef,
  Ping,
  Prompt,
  Resume,
  TailRequest,
} from './frame.js';
import { modes, schemes } from './frame.js';
import { lawValue, tokenMax } from './law-shape.js';
import { limits, pictureHashBytes } from './limits.js';
import { cutLimit, samplingValue } from './sampling-shape.js';
import { resumeKey, sessionId } from './session-shape.js';
import {
  demanded,
  embedded,
  listed,
  Message,
  oneOf,
  optional,
  orEmpty,
  plain,
  repeated,
  required,
  variant,
} from './wire-message.js';
import {
  bool,
  byteString,
  bytesUpTo,
  f64List,
  fixed32List,
  mapped,
  noTokens,
  noU32,
  text,
  tokens,
  u32,
  u64,
  type Value,
  word,
} from './wire-value.js';

export const hello = new Message<Hello>(
  {
    versionMin: plain(1, u32, 0),
    versionMax: plain(2, u32, 0),
    name: plain(3, text(limits.nameBytes, 'name'), ''),
    key: plain(4, text(limits.keyBytes, 'key'), ''),
    fingerprint: plain(5, text(limits.fingerprintBytes, 'fingerprint'), ''),
    vocabSize: plain(6, u32, 0),
    blockHashes: listed(7, fixed32List(limits.blockHashes, 'blockHashes'), noU32),
  },
  'hello',
);

export const tokenIds = new Message<{ readonly ids: Int32Array }>({
  ids: listed(1, tokens(limits.promptTokens, tokenMax, 'prompt'), noTokens),
});

export const chatMessage = new Message<ChatMessage>({
  role: plain(1, text(limits.roleBytes, 'role'), ''),
  content: plain(2, text(limits.promptBytes, 'content'), ''),
});

export const chatMessages = new Message<{ readonly messages: readonly ChatMessage[] }>({
  messages: orEmpty(repeated(1, embedded(chatMessage), limits.messages, 'messages')),
});

type PromptOf<Kind extends Prompt['kind']> = Extract<Prompt, { readonly kind: Kind }>;

const promptIds: Value<PromptOf<'ids'>> = mapped(
  embedded(tokenIds),
  ({ ids }) => ({ kind: 'ids', ids }),
  ({ ids }) => ({ ids }),
);
const promptText: Value<PromptOf<'text'>> = mapped(
  text(limits.promptBytes, 'prompt'),
  (content) => ({ kind: 'text', text: content }),
  (prompt) => prompt.text,
);
const promptMessages: Value<PromptOf<'messages'>> = mapped(
  embedded(chatMessages),
  ({ messages }) => ({ kind: 'messages', messages }),
  ({ messages }) => ({ messages }),
);

const isPrompt =
  <Kind extends Prompt['kind']>(kind: Kind) =>
  (prompt: Prompt): prompt is PromptOf<Kind> =>
    prompt.kind === kind;

export const pictureRef = new Message<PictureRef>({
  hash: required(
    1,
    byteString(pictureHashBytes, 'hash of a picture'),
    'picture-invalid',
    'hash of a picture',
  ),
  bytes: plain(2, u32, 0),
  message: plain(3, u32, 0),
  at: plain(4, u32, 0),
});

export const open = new Message<Open>(
  {
    session: sessionId,
    prompt: demanded(
      oneOf<Prompt>(
        variant(2, promptIds, isPrompt('ids')),
        variant(3, promptText, isPrompt('text')),
        variant(4, promptMessages, isPrompt('messages')),
      ),
      'prompt-empty',
      'prompt',
    ),
    answer: listed(5, tokens(limits.answerTokens, tokenMax, 'answer'), noTokens),
    sampling: demanded(optional(6, samplingValue), 'sampling-invalid', 'sampling'),
    seed: plain(7, u64, 0n),
    scheme: required(8, word(schemes, 'mode-unsupported', 'scheme'), 'mode-unsupported', 'scheme'),
    mode: required(9, word(modes, 'mode-unsupported', 'mode'), 'mode-unsupported', 'mode'),
    tokensMax: plain(10, u32, 0),
    windowMax: plain(11, u32, 0),
    cut: cutLimit(12, 13),
    schema: optional(14, text(limits.schemaBytes, 'schema')),
    topLogprobs: optional(15, u32),
    wantsHints: plain(16, bool, false),
    padBytes: plain(17, u32, 0),
    aggregateMs: plain(18, u32, 0),
    pictures: orEmpty(repeated(19, embedded(pictureRef), limits.pictures, 'pictures')),
    picturesFollow: plain(20, bool, false),
  },
  'open',
);

export const picturePart = new Message<PicturePart>(
  {
    session: sessionId,
    index: plain(2, u32, 0),
    offset: plain(3, u32, 0),
    data: required(4, bytesUpTo(limits.partBytes, 'data'), 'frame-malformed', 'data'),
  },
  'picture-part',
);

/** Draft.probs is null, not empty, if no probability was sent. */
const probs = f64List(limits.draftTokens, 'probs');

export const draft = new Message<Draft>(
  {
    session: sessionId,
    epoch: plain(2, u32, 0),
    from: plain(3, u32, 0),
    ids: listed(4, tokens(limits.draftTokens, tokenMax, 'ids'), noTokens),
    probs: optional(5, probs),
    laws: repeated(6, lawValue, limits.laws, 'laws'),
    residual: optional(7, u32),
    more: plain(8, bool, false),
    chances: optional(9, bytesUpTo(limits.draftTokens, 'chances')),
  },
  'draft',
);

export const tailRequest = new Message<TailRequest>(
  {
    session: sessionId,
    position: plain(2, u32, 0),
  },
  'tail-request',
);

export const resume = new Message<Resume>(
  {
    session: sessionId,
    resumeKey,
    committedLength: plain(3, u32, 0),
    logHash: plain(4, u64, 0n),
  },
  'resume',
);

export const cancel = new Message<Cancel>({ session: sessionId }, 'cancel');

export const close = new Message<Close>({ session: sessionId }, 'close');

export const ping = new Message<Ping>(
  { nonce: plain(1, u32, 0), isCover: plain(2, bool, false) },
  'ping',
);
