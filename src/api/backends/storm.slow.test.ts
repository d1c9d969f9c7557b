// Checks that bad clients leave nothing on a server: hundreds that vanish, readers that do not
// read, and ten thousand at once over real sockets. Afterwards sessions, slots, requests, queues
// and handles are zero.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import type { Engine } from '../../engine/engine.js';
import { createScriptedEngine } from '../../engine/scripted-engine.js';
import { Random } from '../../sim/random.js';
import { type ApiServer, startApiServer } from './api-server.suite.js';

/** An engine whose passes yield to the event loop and wait for a gate. */
function patient(engine: Engine, gate: () => Promise<void>): Engine {
  return {
    ...engine,
    info: engine.info,
    pass: async (segments) => {
      await gate();
      return engine.pass(segments);
    },
    close: () => engine.close(),
  };
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function handles(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of process.getActiveResourcesInfo()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** Waits until everything is gone; fails with what is left. */
async function nothingLeft({ server, api }: ApiServer, sockets: number): Promise<void> {
  const untilMs = performance.now() + 20_000;
  const left = (): Record<string, number> => {
    const { sessionCount, slotsOwned, queueLength, detachedCount } = server.stats().core;
    const wraps = Math.max(0, (handles()['TCPSocketWrap'] ?? 0) - sockets);
    const { count } = server.plain;
    const requests = api.openCount;
    return { sessionCount, slotsOwned, queueLength, detachedCount, count, requests, wraps };
  };
  while (Object.values(left()).some((count) => count > 0)) {
    assert.ok(performance.now() < untilMs, JSON.stringify(left()));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function post(port: number, body: object): Socket {
  const text = JSON.stringify(body);
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(
    'POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n' +
      `Content-Length: ${text.length}\r\n\r\n${text}`,
  );
  return socket;
}

const ask = { model: 'toy', prompt: [0, 3, 5], logit_bias: { 1: -100 } };

/** Plays a storm; asserts that the server holds nothing after it. */
async function assertNothingLeft(
  gate: () => Promise<void>,
  options: Parameters<typeof startApiServer>[1],
  use: (api: ApiServer) => Promise<void>,
): Promise<void> {
  const before = handles()['TCPSocketWrap'] ?? 0;
  const engine = patient(createScriptedEngine({ slotCount: 8, contextLength: 2048 }), gate);
  const api = await startApiServer(engine, options);
  try {
    await use(api);
    await nothingLeft(api, before);
  } finally {
    await api.server.close();
    await engine.close();
  }
}

describe('a storm of clients', () => {
  it('that vanish at any moment, hundreds of them, leaves nothing', async () => {
    const random = new Random(1, 'storm');
    await assertNothingLeft(nextTurn, {}, async ({ port, server }) => {
      const untilMs = performance.now() + 60_000;
      const committed = (): number => server.stats().core.committedCount;
      // Runs until the storm has met answers, however slow the machine is.
      for (let wave = 0; wave < 12 || committed() < 2000; wave++) {
        assert.ok(performance.now() < untilMs, `${committed()} tokens were written`);
        const sockets = Array.from({ length: 50 }, () =>
          post(port, {
            ...ask,
            stream: random.below(3) > 0,
            n: 1 + random.below(3),
            seed: random.below(1000),
            max_tokens: 1 + random.below(400),
          }),
        );
        for (const socket of sockets) {
          if (random.below(4) > 0) socket.resume();
          setTimeout(() => {
            if (random.below(2) === 0) socket.destroy();
            else socket.resetAndDestroy();
          }, random.below(500));
        }
        await new Promise((resolve) => setTimeout(resolve, 60));
      }
    });
  });

  it('that send half a request, or nonsense, leaves nothing', async () => {
    await assertNothingLeft(nextTurn, {}, async ({ port }) => {
      const beginnings = [
        'POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n' +
          'Content-Length: 100\r\n\r\n{"mod',
        'GET / HTTP/9.9\r\n\r\n',
        '\x16\x03\x01\x02\x00\x01',
        'POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      ];
      const statuses = beginnings.map(() => '');
      const sockets = beginnings.map((text, index) => {
        const socket = connect(port, '127.0.0.1').on('error', () => undefined);
        socket.write(text);
        return socket.once('data', (bytes) => {
          statuses[index] = bytes.subarray(9, 12).toString();
        });
      });
      await Promise.all(sockets.slice(1).map((socket) => once(socket, 'close')));
      assert.deepEqual(statuses, ['', '400', '400', '400'], 'the first is still waited for');
      for (const socket of sockets) socket.destroy();
    });
  });

  it('that do not read end their sessions all the same', async () => {
    await assertNothingLeft(nextTurn, {}, async (api) => {
      const sockets = Array.from({ length: 32 }, () => {
        const socket = post(api.port, { ...ask, stream: true });
        return socket.pause();
      });
      // They keep their sockets; nothing else waits for them.
      for (let turn = 0; ; turn++) {
        const { sessionCount, slotsOwned, committedCount } = api.server.stats().core;
        if (committedCount > 30 * 2000 && sessionCount === 0 && slotsOwned === 0) break;
        assert.ok(turn < 2000, `${sessionCount} sessions`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      for (const socket of sockets) socket.destroy();
    });
  });

  it('that are ten thousand at once are refused beyond the limit, and leave nothing', async () => {
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const requestsMax = 1024;
    await assertNothingLeft(
      () => gate,
      { requestsMax },
      async ({ port, api, server }) => {
        const statuses = new Map<string, number>();
        const sockets: Socket[] = [];
        let answered = 0;
        for (let index = 0; index < 10_000; index++) {
          const socket = post(port, { ...ask, stream: true, max_tokens: 2 });
          socket.once('data', (bytes) => {
            const status = bytes.subarray(9, 12).toString();
            // A stream that waits long is kept open by comments: it has begun and has no answer
            // yet.
            if (status === '200') return;
            answered++;
            statuses.set(status, (statuses.get(status) ?? 0) + 1);
            // A process may not have twenty thousand sockets.
            socket.destroy();
          });
          sockets.push(socket);
          while (index - answered >= requestsMax + 500) await nextTurn();
        }
        const untilMs = performance.now() + 60_000;
        while (answered < 10_000 - requestsMax) {
          assert.ok(performance.now() < untilMs, `${answered} were answered`);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        assert.deepEqual([...statuses], [['503', 10_000 - requestsMax]]);
        assert.equal(api.openCount, requestsMax);
        assert.equal(server.plain.count, requestsMax);
        for (const socket of sockets) socket.destroy();
        open();
      },
    );
  });
});
