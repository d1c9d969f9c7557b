// Has devices and clients come and go: they ask, leave in mid-answer, vanish without a word, lose
// their keys, and hold every token that they get against the text that it must be.

import { setTimeout as sleep } from 'node:timers/promises';
import { PilotfishError } from '../../src/base/error.js';
import { type Client, connect } from '../../src/device/index.js';
import { createScriptedEngine, type Engine } from '../../src/engine/index.js';
import type { Random } from '../../src/sim/random.js';
import { completion } from '../http-client.js';
import { helloFrame, openSocket, rawOpenFrame } from './raw-device.js';
import { checkText, schemeModes, type ToyText } from './toy-texts.js';
import type { TrialKeys } from './trial-keys.js';

/** What happened, counted. */
export const emptyTally = () => ({
  /** Answers read to their end, over WebSocket and over HTTP. */
  wholeCount: 0,
  httpWholeCount: 0,
  /** Answers that their reader left, or whose connection broke where nothing resumes. */
  leftCount: 0,
  httpLeftCount: 0,
  /** Connections that opened a session and vanished in its middle. */
  vanishedCount: 0,
  /** Answers that ended because their key was taken away. */
  revokedCount: 0,
  tokenCount: 0,
});
export type ChurnTally = ReturnType<typeof emptyTally>;

export interface Churn {
  /** Of the link to the server. */
  readonly port: number;
  readonly texts: readonly ToyText[];
  readonly keys: TrialKeys;
  readonly tally: ChurnTally;
  readonly isOver: () => boolean;
}

/** Longest rest between two visits. */
const restMs = 40;
const leaveShare = 0.3;
const answersMax = 4;

/** One device after another: a few answers each, the last sometimes left in the middle. */
export async function deviceChurn(churn: Churn, key: number, random: Random): Promise<void> {
  const engine = createScriptedEngine({ divergence: 0.3, slotCount: 2, contextLength: 512 });
  while (!churn.isOver()) {
    const client = await met(churn, key, engine, random);
    if (client === null) break;
    try {
      for (let left = 1 + random.below(answersMax); left > 0; left--) {
        await answer(churn, client, random);
      }
    } finally {
      await client.close();
    }
    await sleep(restMs * random.next());
  }
  await engine.close();
}

/** Dials until the server is met. @returns null: it is all over. */
async function met(
  { port, keys, isOver }: Churn,
  key: number,
  engine: Engine,
  random: Random,
): Promise<Client | null> {
  const url = `ws://127.0.0.1:${port}`;
  const kind = random.pick(['engine', 'engine', 'suffix', 'none'] as const);
  const drafter = kind === 'engine' ? ({ kind, engine } as const) : ({ kind } as const);
  while (!isOver()) {
    try {
      return await connect({ url, key: keys.tokenOf(key), drafter, fallback: 'wait' });
    } catch (reason) {
      if (!isLost(reason)) throw reason;
      await sleep(restMs);
    }
  }
  return null;
}

/** The link broke too early, or the key is gone. */
const isLost = (reason: unknown): boolean =>
  reason instanceof PilotfishError &&
  (reason.code === 'server-unreachable' || reason.code === 'server-refused');

async function answer(churn: Churn, client: Client, random: Random): Promise<void> {
  const { tally, texts } = churn;
  const { scheme, mode } = random.pick(schemeModes);
  // What chance has no part in is told by its text, whatever the scheme.
  const isGreedy = scheme !== 'coupled';
  const half = texts.length / 2;
  const text = texts[random.below(half) + (isGreedy ? half : 0)]!;
  const { tokensMax } = text.request;
  const leavesAt = random.next() < leaveShare ? random.below(tokensMax) : Infinity;
  const tokens: number[] = [];
  try {
    for await (const piece of client.generate({ ...text.request, scheme, mode })) {
      if (piece.kind === 'token') tokens.push(piece.token);
      if (tokens.length >= leavesAt) break;
    }
  } catch (reason) {
    if (!isLost(reason)) throw reason;
    tally.revokedCount++;
    checkText(tokens, text, false);
    return;
  }
  checkText(tokens, text, leavesAt === Infinity);
  tally.tokenCount += tokens.length;
  if (leavesAt === Infinity) tally.wholeCount++;
  else tally.leftCount++;
}

/** One request after another, whole or as events, some left, some broken by the link. */
export async function httpChurn(churn: Churn, key: number, random: Random): Promise<void> {
  const { port, keys, texts, tally } = churn;
  while (!churn.isOver()) {
    const text = random.pick(texts);
    const leavesAt = random.next() < leaveShare ? random.below(text.text.length) : Infinity;
    const asked = { port, key: keys.tokenOf(key), isStream: random.next() < 0.7, leavesAt };
    const got = await completion(text.request, asked);
    checkText(got.text, text, got.isWhole);
    tally.tokenCount += got.tokenCount;
    if (got.isWhole) tally.httpWholeCount++;
    else tally.httpLeftCount++;
    await sleep(restMs * random.next());
  }
}

/** Connections that open a session and are gone in its middle, without a word. */
export async function vanishingChurn(churn: Churn, key: number, random: Random): Promise<void> {
  const { port, keys, tally, isOver } = churn;
  while (!isOver()) {
    const socket = await openSocket(port, { key: keys.tokenOf(key) });
    socket?.send(helloFrame());
    socket?.send(rawOpenFrame(0));
    await sleep(100 * random.next());
    socket?.terminate();
    if (socket !== null) tally.vanishedCount++;
    await sleep(5 * restMs * random.next());
  }
}

/** Takes a key away every few seconds and gives its device another. */
export async function revoking({ keys, isOver }: Churn, key: number, everyMs: number) {
  while (!isOver()) {
    await sleep(everyMs);
    keys.replace(key);
  }
}
