// What a storm of bad clients leaves behind on a server process: nothing. Real sockets from this process: slow headers,
// silence, reconnections, floods of opens, messages beyond every limit; an honest device asks the same all the while.

import { connect as connectSocket, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { assert } from '../../base/assert.js';
import { type Client, connect } from '../../device/index.js';
import { bannedEnd } from '../../engine/scripted-vocabulary.js';
import { limits } from '../../protocol/limits.js';
import { exact } from '../report/estimate.js';
import type { Experiment, ExperimentContext } from '../report/experiment.js';
import type { Findings, Row } from '../report/result.js';
import { helloFrame, openFrame, openSocket } from './raw-device.js';
import { startTrialServer, type TrialServer } from './trial-server.js';

const honestTokens = 40;
/** Memory that the process may have grown by in the end: what garbage collection leaves of buffers that are free. */
const growthMiBMax = 128;
const restMs = 30_000;

const spec = {
  ...{ slotCount: 8, contextLength: 512, passMs: 0, resumeMs: 500, silenceMs: 60_000 },
  ...{ keysPath: null, tls: null },
} as const;

interface Attack {
  readonly name: string;
  readonly count: number;
  readonly run: (port: number, count: number) => Promise<void>;
}

export const stormTrial: Experiment = {
  id: 'storm',
  title: 'A storm of bad clients',
  question: 'What do clients that misbehave in every way leave behind on a server?',
  minutes: 2,
  run: async (context) => findingsOf(await play(context)),
};

const attacks: readonly Attack[] = [
  { name: 'slow headers', count: 300, run: slowHeaders },
  { name: 'connections without a word', count: 300, run: silent },
  { name: 'upgrades without a greeting', count: 300, run: ungreeted },
  { name: 'reconnections that open and vanish', count: 500, run: vanishing },
  { name: 'opens on one connection', count: 5_000, run: openFlood },
  { name: 'messages of 16 MiB', count: 20, run: giants },
];

/** What the process holds. */
interface Holding {
  readonly residentMiB: number;
  /** Open files and sockets; null where the system does not tell. */
  readonly handleCount: number | null;
  readonly connectionCount: number;
  readonly sessionCount: number;
  readonly slotCount: number;
}

interface Weathered {
  readonly attack: Attack;
  readonly seconds: number;
  readonly honestCount: number;
  readonly honestWorstMs: number;
  readonly after: Holding;
}

interface Storm {
  readonly before: Holding;
  readonly weathered: readonly Weathered[];
}

async function play({ isQuick, note, signal }: ExperimentContext): Promise<Storm> {
  const server = await startTrialServer(spec);
  const client = await connect({
    url: `ws://127.0.0.1:${server.port}`,
    drafter: { kind: 'none' },
    fallback: 'wait',
  });
  try {
    const text = await ask(client);
    const before = await holdingOf(server);
    const weathered: Weathered[] = [];
    for (const attack of attacks) {
      if (signal.aborted) break;
      const scaled = { ...attack, count: isQuick ? Math.ceil(attack.count / 10) : attack.count };
      weathered.push(await weather(server, client, text, scaled, before));
      note(`${scaled.count} ${attack.name}`);
    }
    return { before, weathered };
  } finally {
    await client.close();
    await server.stop();
  }
}

async function ask(client: Client): Promise<string> {
  const prompt = {
    ids: Int32Array.of(0, 3, 5),
    sampling: bannedEnd,
    seed: 7n,
    tokensMax: honestTokens,
  };
  return (await client.generate(prompt).result).tokens.join(' ');
}

/** One attack, with an honest device beside it that must get its text every time. */
async function weather(
  server: TrialServer,
  client: Client,
  text: string,
  attack: Attack,
  before: Holding,
): Promise<Weathered> {
  const startedMs = performance.now();
  let isOver = false;
  const attacking = attack.run(server.port, attack.count).finally(() => {
    isOver = true;
  });
  const tookMs: number[] = [];
  do {
    const askedMs = performance.now();
    assert((await ask(client)) === text, `another text beside ${attack.name}`);
    tookMs.push(performance.now() - askedMs);
    await sleep(20);
  } while (!isOver);
  await attacking;
  const seconds = (performance.now() - startedMs) / 1000;
  const after = await restored(server, attack.name, before);
  return { attack, seconds, honestCount: tookMs.length, honestWorstMs: Math.max(...tookMs), after };
}

/** Waits until all is as it was, or says what is left. */
async function restored(server: TrialServer, name: string, before: Holding): Promise<Holding> {
  const untilMs = performance.now() + restMs;
  for (;;) {
    const now = await holdingOf(server);
    const isClean =
      now.connectionCount === before.connectionCount &&
      now.sessionCount <= before.sessionCount &&
      now.slotCount <= before.slotCount &&
      (now.handleCount ?? 0) <= (before.handleCount ?? 0);
    if (isClean && now.residentMiB - before.residentMiB < growthMiBMax) return now;
    const left = JSON.stringify({ before, now });
    assert(performance.now() < untilMs, `${name} left something behind: ${left}`);
    await sleep(200);
  }
}

async function holdingOf(server: TrialServer): Promise<Holding> {
  const { residentBytes, handleCount, core } = await server.holding(false);
  const { connectionCount, sessionCount, slotsOwned: slotCount } = core;
  return {
    residentMiB: residentBytes / 2 ** 20,
    handleCount,
    connectionCount,
    sessionCount,
    slotCount,
  };
}

const rawSocket = (port: number): Socket =>
  connectSocket(port, '127.0.0.1').on('error', () => undefined);

async function holdThenDrop(sockets: readonly Socket[], ms: number): Promise<void> {
  await sleep(ms);
  for (const socket of sockets) socket.destroy();
}

async function slowHeaders(port: number, count: number): Promise<void> {
  const sockets = Array.from({ length: count }, () => rawSocket(port));
  for (const socket of sockets) socket.write('GET /stats HTTP/1.1\r\nHost: localhost\r\nX-A: ');
  for (let turn = 0; turn < 10; turn++) {
    await sleep(200);
    for (const socket of sockets) if (!socket.destroyed) socket.write('a');
  }
  await holdThenDrop(sockets, 0);
}

async function silent(port: number, count: number): Promise<void> {
  await holdThenDrop(
    Array.from({ length: count }, () => rawSocket(port)),
    2_000,
  );
}

async function ungreeted(port: number, count: number): Promise<void> {
  const sockets = await Promise.all(Array.from({ length: count }, () => openSocket(port)));
  await sleep(1_000);
  for (const socket of sockets) socket?.terminate();
}

async function vanishing(port: number, count: number): Promise<void> {
  for (let done = 0; done < count; done += 25) {
    const wave = Array.from({ length: Math.min(25, count - done) }, async () => {
      const socket = await openSocket(port);
      socket?.send(helloFrame());
      socket?.send(openFrame(0));
      await sleep(20);
      socket?.terminate();
    });
    await Promise.all(wave);
  }
}

async function openFlood(port: number, count: number): Promise<void> {
  const socket = await openSocket(port);
  socket?.send(helloFrame());
  for (let session = 0; session < count; session++) socket?.send(openFrame(session));
  await sleep(1_000);
  socket?.terminate();
}

async function giants(port: number, count: number): Promise<void> {
  const giant = new Uint8Array(2 * limits.frameBytes.value);
  for (let index = 0; index < count; index++) {
    const socket = await openSocket(port);
    // Every second one is no stranger: it may send frames, though none so long.
    if (index % 2 === 0) socket?.send(helloFrame());
    socket?.send(giant);
    await sleep(100);
    socket?.terminate();
  }
}

function findingsOf({ before, weathered }: Storm): Findings {
  const rowOf = (name: string, count: number, holding: Holding, rest: (number | null)[]): Row => ({
    keys: [name, count],
    values: [
      ...rest.map((value) => (value === null ? null : exact(value))),
      exact(holding.residentMiB),
      holding.handleCount === null ? null : exact(holding.handleCount),
      exact(holding.sessionCount),
      exact(holding.slotCount),
    ],
  });
  const rows = weathered.map(({ attack, seconds, honestCount, honestWorstMs, after }) =>
    rowOf(attack.name, attack.count, after, [seconds, honestCount, honestWorstMs]),
  );
  const total = weathered.reduce((sum, { attack }) => sum + attack.count, 0);
  return {
    claims: [
      {
        id: 'nothing-left',
        text: `After ${total} attacks of ${weathered.length} kinds the server holds no more connections, sessions, slots and handles than before; an honest device beside them got its text every time.`,
      },
    ],
    setUp: [
      {
        part: 'server',
        what: 'a process of its own with the shipped server and 8 slots of the scripted engine, whose passes take no time; sessions outlive their connection for half a second',
        isEmulated: true,
      },
    ],
    tables: [
      {
        id: 'storm',
        title: 'What is left after each attack',
        keys: [
          { name: 'attack', title: 'attack', unit: '' },
          { name: 'count', title: 'times', unit: '' },
        ],
        values: [
          { name: 'seconds', title: 'lasted', unit: 's', origin: 'measured' },
          { name: 'honest', title: 'honest answers beside it', unit: '', origin: 'measured' },
          { name: 'worst', title: 'the slowest', unit: 'ms', origin: 'measured' },
          { name: 'resident', title: 'memory after', unit: 'MiB', origin: 'measured' },
          { name: 'handles', title: 'handles', unit: '', origin: 'measured' },
          { name: 'sessions', title: 'sessions', unit: '', origin: 'measured' },
          { name: 'slots', title: 'slots', unit: '', origin: 'measured' },
        ],
        rows: [rowOf('none', 0, before, [null, null, null]), ...rows],
        isShown: true,
      },
    ],
    plots: [],
    papers: [],
    notes: ['The run ends with an error where anything is left 30 seconds after an attack.'],
  };
}
