// Writes the bodies and chunks of /v1/completions.

import type { Delta } from './generator.js';
import { type BytesOfToken, type ResponseShape, tokenName } from './response-shape.js';

export const completionResponse: ResponseShape = {
  object: 'text_completion',
  chunkObject: 'text_completion',
  idPrefix: 'cmpl-',
  opening: () => null,
  delta: (index, text, logprobs) => choiceOf(index, text, logprobs, 'null'),
  finish: (index, reason) => choiceOf(index, '', 'null', `"${reason}"`),
  choice: (index, text, logprobs, reason) => choiceOf(index, text, logprobs, `"${reason}"`),
  logprobs: (deltas, offset, tokenBytes) => JSON.stringify(columnsOf(deltas, offset, tokenBytes)),
};

function choiceOf(index: number, text: string, logprobs: string, reason: string): string {
  return `{"index":${index},"text":${JSON.stringify(text)},"logprobs":${logprobs},"finish_reason":${reason}}`;
}

/** Four parallel lists. Of alternatives with equal text the likeliest is kept. */
function columnsOf(deltas: readonly Delta[], offset: number, tokenBytes: BytesOfToken) {
  const name = (token: number): string => tokenName(tokenBytes(token), token);
  const columns = {
    tokens: [] as string[],
    token_logprobs: [] as number[],
    top_logprobs: [] as Record<string, number>[],
    text_offset: [] as number[],
  };
  let end = offset;
  for (const { token, logprobs, text } of deltas) {
    if (token !== null && logprobs !== null) {
      columns.tokens.push(name(token));
      columns.token_logprobs.push(logprobs.logprob);
      const best = [...logprobs.top].reverse().map((one) => [name(one.token), one.logprob]);
      columns.top_logprobs.push(Object.fromEntries(best));
      columns.text_offset.push(end);
    }
    end += text.length;
  }
  return columns;
}
