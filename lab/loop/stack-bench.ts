// What the stack costs around a model that costs almost nothing: verified rounds a second through device core, WebSocket,
// server core and back, in units of a bare echo with frames of the same sizes over as many connections. Both sides have
// one process for the server and one for all devices.

import { type ServerHandle, startServerProcess } from '../../src/cli/demo/server-handle.js';
import type { Client } from '../../src/device/index.js';
import { createScriptedEngine } from '../../src/engine/index.js';
import { bannedEnd } from '../../src/engine/scripted-vocabulary.js';
import type { Sampling } from '../../src/math/sampling.js';
import { median, medianInterval } from '../../src/math/statistics.js';
import { type Scheme, schemes } from '../../src/protocol/frame.js';
import { echoRounds } from './echo.js';
import { startEchoProcess } from './echo-handle.js';
import { connectDevice, type TimedAnswer, write } from './fleet.js';
import { record } from './recording.js';
import { replayDrafter } from './replay-drafter.js';

export interface StackRow {
  readonly scheme: Scheme;
  readonly connections: number;
  /** Speed in units of the echo's: median over turns with its interval. */
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
  readonly turns: number;
  /** Of the shared machine, for scale only. */
  readonly roundsPerSecond: number;
  readonly serverMicrosPerRound: number;
  readonly echoMicrosPerRound: number;
  /** For each committed token, frames of opening and closing included. */
  readonly messagesUpPerToken: number;
  readonly messagesDownPerToken: number;
  readonly bytesUpPerToken: number;
  readonly bytesDownPerToken: number;
  readonly acceptanceRate: number | null;
}

/** Rounds a second that the stack keeps of a bare echo. */
export const stackAtLeast = 0.35;

const connections = 8;
const draftLength = 4;
const tokensMax = 1000;
const answersPerTurn = 3;
const slotCount = connections;
const contextLength = 1024;

const samplingOf = (scheme: Scheme): Sampling => ({
  ...bannedEnd,
  temperature: scheme === 'greedy' ? 0 : 1,
});

export async function benchStack(
  turns: number,
  onRow: (row: StackRow) => void,
  only: readonly Scheme[] = schemes,
): Promise<StackRow[]> {
  const server = await startServerProcess({ kind: 'scripted', slotCount, contextLength });
  const url = `ws://127.0.0.1:${server.port}`;
  const rows: StackRow[] = [];
  for (const scheme of only) {
    const devices = await Promise.all(
      Array.from({ length: connections }, (_, index) => connectToy(url, scheme, index)),
    );
    rows.push(await benchScheme(server, devices, scheme, turns));
    onRow(rows.at(-1)!);
    for (const device of devices) await device.close();
  }
  await server.stop();
  return rows;
}

const promptOf = (index: number): Int32Array => Int32Array.of(0, 3, 2 + index);

/** A device that drafts by replay where the scheme allows it, so that drafting costs nothing; else with the toy. */
async function connectToy(url: string, scheme: Scheme, index: number): Promise<Client> {
  const engine = createScriptedEngine({ divergence: 0.3, slotCount: 1, contextLength });
  const { vocabulary } = engine.info;
  if (scheme !== 'greedy' && scheme !== 'coupled') {
    return connectDevice(url, vocabulary, { kind: 'engine', engine });
  }
  const target = createScriptedEngine({ slotCount: 1, contextLength });
  const [prompt, sampling] = [promptOf(index), samplingOf(scheme)];
  const job = { prompt, seed: BigInt(index), scheme, sampling, tokenCount: tokensMax };
  const make = replayDrafter([await record(target, engine, job)], 0, contextLength);
  return connectDevice(url, vocabulary, { kind: 'custom', make, contextLength });
}

interface Round {
  readonly written: readonly TimedAnswer[];
  readonly ms: number;
  readonly serverMs: number;
}

