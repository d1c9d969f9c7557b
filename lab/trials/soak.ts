// A server process under churn for twenty minutes: devices come, ask, lose their links in mid-answer, resume, leave in
// mid-answer, vanish, lose their keys, over WebSocket and HTTP. Its memory must stay flat, and no committed token may be
// lost or repeated.

import { setTimeout as sleep } from 'node:timers/promises';
import { assert } from '../../src/base/assert.js';
import { PilotfishError } from '../../src/base/error.js';
import { Random } from '../../src/sim/random.js';
import type { Experiment, ExperimentContext } from '../report/experiment.js';
import { figure } from '../report/figures.js';
import { type BreakingLink, breakingLink } from './breaking-link.js';
import {
  type Churn,
  type ChurnTally,
  deviceChurn,
  emptyTally,
  httpChurn,
  revoking,
  vanishingChurn,
} from './churn.js';
import { checkFlat, type MemorySample, type SoakResult, soakFindings } from './soak-findings.js';
import { toyTexts } from './toy-texts.js';
import { TrialKeys } from './trial-keys.js';
import { startTrialServer, type TrialServer } from './trial-server.js';

const minutesDefault = 20;
const minutesQuick = 1;
const textCount = 16;
const tokensMax = 160;
const sampleMs = 5_000;
/** Every sixth look, so every half minute, is behind a garbage collection: often enough to see, too seldom to change much. */
const collectEvery = 6;
const cutEveryMs = 250;
const cutShare = 0.04;
const revokeEveryMs = 15_000;
/** How many of each come and go at a time. */
export const soakLoad = { devices: 8, clients: 4, vanishing: 1 } as const;
/** What a session outlives its connection by. */
const resumeMs = 2_000;
const spec = {
  ...{ slotCount: 4, contextLength: 512, passMs: 2, resumeMs, silenceMs: 30_000, tls: null },
} as const;

export const soakTrial: Experiment = {
  id: 'soak',
  title: 'Twenty minutes of churn',
  question: 'Does a server grow, or a text change, while devices come and go and links break?',
  minutes: 21,
  takesMinutes: true,
  run: async (context) => soakFindings(await play(context), soakLoad),
};

async function play({
  isQuick,
  minutes,
  seed,
  note,
  signal,
}: ExperimentContext): Promise<SoakResult> {
  const lastMinutes = minutes ?? (isQuick ? minutesQuick : minutesDefault);
  // A key for the reference, and one for each of the crowd: that of the first device is taken away again and again.
  const keys = new TrialKeys(1 + soakLoad.devices + soakLoad.clients + soakLoad.vanishing);
  const server = await startTrialServer({ ...spec, keysPath: keys.path });
  const link = await breakingLink(server.port);
  const tally = emptyTally();
  try {
    const url = `ws://127.0.0.1:${server.port}`;
    const texts = await toyTexts(url, keys.tokenOf(0), textCount, tokensMax);
    const endMs = performance.now() + lastMinutes * 60_000;
    const isOver = (): boolean => signal.aborted || performance.now() >= endMs;
    const crowding = startLoad({ port: link.port, texts, keys, tally, isOver }, seed);
    const cutting = cutNowAndThen(link, new Random(seed, 'cuts'), isOver);
    const looking = look(server, tally, isOver, (sample) => note(sampleLine(sample)));
    const [samples, cutCount] = await Promise.all([looking, cutting, ...crowding]);
    if (signal.aborted) throw new PilotfishError('cancelled', 'the soak was stopped');
    const left = await rest(server);
    checkFlat(samples);
    return { samples, tally, cutCount, left };
  } finally {
    await link.close();
    await server.stop();
    keys.remove();
  }
}

function startLoad(churn: Churn, seed: number): Promise<void>[] {
  let key = 1;
  const each = (
    count: number,
    play: (churn: Churn, key: number, random: Random) => Promise<void>,
  ): Promise<void>[] =>
    Array.from({ length: count }, () => play(churn, key, new Random(seed, 'churn', key++)));
  return [
    ...each(soakLoad.devices, deviceChurn),
    ...each(soakLoad.clients, httpChurn),
    ...each(soakLoad.vanishing, vanishingChurn),
    revoking(churn, 1, revokeEveryMs),
  ];
}

/** @returns how many connections it broke. */
async function cutNowAndThen(
  link: BreakingLink,
  random: Random,
  isOver: () => boolean,
): Promise<number> {
  let count = 0;
  while (!isOver()) {
    await sleep(cutEveryMs);
    count += link.cut(() => random.next() < cutShare);
  }
  return count;
}

async function look(
  server: TrialServer,
  tally: ChurnTally,
  isOver: () => boolean,
  tell: (sample: MemorySample) => void,
): Promise<MemorySample[]> {
  const samples: MemorySample[] = [];
  const startedMs = performance.now();
  for (let index = 1; !isOver(); index++) {
    await sleep(sampleMs);
    const holding = await server.holding(index % collectEvery === 0);
    const minute = (performance.now() - startedMs) / 60_000;
    const answerCount =
      tally.wholeCount + tally.leftCount + tally.httpWholeCount + tally.httpLeftCount;
    samples.push({ minute, answerCount, holding });
    if (index % (2 * collectEvery) === 0) tell(samples.at(-1)!);
  }
  return samples;
}

const MiB = 2 ** 20;

const sampleLine = ({ minute, answerCount, holding }: MemorySample): string =>
  `${figure(minute)} min, ${figure(answerCount)} answers, ${figure(holding.residentBytes / MiB)} MiB resident, ` +
  `${figure((holding.heapBytes ?? 0) / MiB)} MiB of live objects`;

/** What is left once nobody is there and every session's time is over: nothing, or the trial ends with an error. */
async function rest(server: TrialServer): Promise<SoakResult['left']> {
  const untilMs = performance.now() + 10 * resumeMs;
  for (;;) {
    const { core, requestCount } = await server.holding(true);
    const { sessionCount, connectionCount, slotsOwned, images } = core;
    const left = { sessionCount, connectionCount, slotsOwned, requestCount, images: images.count };
    if (Object.values(left).every((count) => count === 0)) return left;
    assert(performance.now() < untilMs, `the crowd left something behind: ${JSON.stringify(left)}`);
    await sleep(200);
  }
}
