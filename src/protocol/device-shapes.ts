// How the frames of a device lie in bytes: the tables behind codec.ts, one for each message of pilotfish.proto.

import type { CutLimit } from '../math/cut-law.js';
import type { Sampling } from '../math/sampling.js';
import type {
  Cancel,
  ChatMessage,
  Close,
  Draft,
  Hello,
  Open,
  Ping,
  Prompt,
  Resume,
  TailRequest,
} from './frame.js';
import { modes, schemes } from './frame.js';
import { lawValue, tokenMax } from './law-shape.js';
import { limits, resumeKeyBytes } from './limits.js';
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
import type { WireReader } from './wire-reader.js';
import {
  bool,
  byteString,
  f64,
  f64List,
  fixed32List,
  mapped,
  noF64,
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

type SamplingRecord = Omit<Sampling, 'logitBias'> & {
  readonly biasTokens: Int32Array;
  readonly biases: Float64Array;
};

const parameter = <T>(number: number, value: Value<T>, name: string) =>
  required(number, value, 'sampling-invalid', name);

export const samplingMessage = new Message<SamplingRecord>({
  temperature: parameter(1, f64, 'temperature'),
  topK: parameter(2, u32, 'topK'),
  topP: parameter(3, f64, 'topP'),
  minP: parameter(4, f64, 'minP'),
  repetitionPenalty: parameter(5, f64, 'repetitionPenalty'),
  presencePenalty: parameter(6, f64, 'presencePenalty'),
  frequencyPenalty: parameter(7, f64, 'frequencyPenalty'),
  biasTokens: listed(8, tokens(limits.logitBias, tokenMax, 'biasTokens'), noTokens),
  biases: listed(9, f64List(limits.logitBias, 'biases'), noF64),
});

function samplingFrom(
  { biasTokens, biases, ...rest }: SamplingRecord,
  reader: WireReader,
): Sampling {
  const logitBias = new Map<number, number>();
  biasTokens.forEach((token, index) => {
    logitBias.set(token, biases[index] ?? Number.NaN);
  });
  if (biases.length !== biasTokens.length || logitBias.size !== biases.length) {
    const counts = `${biases.length} biases for ${logitBias.size} different tokens`;
    reader.refuse('sampling-invalid', counts);
  }
  return { ...rest, logitBias };
}

const sampling: Value<Sampling> = mapped(
  embedded(samplingMessage),
  samplingFrom,
  ({ logitBias, ...rest }) => ({
    ...rest,
    biasTokens: Int32Array.from(logitBias.keys()),
    biases: Float64Array.from(logitBias.values()),
  }),
);

type Keep = Extract<CutLimit, { readonly keepMax: number }>;
type Leave = Extract<CutLimit, { readonly tailMassMax: number }>;

const keep: Value<Keep> = mapped(
  u32,
  (keepMax) => ({ keepMax }),
  ({ keepMax }) => keepMax,
);
const leave: Value<Leave> = mapped(
  f64,
  (tailMassMax) => ({ tailMassMax }),
  ({ tailMassMax }) => tailMassMax,
);

export const open = new Message<Open>(
  {
    session: plain(1, u32, 0),
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
    sampling: demanded(optional(6, sampling), 'sampling-invalid', 'sampling'),
    seed: plain(7, u64, 0n),
    scheme: required(8, word(schemes, 'mode-unsupported', 'scheme'), 'mode-unsupported', 'scheme'),
    mode: required(9, word(modes, 'mode-unsupported', 'mode'), 'mode-unsupported', 'mode'),
    tokensMax: plain(10, u32, 0),
    windowMax: plain(11, u32, 0),
    cut: oneOf<CutLimit>(
      variant(12, keep, (cut): cut is Keep => 'keepMax' in cut),
      variant(13, leave, (cut): cut is Leave => 'tailMassMax' in cut),
    ),
  },
  'open',
);

/** Draft.probs is null, not empty, where no probability came. */
const probs = f64List(limits.draftTokens, 'probs');

export const draft = new Message<Draft>(
  {
    session: plain(1, u32, 0),
    epoch: plain(2, u32, 0),
    from: plain(3, u32, 0),
    ids: listed(4, tokens(limits.draftTokens, tokenMax, 'ids'), noTokens),
    probs: optional(5, probs),
    laws: repeated(6, lawValue, limits.laws, 'laws'),
    residual: optional(7, u32),
    more: plain(8, bool, false),
  },
  'draft',
);

export const tailRequest = new Message<TailRequest>(
  {
    session: plain(1, u32, 0),
    position: plain(2, u32, 0),
  },
  'tail-request',
);

export const resume = new Message<Resume>(
  {
    session: plain(1, u32, 0),
    resumeKey: required(2, byteString(resumeKeyBytes, 'resumeKey'), 'limit-exceeded', 'resumeKey'),
    committedLength: plain(3, u32, 0),
    logHash: plain(4, u64, 0n),
  },
  'resume',
);

export const cancel = new Message<Cancel>({ session: plain(1, u32, 0) }, 'cancel');

export const close = new Message<Close>({ session: plain(1, u32, 0) }, 'close');

export const ping = new Message<Ping>({ nonce: plain(1, u32, 0) }, 'ping');