async function benchScheme(
  server: ServerHandle,
  devices: readonly Client[],
  scheme: Scheme,
  turns: number,
): Promise<StackRow> {
  const first = await playRounds(server, devices, scheme);
  const { rounds, up, down } = sizesOf(first.written);
  const echo = await startEchoProcess(down);
  await echoRounds(echo.ready.port, connections, up, rounds);
  const ratios: number[] = [];
  const speeds: number[] = [];
  const serverMicros: number[] = [];
  const echoMicros: number[] = [];
  for (let turn = 1; turn <= turns; turn++) {
    const echoCpuMs = (await echo.ask('report')).cpuMs;
    const early =
      turn % 2 === 0 ? await echoRounds(echo.ready.port, connections, up, rounds) : null;
    const result = await playRounds(server, devices, scheme);
    const echoMs = early ?? (await echoRounds(echo.ready.port, connections, up, rounds));
    const resultRounds = sizesOf(result.written).rounds;
    ratios.push(resultRounds / result.ms / (rounds / echoMs));
    speeds.push((1000 * resultRounds) / result.ms);
    serverMicros.push((1000 * result.serverMs) / resultRounds);
    echoMicros.push((1000 * ((await echo.ask('report')).cpuMs - echoCpuMs)) / rounds);
  }
  await echo.stop();
  return {
    scheme,
    connections,
    ratio: median(ratios),
    ...medianInterval(ratios),
    turns,
    roundsPerSecond: median(speeds),
    serverMicrosPerRound: median(serverMicros),
    echoMicrosPerRound: median(echoMicros),
    ...perToken(first.written),
  };
}

/** Answers on every device at once, several one after another. */
async function playRounds(
  server: ServerHandle,
  devices: readonly Client[],
  scheme: Scheme,
): Promise<Round> {
  const before = (await server.report()).cpuMs;
  const startedMs = performance.now();
  const written: TimedAnswer[] = [];
  const play = async (device: Client, index: number): Promise<void> => {
    for (let answer = 0; answer < answersPerTurn; answer++) {
      const task = {
        prompt: promptOf(index),
        seed: BigInt(index),
        sampling: samplingOf(scheme),
        stopRule: { kind: 'fixed', draftLengthMax: draftLength },
      } as const;
      written.push(await write(device, { ...task, scheme, mode: 'stop-and-wait', tokensMax }));
    }
  };
  await Promise.all(devices.map(play));
  const ms = performance.now() - startedMs;
  return { written, ms, serverMs: (await server.report()).cpuMs - before };
}

/** Rounds played, and the mean sizes of what went up and down in one, in bytes. */
function sizesOf(written: readonly TimedAnswer[]): { rounds: number; up: number; down: number } {
  const total = totalOf(written);
  return {
    rounds: total.verdictCount,
    up: Math.round(total.upBytes / total.upMessageCount),
    down: Math.round(total.downBytes / total.downMessageCount),
  };
}

function perToken(written: readonly TimedAnswer[]) {
  const total = totalOf(written);
  const share = (count: number): number => count / total.tokenCount;
  return {
    messagesUpPerToken: share(total.upMessageCount),
    messagesDownPerToken: share(total.downMessageCount),
    bytesUpPerToken: share(total.upBytes),
    bytesDownPerToken: share(total.downBytes),
    acceptanceRate: total.testedCount === 0 ? null : total.acceptedCount / total.testedCount,
  };
}

const summed = [
  'tokenCount',
  'verdictCount',
  'acceptedCount',
  'testedCount',
  'upMessageCount',
  'downMessageCount',
  'upBytes',
  'downBytes',
] as const;

function totalOf(written: readonly TimedAnswer[]): Record<(typeof summed)[number], number> {
  const sum = (name: (typeof summed)[number]): number =>
    written.reduce((total, { statistics }) => total + statistics[name], 0);
  return Object.fromEntries(summed.map((name) => [name, sum(name)])) as ReturnType<typeof totalOf>;
}
