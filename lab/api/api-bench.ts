// Times the HTTP API around a model that costs almost nothing: requests and streamed tokens a
// second, in units of a bare node server that sends the same bytes in as many writes.

import { type Child, startChild } from '../../src/cli/demo/child.js';
import { medianEstimate } from '../../src/math/estimate.js';
import { median, quantile } from '../../src/math/statistics.js';
import { load, requestBytes } from '../http-client.js';
import { inTurn, runPairs } from '../paired.js';
import type { ApiSide } from './api-process.js';

interface Work {
  readonly tokens: number;
  readonly isStream: boolean;
}

const works = {
  'stream of 128 tokens': { tokens: 128, isStream: true, answersPerTurn: 64 },
  'answer of 128 tokens, whole': { tokens: 128, isStream: false, answersPerTurn: 64 },
  'answer of one token, whole': { tokens: 1, isStream: false, answersPerTurn: 1024 },
} as const satisfies Record<string, Work & { readonly answersPerTurn: number }>;
export type ApiWork = keyof typeof works;
const workNames = Object.keys(works) as ApiWork[];

type ApiRow = Awaited<ReturnType<typeof benchWork>>;

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

/** The other side of api-process.ts; asked for anything, it tells its processor time. */
type ApiSideProcess = Child<{ readonly port: number }, 'cpu', { readonly cpuMs: number }>;

const startSide = (side: ApiSide): Promise<ApiSideProcess> =>
  startChild(new URL('./api-process.js', import.meta.url), side);

/** @param turns of each kind of work, >= 3. */
export async function benchApi(
  turns: number,
  onRow: (row: ApiRow) => void,
  only: readonly ApiWork[] = workNames,
): Promise<ApiRow[]> {
  const stack = await startSide({ kind: 'stack', slotCount: connections, contextLength });
  const names = workNames.filter((name) => only.includes(name));
  const rows = await inTurn(names, (name) => benchWork(stack, name, turns), onRow);
  await stack.stop();
  return rows;
}

/** What a bare server has to send: the very bytes, cut where the stack wrote them. */
async function bareSide(stack: ApiSideProcess, work: Work): Promise<ApiSideProcess> {
  const response = await fetch(`http://127.0.0.1:${stack.ready.port}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(bodyOf(work)),
  });
  const body = await response.text();
  const chunks = work.isStream ? body.split(/(?<=\n\n)/) : null;
  return startSide({ kind: 'bare', chunks, body });
}

async function answerAll(side: ApiSideProcess, request: Buffer, count: number) {
  const before = (await side.ask('cpu')).cpuMs;
  const { ms } = await load(side.ready.port, request, connections, count);
  return { ms, cpuMs: (await side.ask('cpu')).cpuMs - before };
}

async function benchWork(stack: ApiSideProcess, name: ApiWork, turns: number) {
  const { answersPerTurn: count, ...work } = works[name];
  const { tokens } = work;
  const bare = await bareSide(stack, work);
  const request = requestOf(work);
  const pairs = await runPairs({
    turns,
    warmUpTurns: 2,
    baseline: () => answerAll(bare, request, count),
    subject: () => answerAll(stack, request, count),
  });
  await bare.stop();
  const middle = (read: (pair: (typeof pairs)[number]) => number): number =>
    median(pairs.map(read));
  return {
    work: name,
    /** Speed in units of the bare server's. */
    ratio: medianEstimate(pairs.map(({ baseline, subject }) => baseline.ms / subject.ms)),
    /**
     * Processor time of the bare server over the stack's: what is left when nothing else is slow.
     */
    cpuRatio: middle(({ baseline, subject }) => baseline.cpuMs / subject.cpuMs),
    // Of the shared machine, for scale only.
    requestsPerSecond: middle(({ subject }) => (1000 * count) / subject.ms),
    tokensPerSecond: middle(({ subject }) => (1000 * count * tokens) / subject.ms),
    stackMicros: middle(({ subject }) => (1000 * subject.cpuMs) / (count * tokens)),
    bareMicros: middle(({ baseline }) => (1000 * baseline.cpuMs) / (count * tokens)),
  };
}

/** Processor time of a bare server over that of one beside the same engine and core. */
export function streamBound([stream, answer]: readonly ApiRow[]): number {
  const core = answer!.stackMicros - answer!.bareMicros;
  return stream!.bareMicros / (stream!.bareMicros + core);
}

/** Time to the first token, one client alone: the toy computes a prompt in microseconds. */
export async function benchFirstToken(requests: number) {
  const stack = await startSide({ kind: 'stack', slotCount: 1, contextLength });
  const work = { tokens: 2, isStream: true };
  const bare = await bareSide(stack, work);
  const request = requestOf(work);
  for (const { ready } of [stack, bare]) await load(ready.port, request, 1, 100);
  const streamed = await load(stack.ready.port, request, 1, requests);
  const bareAnswers = await load(bare.ready.port, request, 1, requests);
  await stack.stop();
  await bare.stop();
  return {
    requests,
    p50Ms: median(streamed.firstByteMs),
    p99Ms: quantile(streamed.firstByteMs, 0.99),
    bareP50Ms: median(bareAnswers.firstByteMs),
  };
}
