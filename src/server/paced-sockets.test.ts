// Checks over real sockets that a flood of cheap messages keeps nobody waiting, and that one key
// cannot take all connections.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { Access } from '../access/access.js';
import { TestRing } from '../access/key-ring.suite.js';
import { createScriptedEngine } from '../engine/scripted-engine.js';
import { closeCodeOf } from '../protocol/code.js';
import { decodeServerFrame, encodeFrame } from '../protocol/codec.js';
import type { DeviceFrame } from '../protocol/frame.js';
import { hello } from './core/core-harness.suite.js';
import { type RunningServer, startServer } from './server.js';

type Keyed = { readonly server: RunningServer; readonly tokens: readonly string[] };

async function withKeys(test: (keyed: Keyed) => Promise<void>, connectionsMax = 64): Promise<void> {
  const keys = new TestRing();
  const tokens = ['honest', 'evil'].map((name) => keys.add(name).token);
  const engine = createScriptedEngine();
  const access = new Access({ keys, origins: [] });
  const server = await startServer({ engine, port: 0, drainMs: 0, access, connectionsMax });
  try {
    await test({ server, tokens });
  } finally {
    await server.close();
    await engine.close();
  }
}

/** A device's end, which keeps the kinds of what it has heard. */
class Line {
  readonly socket: WebSocket;
  readonly kinds: string[] = [];
  closeCode: number | null = null;

  constructor(address: string, token: string) {
    const headers = { authorization: `Bearer ${token}` };
    this.socket = new WebSocket(address, ['pilotfish'], { headers });
    this.socket.on('error', () => undefined);
    this.socket.on('message', (data) => {
      const decoded = decodeServerFrame(new Uint8Array(data as Buffer));
      if ('ok' in decoded) this.kinds.push(decoded.ok.kind);
    });
    this.socket.on('close', (code) => {
      this.closeCode = code;
    });
  }

  static async greeted({ server }: Keyed, token: string): Promise<Line> {
    const line = new Line(server.address, token);
    await once(line.socket, 'open');
    line.socket.send(encodeFrame(hello));
    return line;
  }

  async until(done: (line: Line) => boolean): Promise<void> {
    const untilMs = performance.now() + 10_000;
    while (!done(this)) {
      assert.ok(performance.now() < untilMs, `heard ${this.kinds.length} frames, no more`);
      await sleep(2);
    }
  }

  heard(kind: string, count = 1): Promise<void> {
    return this.until(({ kinds }) => kinds.filter((one) => one === kind).length >= count);
  }
}

const ping: DeviceFrame = { kind: 'ping', nonce: 300, isCover: false };
const floodCount = 50_000;

describe('a server under a flood', () => {
  for (const [name, payload, isWhole] of [
    ['Pings', encodeFrame(ping), true],
    ['Cancels', encodeFrame({ kind: 'cancel', session: 9 }), true],
    ['parts of one byte', new Uint8Array(1), false],
  ] as const) {
    it(`answers another key before it has read ${floodCount} ${name}`, async () => {
      await withKeys(async (keyed) => {
        const [honest, evil] = await Promise.all(
          keyed.tokens.map((one) => Line.greeted(keyed, one)),
        );
        await Promise.all([honest!.heard('welcome'), evil!.heard('welcome')]);
        for (let count = 0; count < floodCount; count++) {
          evil!.socket.send(payload, { fin: isWhole });
        }
        for (let count = 1; count <= 5; count++) {
          honest!.socket.send(encodeFrame(ping));
          await honest!.heard('pong', count);
        }
        const { messagesUp } = keyed.server.stats().wire;
        assert.ok(messagesUp < floodCount / 10, `${messagesUp} frames were read before`);
        evil!.socket.terminate();
      });
    });
  }

  it('answers the pings of WebSocket itself', async () => {
    await withKeys(async (keyed) => {
      const { socket } = await Line.greeted(keyed, keyed.tokens[0]!);
      const answered = once(socket, 'pong');
      socket.ping('hello');
      assert.equal(String((await answered)[0]), 'hello');
      socket.terminate();
    });
  });

  it('gives one key a quarter of the connections, and the others the rest', async () => {
    await withKeys(async (keyed) => {
      const [honest, evil] = keyed.tokens;
      const lines = await Promise.all(Array.from({ length: 16 }, () => Line.greeted(keyed, evil!)));
      await Promise.all(lines.map((line) => line.heard('welcome')));
      const late = await Line.greeted(keyed, evil!);
      await late.until(({ closeCode }) => closeCode === closeCodeOf('quota-exceeded'));
      const other = await Line.greeted(keyed, honest!);
      await other.heard('welcome');
      for (const { socket } of [...lines, other]) socket.terminate();
    });
  });
});
