// Checks the server over real sockets on this machine: text of the target, stats, limits of the
// wire, and an orderly end.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { WebSocket } from 'ws';
import type { Engine } from '../engine/engine.js';
import { createScriptedEngine } from '../engine/scripted-engine.js';
import { closeCodeOf } from '../protocol/code.js';
import { decodeServerFrame, encodeFrame } from '../protocol/codec.js';
import type { DeviceFrame, ServerFrame } from '../protocol/frame.js';
import { limits } from '../protocol/limits.js';
import { bannedEnd, hello, openFrame } from './core/core-harness.suite.js';
import { targetText } from './core/scripted-target.suite.js';
import { type RunningServer, startServer } from './server.js';
import type { ServerOptions } from './server-options.js';
import type { ServerStats } from './stats.js';

async function withServer(
  options: Partial<ServerOptions>,
  test: (server: RunningServer) => Promise<void>,
): Promise<void> {
  const engine = options.engine ?? createScriptedEngine();
  const server = await startServer({ engine, port: 0, drainMs: 200, ...options });
  try {
    await test(server);
  } finally {
    await server.close();
    await engine.close();
  }
}

/** A device's end: sends frames, waits for frames. */
class Line {
  readonly socket: WebSocket;
  readonly frames: ServerFrame[] = [];
  closeCode: number | null = null;

  constructor(address: string) {
    this.socket = new WebSocket(address, ['pilotfish']);
    this.socket.on('message', (data) => {
      const decoded = decodeServerFrame(new Uint8Array(data as Buffer));
      assert.ok('ok' in decoded);
      this.frames.push(decoded.ok);
      this.socket.emit('news');
    });
    this.socket.on('error', () => undefined);
    this.socket.on('close', (code) => {
      this.closeCode = code;
      this.socket.emit('news');
    });
  }

  static async open(address: string): Promise<Line> {
    const line = new Line(address);
    await once(line.socket, 'open');
    return line;
  }

  send(frame: DeviceFrame): void {
    this.socket.send(encodeFrame(frame));
  }

  async until(done: (line: Line) => boolean): Promise<void> {
    while (!done(this)) await once(this.socket, 'news');
  }

  get ended(): boolean {
    return this.frames.some((frame) => frame.kind === 'verdict' && frame.end !== null);
  }

  get text(): number[] {
    return this.frames.flatMap((frame) => (frame.kind === 'verdict' ? [...frame.tokens] : []));
  }
}

/** An engine whose passes let sockets have their turn, as one with a thread of its own does. */
function yielding(engine: Engine): Engine {
  const pass: Engine['pass'] = async (segments) => {
    await new Promise((resolve) => setImmediate(resolve));
    return engine.pass(segments);
  };
  return { ...engine, pass, close: () => engine.close() };
}

