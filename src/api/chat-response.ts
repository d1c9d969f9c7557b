// Writes the bodies and chunks of /v1/chat/completions.

import type { Delta } from './generator.js';
import { type BytesOfToken, type ResponseShape, tokenName } from './response-shape.js';

export const chatResponse: ResponseShape = {
  object: 'chat.completion',
  chunkObject: 'chat.completion.chunk',
  idPrefix: 'chatcmpl-',
  opening: (index) => choiceOf(index, '{"role":"assistant","content":""}', 'null', 'null'),
  delta: (index, text, logprobs) =>
    choiceOf(index, `{"content":${JSON.stringify(text)}}`, logprobs, 'null'),
  finish: (index, reason) => choiceOf(index, '{}', 'null', `"${reason}"`),
  choice: (index, text, logprobs, reason) =>
    `{"index":${index},"message":{"role":"assistant","content":${JSON.stringify(text)},"refusal":null},` +
    `"logprobs":${logprobs},"finish_reason":"${reason}"}`,
  logprobs: (deltas, _offset, tokenBytes) =>
    JSON.stringify({ content: entriesOf(deltas, tokenBytes), refusal: null }),
};

function choiceOf(index: number, delta: string, logprobs: string, reason: string): string {
  return `{"index":${index},"delta":${delta},"logprobs":${logprobs},"finish_reason":${reason}}`;
}

function entriesOf(deltas: readonly Delta[], tokenBytes: BytesOfToken) {
  const entry = (token: number, logprob: number) => {
    const bytes = tokenBytes(token);
    return { token: tokenName(bytes, token), logprob, bytes: bytes && [...bytes] };
  };
  return deltas.flatMap(({ token, logprobs }) => {
    if (token === null || logprobs === null) return [];
    const top = logprobs.top.map((one) => entry(one.token, one.logprob));
    return [{ ...entry(token, logprobs.logprob), top_logprobs: top }];
  });
}
