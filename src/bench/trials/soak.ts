// A server process under churn for twenty minutes: devices come, ask, lose their links in mid-answer, resume, leave in
// mid-answer, come again. Its memory must stay flat, and no committed token may be lost or repeated.

import { once } from 'node:events';
import { type AddressInfo, connect as connectSocket, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { assert } from '../../base/assert.js';
import { type Client, connect, PilotfishError, plainSampling } from '../../device/index.js';
import { noiseKey, uniform } from '../../math/noise.js';
import { type ServerHandle, startServerProcess } from '../loop/server-handle.js';
import { exact } from '../report/estimate.js';
import type { Experiment, ExperimentContext } from '../report/experiment.js';
import { figure } from '../report/figures.js';
import type { Findings } from '../report/result.js';
import { slopeOf } from './slope.js';

const minutesOf = (isQuick: boolean): number => (isQuick ? 2 : 20);
const deviceCount = 8;
const textCount = 16;
const tokensMax = 160;
const sampleMs = 5_000;
/** Of the time, in which caches and compiled code still grow. */
const warmShare = 0.25;

const sampling = { ...plainSampling, logitBias: new Map([[1, -Infinity]]) };

export const soakTrial: Experiment = {
  id: 'soak',
  title: 'Twenty minutes of churn',
  question: 'Does a server grow, or a text change, while devices come and go and links break?',
  minutes: 21,
  run: async (context) => findingsOf(await play(context)),
};

interface Sample {
  readonly minute: number;
  readonly residentMiB: number;
  readonly sessionCount: number;
}

interface Tally {
  wholeCount: number;
  leftCount: number;
  tokenCount: number;
  cutCount: number;
}

interface Soaked {
  readonly samples: readonly Sample[];
  readonly tally: Tally;
}

async function play({ isQuick, seed, note, signal }: ExperimentContext): Promise<Soaked> {
  const spec = { kind: 'scripted', slotCount: 4, contextLength: 512, resumeMs: 2_000 } as const;
  const server = await startServerProcess(spec);
  const tally: Tally = { wholeCount: 0, leftCount: 0, tokenCount: 0, cutCount: 0 };
  const link = await breakingLink(server.port, tally, dice(seed, 0));
  try {
    const texts = await referenceTexts(server.port);
    const endMs = performance.now() + minutesOf(isQuick) * 60_000;
    const isOver = (): boolean => signal.aborted || performance.now() >= endMs;
    const devices = Array.from({ length: deviceCount }, (_, index) =>
      churn(link.port, texts, tally, dice(seed, index + 1), isOver),
    );
    const samples = await sampled(server, isOver, (sample) =>
      note(`${figure(sample.minute)} min, ${figure(sample.residentMiB)} MiB`),
    );
    await Promise.all(devices);
    return { samples, tally };
  } finally {
    link.close();
    await server.stop();
  }
}

type Dice = () => number;

function dice(seed: number, stream: number): Dice {
  const key = noiseKey(BigInt(seed), 'accept');
  let count = 0;
  return () => uniform(key, stream, count++);
}

const requestOf = (index: number) => ({
  ids: Int32Array.of(0, 2 + (index % 14), 3 + (index % 13), 5),
  sampling,
  seed: BigInt(index),
  tokensMax,
});

/** What the target writes when nothing breaks. */
async function referenceTexts(port: number): Promise<readonly (readonly number[])[]> {
  const url = `ws://127.0.0.1:${port}`;
  const client = await connect({ url, drafter: { kind: 'none' }, fallback: 'fail' });
  const texts: (readonly number[])[] = [];
  for (let index = 0; index < textCount; index++) {
    texts.push((await client.generate(requestOf(index)).result).tokens);
  }
  await client.close();
  return texts;
}

/** A link to the server that breaks for everybody every now and then. */
async function breakingLink(port: number, tally: Tally, roll: Dice) {
  const open = new Set<Socket>();
  const relay = createServer((near) => {
    const far = connectSocket(port, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from);
      from.on('error', () => undefined);
      from.on('close', () => {
        open.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  const timer = setInterval(() => {
    for (const socket of open) {
      if (roll() > 0.1) continue;
      tally.cutCount++;
      socket.destroy();
    }
  }, 250);
  const close = (): void => {
    clearInterval(timer);
    relay.close();
    for (const socket of open) socket.destroy();
  };
  return { port: (relay.address() as AddressInfo).port, close };
}

/** One device after another: a few answers each, the last of them sometimes left in the middle. */
async function churn(
  port: number,
  texts: readonly (readonly number[])[],
  tally: Tally,
  roll: Dice,
  isOver: () => boolean,
): Promise<void> {
  const url = `ws://127.0.0.1:${port}`;
  while (!isOver()) {
    const client = await met(url);
    try {
      for (let left = 1 + Math.floor(roll() * 4); left > 0; left--) {
        const index = Math.floor(roll() * textCount);
        const leavesAt = roll() < 0.3 ? Math.floor(roll() * tokensMax) : Infinity;
        const tokens: number[] = [];
        for await (const piece of client.generate(requestOf(index))) {
          if (piece.kind === 'token') tokens.push(piece.token);
          if (tokens.length >= leavesAt) break;
        }
        check(tokens, texts[index]!, leavesAt === Infinity);
        tally.tokenCount += tokens.length;
        if (leavesAt === Infinity) tally.wholeCount++;
        else tally.leftCount++;
      }
    } finally {
      await client.close();
    }
    // The scripted target takes no time: without a pause the run would measure this process.
    await sleep(20 * roll());
  }
}

/** Connects; a link that breaks before the server is met is dialled again. */
async function met(url: string): Promise<Client> {
  for (;;) {
    try {
      return await connect({ url, drafter: { kind: 'ngram' }, fallback: 'wait' });
    } catch (reason) {
      const isBroken = reason instanceof PilotfishError && reason.code === 'server-unreachable';
      if (!isBroken) throw reason;
    }
  }
}

function check(tokens: readonly number[], text: readonly number[], isWhole: boolean): void {
  const wanted = isWhole ? text : text.slice(0, tokens.length);
  const isSame = tokens.join() === wanted.join();
  assert(isSame, `a text of ${tokens.length} tokens is not the target's of ${wanted.length}`);
}

async function sampled(
  server: ServerHandle,
  isOver: () => boolean,
  tell: (sample: Sample) => void,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  const startedMs = performance.now();
  while (!isOver()) {
    await sleep(sampleMs);
    const { stats } = await server.report();
    const minute = (performance.now() - startedMs) / 60_000;
    const { core, process: memory } = stats!;
    const residentMiB = memory.residentBytes / 2 ** 20;
    samples.push({ minute, residentMiB, sessionCount: core.sessionCount });
    if (samples.length % 12 === 0) tell(samples.at(-1)!);
  }
  return samples;
}

function findingsOf({ samples, tally }: Soaked): Findings {
  const warm = samples.slice(Math.floor(samples.length * warmShare));
  const slope = slopeOf(
    warm.map(({ minute }) => minute),
    warm.map(({ residentMiB }) => residentMiB),
  );
  const { wholeCount, leftCount, tokenCount, cutCount } = tally;
  const minutes = samples.at(-1)!.minute;
  const range = `[${figure(slope.low)}, ${figure(slope.high)}]`;
  const value = (name: string, title: string, unit: string) =>
    ({ name, title, unit, origin: 'measured' }) as const;
  return {
    claims: [
      {
        id: 'flat',
        text:
          `In ${figure(minutes)} minutes of churn with ${wholeCount + leftCount} answers and ${cutCount} broken links, no ` +
          `committed token of ${tokenCount} was lost or repeated; the server's memory grew by ${figure(slope.value)} MiB a minute, ${range}.`,
      },
    ],
    setUp: [
      {
        part: 'server',
        what: 'a process of its own with the shipped server and 4 slots of the scripted engine, whose passes take no time; sessions outlive their connection for two seconds',
        isEmulated: true,
      },
      {
        part: 'devices',
        what: `${deviceCount} at a time, which draft from their own text; one link in ten breaks every quarter of a second; three answers in ten are left in the middle`,
        isEmulated: true,
      },
    ],
    tables: [
      {
        id: 'soak',
        title: 'Twenty minutes of churn',
        keys: [{ name: 'devices', title: 'devices at a time', unit: '' }],
        values: [
          value('minutes', 'lasted', 'min'),
          value('whole', 'answers', ''),
          value('left', 'left in the middle', ''),
          value('cuts', 'broken links', ''),
          value('tokens', 'tokens compared', ''),
          value('slope', 'memory', 'MiB/min'),
        ],
        rows: [
          {
            keys: [deviceCount],
            values: [...[minutes, wholeCount, leftCount, cutCount, tokenCount].map(exact), slope],
          },
        ],
        isShown: true,
      },
      {
        id: 'memory',
        title: 'Memory of the server',
        keys: [{ name: 'minute', title: 'after', unit: 'min' }],
        values: [value('resident', 'memory', 'MiB'), value('sessions', 'sessions', '')],
        rows: samples.map(({ minute, residentMiB, sessionCount }) => ({
          keys: [minute],
          values: [exact(residentMiB), exact(sessionCount)],
        })),
        isShown: false,
      },
    ],
    plots: [
      { id: 'memory', title: 'Memory of the server under churn', table: 'memory', spec: plotSpec },
    ],
    papers: [],
    notes: [
      'The slope is of the last three quarters of the run, by least squares; samples five seconds apart are not independent, so the interval is too narrow.',
      'A text that differs ends the run with an error.',
    ],
  };
}

const plotSpec = {
  width: 420,
  height: 200,
  mark: { type: 'line' },
  encoding: {
    x: { field: 'minute', type: 'quantitative', title: 'minutes' },
    y: { field: 'resident', type: 'quantitative', title: 'MiB', scale: { zero: true } },
  },
};
