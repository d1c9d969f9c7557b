// Asks either server for one turn's work, and reads figures from the answers.

import { setTimeout as sleep } from 'node:timers/promises';
import { PilotfishError } from '../../src/base/error.js';
import { median } from '../../src/math/statistics.js';
import { type Completed, postCompletion } from '../http-client.js';
import type { PeerServer } from './servers.js';

export interface PeerAsk {
  /** Text, token ids, or text that goes on from this user's answers. */
  readonly prompt: string | readonly number[] | ((before: readonly PeerAnswer[]) => string);
  readonly tokensMax: number;
  /** The text fits this JSON schema and may end; else it is written to its full length. */
  readonly schema?: object | null;
  /** Names the answers that a figure is read from. */
  readonly kind?: string;
}

export type PeerAnswer = Required<Pick<Completed, 'text' | 'pieceMs' | 'usage'>> &
  Pick<PeerAsk, 'kind'> & {
    /** Which user asked, and when, in milliseconds of the turn. */
    readonly user: number;
    readonly askedMs: number;
  };

/** What one server did in one turn. */
export interface PeerWork {
  readonly answers: readonly PeerAnswer[];
  readonly server: PeerServer;
  readonly ms: number;
  /** Processor time of the server before the turn, and in it. */
  readonly cpuSecondsBefore: number;
  readonly cpuSeconds: number;
}

/** End of text of the bundled models. */
const endOfText = 2;
const userEveryMs = 20;

/** Users begin one after another; each asks again once it is answered. @param asks by user. */
export async function work(
  server: PeerServer,
  asks: readonly (readonly PeerAsk[])[],
): Promise<PeerWork> {
  const [startedMs, cpuSecondsBefore] = [performance.now(), server.cpuSeconds()];
  const all = asks.map(async (own, user) => {
    await sleep(userEveryMs * user);
    const answers: PeerAnswer[] = [];
    for (const ask of own) {
      const askedMs = performance.now() - startedMs;
      answers.push({ ...(await answerOf(server, ask, answers)), user, askedMs });
    }
    return answers;
  });
  const answers = (await Promise.all(all)).flat();
  const ms = performance.now() - startedMs;
  const cpuSeconds = server.cpuSeconds() - cpuSecondsBefore;
  return { answers, server, ms, cpuSecondsBefore, cpuSeconds };
}

/** @throws PilotfishError `engine-failed` for an answer that is no 200 or lacks its end. */
async function answerOf(
  server: PeerServer,
  ask: PeerAsk,
  before: readonly PeerAnswer[],
): Promise<Omit<PeerAnswer, 'user' | 'askedMs'>> {
  const prompt = typeof ask.prompt === 'function' ? ask.prompt(before) : ask.prompt;
  const { port, agent } = server;
  const body = bodyOf(server, { ...ask, prompt });
  const { text, pieceMs, usage, ...read } = await postCompletion(body, { port, agent, key: null });
  if (usage === undefined || !read.isWhole || pieceMs.length === 0) {
    const why = `${read.status}: ${(read.refusal ?? 'an answer without text or end').slice(0, 300)}`;
    throw new PilotfishError('engine-failed', `the server answers ${why}`);
  }
  return { text, pieceMs, usage, ...(ask.kind !== undefined && { kind: ask.kind }) };
}

/** Each server has its own field for a schema beside a prompt of token ids. */
function bodyOf({ kind, model }: PeerServer, { prompt, tokensMax, schema }: PeerAsk) {
  const format = { type: 'json_schema', json_schema: { name: 'asked', schema } };
  const own = kind === 'llama' ? { json_schema: schema } : { response_format: format };
  return {
    ...{ model, prompt, max_tokens: tokensMax, temperature: 0, seed: 1 },
    ...{ stream: true, stream_options: { include_usage: true } },
    ...(schema == null ? { logit_bias: { [endOfText]: -100 } } : own),
  };
}

/** By name. */
export type PeerFigures = Readonly<Record<string, (work: PeerWork) => number>>;

const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);
const sumOf = ({ answers }: PeerWork, of: (answer: PeerAnswer) => number): number =>
  sum(answers.map(of));
const tokens = (done: PeerWork): number => sumOf(done, ({ usage }) => usage.completion_tokens);

/**
 * Of all users together, until the first of them has no more to ask: users that have ended one
 * after another say how they began, not how fast a server is. The tokens of an answer are spread
 * evenly over its pieces.
 */
function tokensWhileAll({ answers }: PeerWork): number {
  const endOf = ({ askedMs, pieceMs }: PeerAnswer): number => askedMs + pieceMs.at(-1)!;
  const last = new Map<number, number>();
  for (const answer of answers) {
    last.set(answer.user, Math.max(last.get(answer.user) ?? 0, endOf(answer)));
  }
  const untilMs = Math.min(...last.values());
  const counted = answers.map(({ askedMs, pieceMs, usage: { completion_tokens: count } }) => {
    const told = pieceMs.filter((ms) => askedMs + ms <= untilMs).length;
    return (count * told) / pieceMs.length;
  });
  return (1000 * sum(counted)) / untilMs;
}

/** Median times of the answers of each kind, named alike. */
export const firstTokens = (kinds: readonly string[]): PeerFigures => {
  const firstMs =
    (kind: string) =>
    ({ answers }: PeerWork): number =>
      median(answers.filter((one) => one.kind === kind).map(({ pieceMs }) => pieceMs[0]!));
  return Object.fromEntries(kinds.map((kind) => [kind, firstMs(kind)]));
};

export const figures = {
  /** Between the first and the last piece of each text. */
  decoding: {
    'tokens/s': (done) =>
      (1000 * (tokens(done) - done.answers.length)) /
      sumOf(done, ({ pieceMs }) => pieceMs.at(-1)! - pieceMs[0]!),
  },
  /** What a user of speculation waits for. */
  wholeAnswers: {
    'tokens/s': (done) => (1000 * tokens(done)) / sumOf(done, ({ pieceMs }) => pieceMs.at(-1)!),
  },
  processorTime: {
    'CPU s/1000 tokens': (done) => (1000 * done.cpuSeconds) / tokens(done),
  },
  crowd: {
    'tokens/s while all ask': tokensWhileAll,
    'longest gap, ms': ({ answers }) => Math.max(...answers.map(longestGap)),
    'most resident, MiB': ({ server }) => server.holding('VmHWM') / 1024,
  },
  /** By each server's own count. */
  reuse: {
    'prompt tokens': (done) => sumOf(done, ({ usage }) => usage.prompt_tokens),
    'of these reused': (done) =>
      sumOf(done, ({ usage }) => usage.prompt_tokens_details?.cached_tokens ?? 0),
  },
  starting: {
    'ready, ms': ({ server }) => server.readyMs,
    'CPU s to ready': ({ cpuSecondsBefore }) => cpuSecondsBefore,
    'resident after 3 answers, MiB': ({ server }) => server.holding('VmRSS') / 1024,
    threads: ({ server }) => server.holding('Threads'),
  },
} as const satisfies Readonly<Record<string, PeerFigures>>;

/** Between two pieces of text; 0 where there is one. */
export const longestGap = ({ pieceMs }: Pick<PeerAnswer, 'pieceMs'>): number =>
  Math.max(0, ...pieceMs.slice(1).map((time, index) => time - pieceMs[index]!));
