// Maps log-probabilities to bytes: one list of numbers for a token or a law, followed by the
// likeliest tokens.

import type { LawLogprobs, RankedToken, TokenLogprobs } from '../math/logprobs.js';
import { tokenMax } from './law-shape.js';
import { limits } from './limits.js';
import { embedded, listed, Message } from './wire-message.js';
import type { WireReader } from './wire-reader.js';
import { f32List, mapped, noF32, noTokens, tokens, type Value } from './wire-value.js';

interface LogprobsRecord {
  readonly values: Float32Array;
  readonly top: Int32Array;
}

export const logprobsMessage = new Message<LogprobsRecord>({
  values: listed(1, f32List(limits.logprobValues, 'logprobs'), noF32),
  top: listed(2, tokens(limits.topLogprobs, tokenMax, 'top'), noTokens),
});

/** Refuses numbers that are not logarithms of probabilities, and lists that are too short. */
function checked(record: LogprobsRecord, reader: WireReader): LogprobsRecord {
  const { values, top } = record;
  const bad = values.find((value) => !(value <= 0 && value > -Infinity));
  if (bad !== undefined)
    reader.refuse('law-invalid', `log-probability ${bad} is outside (-Infinity, 0]`);
  if (values.length > top.length) return record;
  reader.refuse(
    'frame-malformed',
    `${values.length} log-probabilities with ${top.length} likeliest tokens`,
  );
  return { values: noF32, top: noTokens };
}

const topOf = ({ values, top }: LogprobsRecord): RankedToken[] => {
  const from = values.length - top.length;
  return Array.from(top, (token, index) => ({ token, logprob: values[from + index]! }));
};

const recordOf = (own: Iterable<number>, top: readonly RankedToken[]): LogprobsRecord => ({
  values: Float32Array.from([...own, ...top.map(({ logprob }) => logprob)]),
  top: Int32Array.from(top, ({ token }) => token),
});

export const tokenLogprobsField: Value<TokenLogprobs> = mapped(
  embedded(logprobsMessage),
  (record: LogprobsRecord, reader: WireReader): TokenLogprobs => {
    const { values, top } = checked(record, reader);
    if (values.length > top.length + 1)
      reader.refuse('frame-malformed', 'log-probabilities of several tokens');
    return { logprob: values[0] ?? 0, top: topOf({ values, top }) };
  },
  ({ logprob, top }) => recordOf([logprob], top),
);

export const lawLogprobsField: Value<LawLogprobs> = mapped(
  embedded(logprobsMessage),
  (record: LogprobsRecord, reader: WireReader): LawLogprobs => {
    const { values, top } = checked(record, reader);
    return { logprobs: values.slice(0, values.length - top.length), top: topOf({ values, top }) };
  },
  ({ logprobs, top }) => recordOf(logprobs, top),
);