describe('server', () => {
  it('streams the text of the target to plain clients, several at once', async () => {
    await withServer({}, async (server) => {
      const open = openFrame({ mode: 'stream', tokensMax: 30 });
      const lines = await Promise.all([1, 2, 3].map(() => Line.open(server.address)));
      for (const line of lines) {
        line.send(hello);
        line.send(open);
      }
      for (const line of lines) {
        await line.until((one) => one.ended);
        assert.deepEqual(line.text, targetText(open).slice(3));
      }
    });
  });

  it('reads prompts of text and of messages as its own vocabulary does', async () => {
    await withServer({}, async (server) => {
      const line = await Line.open(server.address);
      line.send(hello);
      line.send(
        openFrame({ prompt: { kind: 'text', text: 'neat' }, mode: 'stream', tokensMax: 2 }),
      );
      const messages = [{ role: 'wizard', content: 'a' }];
      line.send(openFrame({ session: 1, prompt: { kind: 'messages', messages } }));
      await line.until((one) => one.ended);
      await line.until(({ frames }) => frames.some(({ kind }) => kind === 'failure'));
      const opened = line.frames.find((frame) => frame.kind === 'opened');
      assert.deepEqual([...opened!.promptIds], [0, 6, 4, 3, 9 + 1]);
      const failure = line.frames.find((frame) => frame.kind === 'failure');
      assert.equal(failure?.session, 1);
    });
  });

  it('tells of itself on GET /stats, and of nothing else over HTTP', async () => {
    await withServer({}, async (server) => {
      const line = await Line.open(server.address);
      line.send(hello);
      line.send(openFrame({ mode: 'stream', tokensMax: 5 }));
      await line.until((one) => one.ended);
      const response = await fetch(`http://127.0.0.1:${server.port}/stats`);
      const stats = (await response.json()) as ServerStats;
      assert.equal(stats.core.committedCount, 5);
      assert.equal(stats.core.connectionCount, 1);
      assert.ok(stats.wire.bytesDown > 0 && stats.wire.messagesUp === 2);
      assert.equal((await fetch(`http://127.0.0.1:${server.port}/`)).status, 404);
    });
  });

  it('ends connections that speak no frames, or too long ones before they are known', async () => {
    await withServer({}, async (server) => {
      const cases: [string | Uint8Array, number][] = [
        ['text', closeCodeOf('frame-malformed')],
        [new Uint8Array([255, 255, 255]), closeCodeOf('frame-malformed')],
        [new Uint8Array(20_000), closeCodeOf('frame-too-large')],
        [encodeFrame(openFrame()), closeCodeOf('frame-unexpected')],
      ];
      for (const [message, code] of cases) {
        const line = await Line.open(server.address);
        line.socket.send(message);
        await line.until(({ closeCode }) => closeCode !== null);
        assert.equal(line.closeCode, code);
      }
    });
  });

  it('reads no more of an unauthenticated peer than a greeting takes, however it is cut', async () => {
    await withServer({}, async (server) => {
      const line = await Line.open(server.address);
      const piece = Buffer.alloc(10_000);
      for (let count = 0; count < 20; count++) line.socket.send(piece, { fin: false });
      await line.until(({ frames }) => frames.length > 0);
      const [failure] = line.frames;
      assert.ok(failure?.kind === 'failure' && failure.code === 'frame-too-large');
      await line.until(({ closeCode }) => closeCode !== null);
      assert.equal(line.closeCode, closeCodeOf('frame-too-large'));

      const known = await Line.open(server.address);
      known.send(hello);
      await known.until(({ frames }) => frames.length > 0);
      for (let count = 0; count < 20; count++) known.socket.send(piece, { fin: count === 19 });
      await known.until(({ closeCode }) => closeCode !== null);
      assert.equal(known.closeCode, closeCodeOf('frame-malformed'));
    });
  });

  it('says to the sender of a message longer than any frame that it is', async () => {
    await withServer({}, async (server) => {
      const line = await Line.open(server.address);
      line.send(hello);
      line.socket.send(new Uint8Array(limits.frameBytes.value + 1));
      await line.until(({ closeCode }) => closeCode !== null);
      assert.equal(line.closeCode, closeCodeOf('frame-too-large'));
      const last = line.frames.at(-1);
      assert.ok(last?.kind === 'failure' && last.code === 'frame-too-large');
    });
  });

  it('shows a device of another vocabulary where the two part', async () => {
    await withServer({}, async (server) => {
      const line = await Line.open(server.address);
      const foreign = { fingerprint: 'other', vocabSize: 4, blockHashes: Uint32Array.of(1) };
      line.send({ ...hello, ...foreign });
      await line.until(({ closeCode }) => closeCode !== null);
      const failure = line.frames.find((frame) => frame.kind === 'failure');
      assert.equal(failure?.code, 'vocabulary-mismatch');
      assert.equal(failure.block?.texts[3], 'a');
    });
  });

  it('says in one sentence that its port is taken', async () => {
    await withServer({}, async ({ port }) => {
      const engine = createScriptedEngine();
      await assert.rejects(startServer({ engine, port }), {
        code: 'address-unavailable',
        message: /another program listens there/,
      });
    });
  });

  it('lets running answers finish when it closes, takes no new ones, and is gone then', async () => {
    const engine = yielding(createScriptedEngine());
    const server = await startServer({ engine, port: 0, drainMs: 5_000 });
    const line = await Line.open(server.address);
    line.send(hello);
    line.send(openFrame({ mode: 'stream', tokensMax: 200, sampling: bannedEnd }));
    await line.until(({ frames }) => frames.length > 3);
    const closed = server.close();
    line.send(openFrame({ session: 1 }));
    await closed;
    await line.until(({ closeCode }) => closeCode !== null);
    assert.equal(line.closeCode, closeCodeOf('draining'));
    assert.equal(line.text.length, 200);
    const refusal = line.frames.find((frame) => frame.kind === 'failure' && frame.session === 1);
    assert.ok(refusal?.kind === 'failure' && refusal.code === 'server-busy');
    assert.ok(line.frames.some(({ kind }) => kind === 'drain'));
    await assert.rejects(fetch(`http://127.0.0.1:${server.port}/stats`));
  });
});
