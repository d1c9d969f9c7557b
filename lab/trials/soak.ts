// Keeps a server process under churn for twenty minutes, over WebSocket and HTTP. Its memory must
// stay flat, and no committed token may be lost or repeated.

import { setTimeout as sleep } from 'node:timers/promises';
import { PilotfishError } from '../../src/base/error.js';
import { Random } from '../../src/sim/random.js';
import type { Experiment, ExperimentContext } from '../report/experiment.js';
import { figure } from '../report/figures.js';
import type { Measured } from '../report/text.js';
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
import {
  bytesPerAnswerMax,
  checkFlat,
  liveMiB,
  rangeText,
  residentMiB,
  type Sample,
  slopesOf,
} from './memory-growth.js';
import { toyTexts } from './toy-texts.js';
import { TrialKeys } from './trial-keys.js';
import { startTrialServer, type TrialServer, untilRestored } from './trial-server.js';

const minutesDefault = 20;
const minutesQuick = 1;
const textCount = 16;
const tokensMax = 160;
const sampleMs = 5_000;
/** Every sixth look, so every half minute, is behind a garbage collection. */
const collectEvery = 6;
const cutEveryMs = 250;
const cutShare = 0.04;
const revokeEveryMs = 15_000;
/** How many of each come and go at a time. */
const soakLoad = { devices: 8, clients: 4, vanishing: 1 } as const;
/** How long a session outlives its connection. */
const resumeMs = 2_000;
const spec = {
  ...{ slotCount: 4, contextLength: 512, passMs: 2, resumeMs, silenceMs: 30_000, tls: null },
} as const;

export const soakTrial: Experiment = { id: 'soak', minutes: 21, takesMinutes: true, run };

async function run({ isQuick, minutes, seed, note, signal }: ExperimentContext): Promise<Measured> {
  const lastMinutes = minutes ?? (isQuick ? minutesQuick : minutesDefault);
  // A key for the reference, and one for each of the crowd: that of the first device is taken away
  // again and again.
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
    const left = await restOf(server);
    checkFlat(samples);
    return measuredOf(samples, tally, cutCount, left);
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
    visit: (churn: Churn, key: number, random: Random) => Promise<void>,
  ): Promise<void>[] =>
    Array.from({ length: count }, () => visit(churn, key, new Random(seed, 'churn', key++)));
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
  tell: (sample: Sample) => void,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  const startedMs = performance.now();
  for (let index = 1; !isOver(); index++) {
    await sleep(sampleMs);
    const holding = await server.holding(index % collectEvery === 0);
    const minute = (performance.now() - startedMs) / 60_000;
    const { wholeCount, leftCount, httpWholeCount, httpLeftCount } = tally;
    const answerCount = wholeCount + leftCount + httpWholeCount + httpLeftCount;
    samples.push({ minute, answerCount, holding });
    if (index % (2 * collectEvery) === 0) tell(samples.at(-1)!);
  }
  return samples;
}

const sampleLine = (sample: Sample): string =>
  `${figure(sample.minute)} min, ${figure(sample.answerCount)} answers, ${figure(residentMiB(sample))} MiB resident, ` +
  `${figure(liveMiB(sample) ?? 0)} MiB of live objects`;

/** Once all are gone and every session's time is over. @throws where something is left. */
async function restOf(server: TrialServer) {
  const none = { sessionCount: 0, connectionCount: 0, slotsOwned: 0, requestCount: 0, images: 0 };
  await untilRestored(
    'the crowd',
    () => server.holding(true),
    ({ core: { images, ...core }, requestCount }) => ({
      ...{ ...core, requestCount, images: images.waitingCount },
    }),
    none,
    10 * resumeMs,
  );
  return none;
}

function measuredOf(
  samples: readonly Sample[],
  tally: ChurnTally,
  cutCount: number,
  left: Readonly<Record<string, number>>,
): Measured {
  const { minute: minutes, answerCount } = samples.at(-1)!;
  const slopes = slopesOf(samples);
  const { live = null, resident = null, liveBytesPerAnswer = null } = slopes ?? {};
  const lastLive = samples.map(liveMiB).findLast((one) => one !== null) ?? null;
  return {
    values: {
      ...{ minutes: figure(minutes), answers: figure(answerCount), cuts: figure(cutCount) },
      ...{ tokens: figure(tally.tokenCount), crowd: soakLoad, bytesPerAnswerMax },
      left: Object.entries(left)
        .map(([name, count]) => `${name} ${count}`)
        .join(', '),
      live: {
        growth: liveBytesPerAnswer,
        range: liveBytesPerAnswer && rangeText(liveBytesPerAnswer),
      },
      resident: { growth: resident, range: resident && rangeText(resident) },
    },
    tables: {
      soak: tallyRows(minutes, tally, cutCount),
      growth: [
        {
          ...{ memory: 'live objects and buffers', last: lastLive },
          ...{ slope: live, each: liveBytesPerAnswer },
        },
        { memory: 'resident', last: residentMiB(samples.at(-1)!), slope: resident, each: null },
      ],
      memory: samples.map((sample) => ({
        ...{ minute: sample.minute, resident: residentMiB(sample), live: liveMiB(sample) },
        sessions: sample.holding.core.sessionCount,
      })),
    },
  };
}

function tallyRows(minutes: number, tally: ChurnTally, cuts: number) {
  const { wholeCount, leftCount, httpWholeCount, httpLeftCount } = tally;
  const { vanishedCount: vanished, revokedCount: revoked, tokenCount: tokens } = tally;
  const apart = { minutes, cuts: null, vanished: null, revoked: null, tokens: null };
  return [
    { over: 'WebSocket', ...apart, whole: wholeCount, left: leftCount },
    { over: 'HTTP', ...apart, whole: httpWholeCount, left: httpLeftCount },
    {
      ...{ over: 'both', whole: wholeCount + httpWholeCount, left: leftCount + httpLeftCount },
      ...{ minutes, cuts, vanished, revoked, tokens },
    },
  ];
}
