// What the HTTP door and everything under it cost around a model that costs almost nothing: requests and streamed tokens
// a second, in units of a bare node server that sends the same bytes in as many writes, over as many connections.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { median, medianInterval } from '../../src/math/statistics.js';
import type { ApiSide } from './api-process.js';
import { load, requestBytes } from './http-load.js';

const workNames = [
  'stream of 128 tokens',
  'answer of 128 tokens, whole',
  'answer of one token, whole',
] as const;
export type ApiWork = (typeof workNames)[number];

/** Speed that the stack keeps of a bare server. */
export const apiAtLeast = 0.5;
/** Milliseconds to the first token over loopback. */
export const firstTokenMsAtMost = 5;

export interface ApiRow {
  readonly name: string;
  readonly connections: number;
  readonly tokensPerAnswer: number;
  /** Speed in units of the bare server's: median over turns with its interval. */
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
  readonly turns: number;
  /** Processor time of the bare server over the stack's, median over turns: what is left when nothing else is slow. */
  readonly cpuRatio: number;
  /** Of the shared machine, for scale only. */
  readonly requestsPerSecond: number;
  readonly tokensPerSecond: number;
  readonly stackMicrosPerToken: number;
  readonly bareMicrosPerToken: number;
}

export interface FirstTokenRow {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly bareP50Ms: number;
  readonly requests: number;
}

interface Work {
  readonly name: ApiWork;
  readonly tokens: number;
  readonly isStream: boolean;
  readonly answersPerTurn: number;
}

const works: readonly Work[] = [
  { name: 'stream of 128 tokens', tokens: 128, isStream: true, answersPerTurn: 64 },
  { name: 'answer of 128 tokens, whole', tokens: 128, isStream: false, answersPerTurn: 64 },
  { name: 'answer of one token, whole', tokens: 1, isStream: false, answersPerTurn: 1024 },
];

const connections = 16;
const contextLength = 256;

const requestOf = ({ tokens, isStream }: Pick<Work, 'tokens' | 'isStream'>): Buffer =>
  requestBytes('/v1/completions', {
    ...{ model: 'toy', prompt: [0, 3, 5], max_tokens: tokens, stream: isStream, seed: 1 },
    // Sampling is the engine's work, and is measured there. The bias is of the toy's end of text: full length always.
    temperature: 0,
    logit_bias: { 1: -100 },
  });

/** The other side of api-process.ts. */
class ApiSideProcess {
  readonly port: number;
  readonly #child: ReturnType<typeof fork>;

  private constructor(child: ReturnType<typeof fork>, port: number) {
    this.#child = child;
    this.port = port;
  }

  static async start(side: ApiSide): Promise<ApiSideProcess> {
    const child = fork(new URL('./api-process.js', import.meta.url), [JSON.stringify(side)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const [{ port }] = (await once(child, 'message')) as [{ port: number }];
    return new ApiSideProcess(child, port);
  }

  /** Processor time of the process since it began. */
  async cpuMs(): Promise<number> {
    const told = once(this.#child, 'message');
    this.#child.send('cpu');
    const [{ cpuMs }] = (await told) as [{ cpuMs: number }];
    return cpuMs;
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }
}

/** @param turns of each kind of work, >= 3. */
export async function benchApi(
  turns: number,
  onRow: (row: ApiRow) => void,
  only: readonly ApiWork[] = workNames,
): Promise<ApiRow[]> {
  const stack = await ApiSideProcess.start({
    kind: 'stack',
    slotCount: connections,
    contextLength,
  });
  const rows: ApiRow[] = [];
  for (const work of works.filter(({ name }) => only.includes(name))) {
    rows.push(await benchWork(stack, work, turns));
    onRow(rows.at(-1)!);
  }
  await stack.stop();
  return rows;
}

/** What a bare server has to send: the very bytes, cut where the stack wrote them. */
async function bareSide(
  stack: ApiSideProcess,
  work: Pick<Work, 'tokens' | 'isStream'>,
): Promise<ApiSideProcess> {
  const request = requestOf(work).toString();
  const response = await fetch(`http://127.0.0.1:${stack.port}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: request.slice(request.indexOf('\r\n\r\n') + 4),
  });
  const body = await response.text();
  const chunks = work.isStream ? body.split(/(?<=\n\n)/) : null;
  return ApiSideProcess.start({ kind: 'bare', chunks, body });
}

interface Turn {
  readonly ms: number;
  readonly cpuMs: number;
}

async function play(side: ApiSideProcess, request: Buffer, count: number): Promise<Turn> {
  const before = await side.cpuMs();
  const { ms } = await load(side.port, request, connections, count);
  return { ms, cpuMs: (await side.cpuMs()) - before };
}

async function benchWork(stack: ApiSideProcess, work: Work, turns: number): Promise<ApiRow> {
  const bare = await bareSide(stack, work);
  const request = requestOf(work);
  const { answersPerTurn: count, tokens } = work;
  const pairs: { stack: Turn; bare: Turn }[] = [];
  for (let turn = -2; turn < turns; turn++) {
    // Alternate who goes first; the first two warm up.
    const early = turn % 2 === 0 ? await play(bare, request, count) : null;
    const result = await play(stack, request, count);
    const pair = { stack: result, bare: early ?? (await play(bare, request, count)) };
    if (turn >= 0) pairs.push(pair);
  }
  await bare.stop();
  const ratios = pairs.map((pair) => pair.bare.ms / pair.stack.ms);
  const middle = (read: (pair: (typeof pairs)[number]) => number): number =>
    median(pairs.map(read));
  return {
    name: work.name,
    connections,
    tokensPerAnswer: tokens,
    ratio: median(ratios),
    ...medianInterval(ratios),
    turns,
    cpuRatio: middle((pair) => pair.bare.cpuMs / pair.stack.cpuMs),
    requestsPerSecond: middle((pair) => (1000 * count) / pair.stack.ms),
    tokensPerSecond: middle((pair) => (1000 * count * tokens) / pair.stack.ms),
    stackMicrosPerToken: middle((pair) => (1000 * pair.stack.cpuMs) / (count * tokens)),
    bareMicrosPerToken: middle((pair) => (1000 * pair.bare.cpuMs) / (count * tokens)),
  };
}

/** Time to the first token, one client alone: the toy computes a prompt in microseconds. */
export async function benchFirstToken(requests: number): Promise<FirstTokenRow> {
  const stack = await ApiSideProcess.start({ kind: 'stack', slotCount: 1, contextLength });
  const work = { tokens: 2, isStream: true };
  const bare = await bareSide(stack, work);
  const request = requestOf(work);
  await load(stack.port, request, 1, 100);
  await load(bare.port, request, 1, 100);
  const told = await load(stack.port, request, 1, requests);
  const bareTold = await load(bare.port, request, 1, requests);
  await stack.stop();
  await bare.stop();
  const sorted = told.firstByteMs.toSorted((a, b) => a - b);
  return {
    p50Ms: median(told.firstByteMs),
    p99Ms: sorted[Math.floor(0.99 * sorted.length)]!,
    bareP50Ms: median(bareTold.firstByteMs),
    requests,
  };
}
