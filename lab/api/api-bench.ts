// Times the HTTP API around a model that costs almost nothing: requests and streamed tokens a
// second, in units of a bare node server that sends the same bytes in as many writes.

import { type Estimate, medianEstimate } from '../../src/math/estimate.js';
import { load, requestBytes } from '../http-client.js';
import { type SideProcess, startSide } from '../loop/echo.js';
import { runPairs } from '../paired.js';

interface Work {
  readonly tokens: number;
  readonly isStream: boolean;
}

const works = {
  'stream of 128 tokens': { tokens: 128, isStream: true, answersPerTurn: 64 },
  'answer of one token, whole': { tokens: 1, isStream: false, answersPerTurn: 1024 },
} as const satisfies Record<string, Work & { readonly answersPerTurn: number }>;
export type ApiWork = keyof typeof works;

const connections = 16;
const contextLength = 256;

const bodyOf = ({ tokens, isStream }: Work) => ({
  ...{ model: 'toy', prompt: [0, 3, 5], max_tokens: tokens, stream: isStream, seed: 1 },
  // Sampling is the engine's work, and is measured there. The bias is of the toy's end of text:
  // full length always.
  temperature: 0,
  logit_bias: { 1: -100 },
});
const requestOf = (work: Work): Buffer => requestBytes('/v1/completions', bodyOf(work));

/** What a bare server has to send: the very bytes, cut where the stack wrote them. */
async function bareSide(stack: SideProcess, work: Work): Promise<SideProcess> {
  const response = await fetch(`http://127.0.0.1:${stack.ready.port}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(bodyOf(work)),
  });
  const body = await response.text();
  const chunks = work.isStream ? body.split(/(?<=\n\n)/) : null;
  return startSide({ kind: 'bare', chunks, body });
}

/** @param turns of both sides, >= 3. @returns its speed in units of the bare server's. */
export async function benchApi(name: ApiWork, turns: number): Promise<{ ratio: Estimate }> {
  const { answersPerTurn: count, ...work } = works[name];
  const stack = await startSide({ kind: 'stack', slotCount: connections, contextLength });
  const bare = await bareSide(stack, work);
  const request = requestOf(work);
  const answerAll = ({ ready }: SideProcess): Promise<number> =>
    load(ready.port, request, connections, count);
  const pairs = await runPairs({
    turns,
    warmUpTurns: 2,
    baseline: () => answerAll(bare),
    subject: () => answerAll(stack),
  });
  await bare.stop();
  await stack.stop();
  return { ratio: medianEstimate(pairs.map(({ baseline, subject }) => baseline / subject)) };
}
