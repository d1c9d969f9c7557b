// What the loop benchmark rests on: a relay that delays and keeps order, a replay that stands where
// the draft model would, and passes that take the time they are given.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { it } from 'node:test';
import { slotId } from '../../src/base/brand.js';
import { type PassPace, pacedEngine } from '../../src/cli/demo/paced-engine.js';
import { PassRecorder } from '../../src/cli/demo/pass-recorder.js';
import { startRelay } from '../../src/cli/demo/relay.js';
import type { ExitHint, PassResult } from '../../src/engine/engine.js';
import { createScriptedEngine } from '../../src/engine/index.js';
import { bannedEnd } from '../../src/engine/scripted-vocabulary.js';
import { plainSampling } from '../../src/math/sampling.js';
import { startServer } from '../../src/server/index.js';
import { evenLink } from '../../src/sim/profiles/link-profiles.js';
import { connectDevice, write } from './fleet.js';
import { record } from './recording.js';
import { replayDrafter } from './replay-drafter.js';

it('the relay brings every byte, in order, not before a round trip is over', async () => {
  const echo = createServer((socket) => socket.pipe(socket));
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  const relay = await startRelay((echo.address() as AddressInfo).port, evenLink(40));
  const socket = connect(relay.port, '127.0.0.1');
  const startedMs = performance.now();
  let heard = '';
  let firstMs = 0;
  const wanted = Array.from({ length: 200 }, (_, index) => `${index},`).join('');
  await new Promise<void>((resolve) => {
    socket.on('data', (bytes) => {
      if (heard === '') firstMs = performance.now() - startedMs;
      heard += bytes.toString();
      if (heard.length >= wanted.length) resolve();
    });
    for (let index = 0; index < 200; index++) socket.write(`${index},`);
  });
  assert.equal(heard, wanted);
  assert.ok(firstMs >= 39, `${firstMs} ms`);
  socket.destroy();
  await relay.close();
  echo.close();
});

