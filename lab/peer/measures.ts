// Asks either server for one turn's work of each kind and reads the figures from its answers.

import { setTimeout as sleep } from 'node:timers/promises';
import { storyPrompts } from '../../src/cli/demo/openings.js';
import { noiseKey, uniform } from '../../src/math/noise.js';
import { median } from '../../src/math/statistics.js';
import { askPeer, type PeerAnswer, type PeerAsk } from './client.js';
import { cpuSecondsOf, holdingOf, type PeerServer } from './servers.js';

/** What one side did in one turn. */
export interface PeerReading {
  readonly figures: Readonly<Record<string, number>>;
  readonly answers: readonly Pick<PeerAnswer, 'text'>[];
}

export interface PeerScale {
  readonly seed: number;
  readonly isQuick: boolean;
}
/** Asks a server for one turn's work. */
export type PeerMeasure = (server: PeerServer, turn: number) => Promise<PeerReading>;

const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);

/** An opening of a story; the same for both sides of a turn. */
const opening = ({ seed }: PeerScale, turn: number, index: number): string =>
  storyPrompts[(seed + (turn + 1) * 5 + index) % storyPrompts.length]!;

/** Ids that no other call has as its beginning. @param text number of the prompt. */
function randomIds({ seed }: PeerScale, text: number, count: number): number[] {
  const key = noiseKey(BigInt(seed), 'draft');
  const draw = (_: unknown, index: number) => 3 + Math.floor(4000 * uniform(key, text, index));
  return Array.from({ length: count }, draw);
}

/** Between the first and the last piece of text. */
const decodingRate = (answers: readonly PeerAnswer[]): number =>
  (1000 * sum(answers.map(({ tokenCount }) => tokenCount - 1))) /
  sum(answers.map(({ pieceMs }) => pieceMs.at(-1)! - pieceMs[0]!));

async function inSequence(server: PeerServer, asks: readonly PeerAsk[]): Promise<PeerAnswer[]> {
  const answers: PeerAnswer[] = [];
  for (const ask of asks) answers.push(await askPeer(server, ask));
  return answers;
}

const asksOf = (scale: PeerScale, turn: number, count: number, tokensMax: number): PeerAsk[] =>
  Array.from({ length: count }, (_, at) => ({ prompt: opening(scale, turn, at), tokensMax }));

export const oneUser =
  (scale: PeerScale, tokens: number): PeerMeasure =>
  async (server, turn) => {
    const tokensMax = scale.isQuick ? tokens / 4 : tokens;
    const before = cpuSecondsOf(server.pids);
    const answers = await inSequence(server, asksOf(scale, turn, 2, tokensMax));
    const used = cpuSecondsOf(server.pids) - before;
    const count = sum(answers.map(({ tokenCount }) => tokenCount));
    const figures = {
      'tokens/s': decodingRate(answers),
      'CPU s/1000 tokens': (1000 * used) / count,
    };
    return { answers, figures };
  };

/** Prompts arrive while others decode: users begin one after another and ask again. */
const promptLengths = [8, 160, 24, 80, 40, 120];

export const users =
  (scale: PeerScale, count: number, tokens: number): PeerMeasure =>
  async (server, turn) => {
    const rounds = scale.isQuick ? 1 : 2;
    const startedMs = performance.now();
    const oneUserOf = async (user: number): Promise<PeerAnswer[]> => {
      const asks = Array.from({ length: rounds }, (_, round): PeerAsk => {
        const text = ((turn + 1) * rounds + round) * count + user;
        const length = promptLengths[(user + round) % promptLengths.length]!;
        return { prompt: randomIds(scale, text, length), tokensMax: tokens };
      });
      await sleep(20 * user);
      return inSequence(server, asks);
    };
    const all = Array.from({ length: count }, (_, user) => oneUserOf(user));
    const answers = (await Promise.all(all)).flat();
    const ms = performance.now() - startedMs;
    const total = sum(answers.map(({ tokenCount }) => tokenCount));
    const longest = Math.max(...answers.map(({ pieceMs }) => longestGap(pieceMs)));
    const { peakMiB } = holdingOf(server);
    const speed = { 'tokens/s in all': (1000 * total) / ms, 'longest gap, ms': longest };
    const figures = { ...speed, 'most resident, MiB': peakMiB };
    return { answers, figures };
  };

