// Times verified rounds through device core, WebSocket and server core around a model that costs
// almost nothing, in units of a bare echo with frames of the same sizes.

import type { Client } from '../../src/device/index.js';
import { createScriptedEngine } from '../../src/engine/index.js';
import { bannedEnd } from '../../src/engine/scripted-vocabulary.js';
import { medianEstimate } from '../../src/math/estimate.js';
import type { Sampling } from '../../src/math/sampling.js';
import { median } from '../../src/math/statistics.js';
import { type Scheme, schemes } from '../../src/protocol/frame.js';
import { inTurn, type OnRow, runPairs } from '../paired.js';
import { echoRounds, startSide } from './echo.js';
import { summed, type TimedAnswer, write } from './fleet.js';
import { LoopFixture } from './loop-fixture.js';
import { record } from './recording.js';
import { replayDrafter } from './replay-drafter.js';

const connections = 8;
const draftLength = 4;
const tokensMax = 1000;
const answersPerTurn = 3;
const contextLength = 1024;

const samplingOf = (scheme: Scheme): Sampling => ({
  ...bannedEnd,
  temperature: scheme === 'greedy' ? 0 : 1,
});

export async function benchStack(turns: number, onRow: OnRow, only: readonly Scheme[] = schemes) {
  const spec = { kind: 'scripted', slotCount: connections, contextLength } as const;
  const loop = await LoopFixture.open(spec, createScriptedEngine().info.vocabulary, null);
  const benchOne = async (scheme: Scheme) => {
    const devices = await Promise.all(
      Array.from({ length: connections }, (_, index) => connectToy(loop, scheme, index)),
    );
    const row = await benchScheme(loop, devices, scheme, turns);
    await loop.disconnect();
    return row;
  };
  const rows = await inTurn(only, benchOne, onRow);
  await loop.close();
  return rows;
}

const promptOf = (index: number): Int32Array => Int32Array.of(0, 3, 2 + index);

/** Drafts by replay where the scheme allows it, so that drafting costs nothing. */
async function connectToy(loop: LoopFixture, scheme: Scheme, index: number): Promise<Client> {
  const engine = createScriptedEngine({ divergence: 0.3, slotCount: 1, contextLength });
  if (scheme !== 'greedy' && scheme !== 'coupled') return loop.connect({ kind: 'engine', engine });
  const target = createScriptedEngine({ slotCount: 1, contextLength });
  const [prompt, sampling] = [promptOf(index), samplingOf(scheme)];
  const job = { prompt, seed: BigInt(index), scheme, sampling, tokenCount: tokensMax };
  return loop.connect(replayDrafter([await record(target, engine, job)], 0, contextLength));
}

async function benchScheme(
  loop: LoopFixture,
  devices: readonly Client[],
  scheme: Scheme,
  turns: number,
) {
  const first = summed((await runRounds(loop, devices, scheme)).written);
  const up = Math.round(first.upBytes / first.upMessageCount);
  const down = Math.round(first.downBytes / first.downMessageCount);
  const rounds = first.verdictCount;
  const echo = await startSide({ kind: 'echo', replyBytes: down });
  const echoed = async (): Promise<Timed> => {
    const before = (await echo.ask('cpu')).cpuMs;
    const ms = await echoRounds(echo.ready.port, connections, up, rounds);
    return { rounds, ms, cpuMs: (await echo.ask('cpu')).cpuMs - before };
  };
  await echoed();
  const pairs = await runPairs({
    turns,
    baseline: echoed,
    subject: () => runRounds(loop, devices, scheme),
  });
  await echo.stop();
  const speedOf = ({ rounds: count, ms }: Timed): number => count / ms;
  const micros = ({ cpuMs, rounds: count }: Timed): number => (1000 * cpuMs) / count;
  const perToken = (count: number): number => count / first.tokenCount;
  return {
    scheme,
    /** Speed in units of the echo's. */
    ratio: medianEstimate(
      pairs.map(({ baseline, subject }) => speedOf(subject) / speedOf(baseline)),
    ),
    serverMicros: median(pairs.map(({ subject }) => micros(subject))),
    echoMicros: median(pairs.map(({ baseline }) => micros(baseline))),
    // Frames of opening and closing included.
    messages: perToken(first.upMessageCount + first.downMessageCount),
    bytesUp: perToken(first.upBytes),
    bytesDown: perToken(first.downBytes),
    accepted: first.testedCount === 0 ? null : first.acceptedCount / first.testedCount,
  };
}

interface Timed {
  readonly rounds: number;
  readonly ms: number;
  /** Processor time of the server. */
  readonly cpuMs: number;
}

/** Answers on every device at once, several one after another. */
async function runRounds(
  { server }: LoopFixture,
  devices: readonly Client[],
  scheme: Scheme,
): Promise<Timed & { readonly written: readonly TimedAnswer[] }> {
  const before = (await server.report()).cpuMs;
  const startedMs = performance.now();
  const written: TimedAnswer[] = [];
  const answerAll = async (device: Client, index: number): Promise<void> => {
    for (let answer = 0; answer < answersPerTurn; answer++) {
      const task = {
        ...{ prompt: promptOf(index), seed: BigInt(index), sampling: samplingOf(scheme) },
        scheme,
        mode: 'stop-and-wait',
        tokensMax,
        stopRule: { kind: 'fixed', draftLengthMax: draftLength },
      } as const;
      written.push(await write(device, task));
    }
  };
  await Promise.all(devices.map(answerAll));
  const ms = performance.now() - startedMs;
  const cpuMs = (await server.report()).cpuMs - before;
  return { written, rounds: summed(written).verdictCount, ms, cpuMs };
}