/** A server that takes everything and answers one byte when it has heard `wanted` of them. */
async function counting(wanted: number): Promise<{ port: number; close: () => void }> {
  const server = createServer((socket) => {
    let heard = 0;
    socket.on('data', (bytes) => {
      heard += bytes.length;
      if (heard === wanted) socket.write('!');
    });
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

it('the relay carries no more bytes a second than its link, each way by its own measure', async () => {
  const byteCount = 50_000;
  const server = await counting(byteCount);
  // 50 kB at 4 Mbit/s take 100 ms up; the byte that answers takes none of it down.
  const relay = await startRelay(server.port, { ...evenLink(0), upMbps: 4 });
  const socket = connect(relay.port, '127.0.0.1');
  const startedMs = performance.now();
  const answered = once(socket, 'data');
  socket.write(Buffer.alloc(byteCount));
  await answered;
  const ms = performance.now() - startedMs;
  assert.ok(ms >= 99, `${ms} ms for 100`);
  socket.destroy();
  await relay.close();
  server.close();
});

it('the relay stalls the share of messages it is told to, and breaks off on demand', async () => {
  const server = await counting(1);
  const relay = await startRelay(server.port, { ...evenLink(0), stallShare: 1, stallMs: 60 });
  const socket = connect(relay.port, '127.0.0.1');
  const startedMs = performance.now();
  socket.write('?');
  await once(socket, 'data');
  // Up and down stall once each.
  const ms = performance.now() - startedMs;
  assert.ok(ms >= 118, `${ms} ms for 120`);
  const closed = once(socket, 'close');
  relay.cut();
  await closed;
  await relay.close();
  server.close();
});

it('a replayed recording writes the recorded text, and stands exactly where the draft model agrees', async () => {
  const options = { slotCount: 1, contextLength: 256 };
  const target = createScriptedEngine(options);
  const draft = createScriptedEngine({ ...options, divergence: 0.4 });
  const prompt = Int32Array.of(0, 3, 5);
  const job = {
    prompt,
    seed: 7n,
    scheme: 'coupled',
    sampling: bannedEnd,
    tokenCount: 120,
  } as const;
  const recording = await record(target, draft, job);
  const server = await startServer({ engine: createScriptedEngine(options), port: 0 });
  const drafter = replayDrafter([recording], 0, 256);
  const device = await connectDevice(server.address, target.info.vocabulary, drafter);
  const { tokens, statistics } = await write(device, {
    prompt,
    seed: 7n,
    scheme: 'coupled',
    sampling: bannedEnd,
    mode: 'stop-and-wait',
    tokensMax: 120,
    windowMax: 1,
    stopRule: { kind: 'fixed', draftLengthMax: 1 },
  });
  await device.close();
  await server.close();
  assert.deepEqual(tokens, [...recording.text]);
  const expected = { acceptedCount: 0, testedCount: 0 };
  // A draft that stands brings the target's next token with it, and the last token is the target's
  // in any case.
  for (let at = 0; at < 119; at++, expected.testedCount++) {
    if (recording.text[at] !== recording.proposals[at]) continue;
    expected.acceptedCount++;
    at++;
  }
  const { acceptedCount, testedCount } = statistics;
  assert.deepEqual({ acceptedCount, testedCount }, expected);
  assert.ok(testedCount - acceptedCount > 5 && acceptedCount > 20, `${acceptedCount} stand`);
});

it('a paced pass takes its time, and says so', async () => {
  let times: PassPace | null = { passMs: 20, rowMs: 5 };
  const own: PassResult[] = [];
  const behind = createScriptedEngine();
  const passOf = behind.pass.bind(behind);
  behind.pass = async (segments) => {
    own.push(await passOf(segments));
    return own.at(-1)!;
  };
  const engine = pacedEngine(behind, () => times);
  const slot = slotId(0);
  await engine.open(slot, { sampling: plainSampling, seed: 1n, promptLength: 1 });
  const judge = { scheme: 'greedy', draftCount: 2 } as const;
  const startedMs = performance.now();
  const { decodeMs } = await engine.pass([
    { slot, from: 0, tokens: Int32Array.of(0, 3, 4), judge },
  ]);
  const tookMs = performance.now() - startedMs;
  // 30 ms, of which timers may leave out more than one.
  assert.ok(tookMs >= 27 && decodeMs >= 27 && decodeMs <= tookMs, `${decodeMs} of ${tookMs}`);
  times = null;
  const next = { slot, from: 1, tokens: Int32Array.of(3, 4, 5), judge };
  const free = await engine.pass([next]);
  assert.equal(free, own.at(-1), 'without a pace it is the pass of the engine behind');
});

it('a paced and recorded pass tells the hints of the engine behind it', async () => {
  const behind = createScriptedEngine({ exit: { agreement: 1 } });
  const { engine } = new PassRecorder(pacedEngine(behind, () => null));
  const slot = slotId(0);
  await engine.open(slot, { sampling: plainSampling, seed: 1n, promptLength: 1 });
  const judge = { scheme: 'greedy', draftCount: 0 } as const;
  const hints: ExitHint[] = [];
  const { outcomes } = await engine.pass(
    [{ slot, from: 0, tokens: Int32Array.of(0), judge }],
    (told) => hints.push(...told),
  );
  const final = outcomes[0]!.final!;
  assert.ok(final.kind !== 'law');
  assert.deepEqual(
    hints.map(({ candidates }) => candidates[0]),
    [final.token],
  );
});

it('a replay offers the runners-up that were recorded, and branches of them come true', async () => {
  const options = { slotCount: 1, contextLength: 256 };
  const target = createScriptedEngine(options);
  const draft = createScriptedEngine({ ...options, divergence: 0.4 });
  const prompt = Int32Array.of(0, 3, 5);
  const size = {
    scheme: 'coupled',
    sampling: bannedEnd,
    tokenCount: 120,
    runnersUpMax: 3,
  } as const;
  const recording = await record(target, draft, { prompt, seed: 7n, ...size });
  const server = await startServer({
    engine: pacedEngine(createScriptedEngine(options), () => ({ passMs: 8, rowMs: 0 })),
    port: 0,
  });
  const drafter = replayDrafter([recording], 1, 256);
  const task = {
    prompt,
    seed: 7n,
    scheme: 'coupled',
    sampling: bannedEnd,
    tokensMax: 120,
  } as const;
  const hits: number[] = [];
  for (const ahead of [{}, { runnersUpMax: 0 }]) {
    const { vocabulary } = target.info;
    const device = await connectDevice(server.address, vocabulary, drafter, ahead);
    const written = await write(device, { ...task, mode: 'stop-and-wait' });
    await device.close();
    assert.deepEqual(written.tokens, [...recording.text]);
    hits.push(written.statistics.runnerUpHitCount);
  }
  await server.close();
  assert.ok(hits[0]! > 0, `${hits[0]} branches came true`);
  assert.equal(hits[1], 0);
});