/** @param times [n >= 1], ascending. */
export const longestGap = (times: readonly number[]): number =>
  Math.max(0, ...times.slice(1).map((time, index) => time - times[index]!));

const chatTurnCount = 5;

/** Chats take turns; each repeats its text so far, the answers too, and adds a sentence. */
export const chatTurns =
  (scale: PeerScale, count: number): PeerMeasure =>
  async (server, turn) => {
    const histories = Array.from({ length: count }, (_, chat) => opening(scale, turn, chat));
    const turns: PeerAnswer[][] = [];
    for (let round = 0; round < chatTurnCount; round++) {
      const before = turns.at(-1);
      histories.forEach((text, chat) => {
        if (before === undefined) return;
        histories[chat] = `${text}${before[chat]!.text} ${opening(scale, turn, chat + 7 * round)}`;
      });
      const asks = histories.map((prompt): PeerAsk => ({ prompt, tokensMax: 16 }));
      turns.push(await inSequence(server, asks));
    }
    const all = turns.flat();
    const later = turns.slice(1).flat();
    const figures = {
      'prompt tokens': sum(all.map(({ promptCount }) => promptCount)),
      'of these reused': sum(all.map(({ cachedCount }) => cachedCount)),
      'first token of turns 2 to 5, ms': median(later.map(({ pieceMs }) => pieceMs[0]!)),
    };
    return { answers: all, figures };
  };

export const firstTokens =
  (scale: PeerScale): PeerMeasure =>
  async (server, turn) => {
    const all: PeerAnswer[] = [];
    let text = 100 * (turn + 1);
    const random = (length: number): number[] => randomIds(scale, text++, length);
    const begun = random(5);
    const timed = async (count: number, prompt: () => readonly number[]): Promise<number> => {
      const asked = scale.isQuick ? Math.ceil(count / 4) : count;
      const asks = Array.from({ length: asked }, () => ({ prompt: prompt(), tokensMax: 2 }));
      const answers = await inSequence(server, asks);
      all.push(...answers);
      return median(answers.map(({ pieceMs }) => pieceMs[0]!));
    };
    const figures = {
      '10 tokens, ms': await timed(12, () => random(10)),
      '200 tokens, ms': await timed(6, () => random(200)),
      '1500 tokens, ms': await timed(1, () => random(1500)),
    };
    const halfKnown = () => [...begun, ...random(5)];
    // The first has nothing to repeat yet.
    await timed(1, halfKnown);
    const repeated = await timed(12, halfKnown);
    return { answers: all, figures: { ...figures, '10 tokens, 5 as before, ms': repeated } };
  };

/** By the time of whole answers: what a user of speculation waits for. */
export const wholeTexts =
  (scale: PeerScale): PeerMeasure =>
  async (server, turn) => {
    const answers = await inSequence(server, asksOf(scale, turn, 3, scale.isQuick ? 32 : 64));
    const total = sum(answers.map(({ tokenCount }) => tokenCount));
    const ms = sum(answers.map(({ pieceMs }) => pieceMs.at(-1)!));
    return { answers, figures: { 'tokens/s': (1000 * total) / ms } };
  };

export const constrained =
  (scale: PeerScale, schema: object): PeerMeasure =>
  async (server, turn) => {
    const asks = asksOf(scale, turn, scale.isQuick ? 2 : 6, 160);
    const answers = await inSequence(
      server,
      asks.map((ask) => ({ ...ask, schema })),
    );
    return { answers, figures: { 'tokens/s': decodingRate(answers) } };
  };

export const afterStart =
  (scale: PeerScale): PeerMeasure =>
  async (server, turn) => {
    const cpuSeconds = cpuSecondsOf(server.pids);
    const answers = await inSequence(server, asksOf(scale, turn, 3, 16));
    const { residentMiB, threads } = holdingOf(server);
    const start = { 'ready, ms': server.readyMs, 'CPU s to ready': cpuSeconds };
    const figures = { ...start, 'resident after 3 answers, MiB': residentMiB, threads };
    return { answers, figures };
  };
