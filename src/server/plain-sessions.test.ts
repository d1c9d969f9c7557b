// Checks plain sessions: the target's text, in the same passes as the devices', and nothing left of
// a session that is over.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PilotfishError } from '../base/error.js';
import { unlimited } from '../base/key-grant.js';
import type { Engine } from '../engine/engine.js';
import { createScriptedEngine } from '../engine/scripted-engine.js';
import { bannedEnd } from '../engine/scripted-vocabulary.js';
import type { ServerInput } from './core/event.js';
import { targetText } from './core/scripted-target.suite.js';
import { type PlainRequest, PlainSessions } from './plain-sessions.js';
import { Heard, settled, yielding } from './plain-sessions.suite.js';
import { type RunningServer, startServer } from './server.js';
import type { ServerOptions } from './server-options.js';

const request: PlainRequest = {
  prompt: { kind: 'ids', ids: Int32Array.of(0, 3, 5) },
  ...{ sampling: bannedEnd, seed: 9n, tokensMax: 20, schema: null, topLogprobs: null },
};

/** Plain sessions whose events a test reads; connection ids count from 1. */
function plainSessions(fed: ServerInput[], sessionsMax = 8): PlainSessions {
  let connection = 0;
  const feed = (event: ServerInput): unknown => fed.push(event);
  const cachedCountOf = ({ session }: { session: number }): number => 10 + session;
  return new PlainSessions({
    ...{ feed, nextConnection: () => ++connection, sessionsMax, cachedCountOf, areDrafted: false },
    serverTestsOf: () => null,
    prepare: () => ({ prompt: null, format: null }),
    drop: () => undefined,
  });
}

const kindsOf = (fed: ServerInput[]): string[] =>
  fed.splice(0).map((event) => (event.kind === 'frame' ? event.frame.kind : event.kind));

describe('a line of plain sessions', () => {
  it('begins with its first session and ends with its last', () => {
    const fed: ServerInput[] = [];
    const plain = plainSessions(fed);
    const cancels = [0, 1].map(() => plain.write(request, null, new Heard()));
    assert.deepEqual(kindsOf(fed), ['connected-local', 'open', 'open']);
    for (const cancel of [...cancels, ...cancels]) cancel();
    assert.deepEqual(kindsOf(fed), ['close', 'close', 'disconnected']);
    plain.write(request, null, new Heard());
    assert.deepEqual(kindsOf(fed), ['connected-local', 'open']);
  });

  it('tells its listeners when it ends, also where no Failure came first', async () => {
    const fed: ServerInput[] = [];
    const plain = plainSessions(fed);
    const heard = [new Heard(), new Heard()];
    for (const one of heard) plain.write(request, null, one);
    assert.equal(plain.closed(5), false, 'a socket');
    assert.equal(plain.closed(1), true);
    for (const { over } of heard) assert.equal(((await over) as PilotfishError).code, 'link-lost');
    assert.equal(plain.count, 0);
    assert.equal(fed.at(-1)?.kind, 'disconnected');
    assert.equal(plain.closed(1), false, 'once more is harmless');
  });
});

async function withServer(
  options: Partial<ServerOptions>,
  use: (server: RunningServer, engine: Engine) => Promise<void>,
): Promise<void> {
  const engine = yielding(createScriptedEngine());
  const server = await startServer({ engine, port: 0, drainMs: 200, ...options });
  try {
    await use(server, engine);
  } finally {
    await server.close();
    await engine.close();
  }
}

/** The core has taken what was asked for by now. */
const opened = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a plain session', () => {
  it('writes what the target alone writes, and leaves nothing', async () => {
    await withServer({}, async (server) => {
      const heard = new Heard();
      server.plain.write(request, null, heard);
      assert.equal(await heard.over, 'length');
      assert.equal(heard.promptLength, 3);
      const expected = targetText({ ...request, scheme: 'coupled' });
      assert.deepEqual([0, 3, 5, ...heard.tokenIds], expected);
      await settled(server);
    });
  });

  it('shares passes with others, more of them than a connection may have', async () => {
    await withServer({ limits: { sessions: 4 } }, async (server) => {
      const all = Array.from({ length: 10 }, () => new Heard());
      for (const heard of all) server.plain.write(request, null, heard);
      await opened();
      assert.equal(server.stats().core.connectionCount, 3);
      for (const heard of all) assert.equal(await heard.over, 'length');
      const { core } = server.stats();
      assert.ok(core.passCount < core.committedCount, `${core.passCount} passes`);
      await settled(server);
    });
  });

  it('shares a connection with sessions of its key alone', async () => {
    await withServer({}, async (server) => {
      const grants = ['a', 'b', 'a'].map((id) => ({ id, limits: unlimited }));
      const all = [null, ...grants].map((grant) => {
        const heard = new Heard();
        server.plain.write(request, grant, heard);
        return heard;
      });
      await opened();
      assert.equal(server.stats().core.connectionCount, 3);
      for (const heard of all) assert.equal(await heard.over, 'length');
      await settled(server);
    });
  });

  it('ends at once when it is cancelled, in the middle of being told as well', async () => {
    await withServer({}, async (server) => {
      const heard = new Heard();
      let cancel: () => void = () => undefined;
      const announced = new Promise<void>((resolve) => {
        heard.onTokens = () => {
          cancel();
          resolve();
        };
      });
      cancel = server.plain.write({ ...request, tokensMax: 200 }, null, heard);
      await announced;
      const count = heard.tokenIds.length;
      await settled(server);
      assert.equal(heard.tokenIds.length, count, 'nothing comes after a cancellation');
      cancel();
    });
  });

  it('is refused with the reason', async () => {
    await withServer({}, async (server) => {
      const cases = [
        [{ prompt: { kind: 'ids', ids: new Int32Array(300) } }, 'prompt-too-long'],
        [{ prompt: { kind: 'ids', ids: new Int32Array(0) } }, 'prompt-empty'],
        [{ prompt: { kind: 'ids', ids: Int32Array.of(99) } }, 'token-out-of-range'],
        [{ sampling: { ...bannedEnd, topP: 0 } }, 'sampling-invalid'],
      ] as const;
      for (const [change, code] of cases) {
        const heard = new Heard();
        server.plain.write({ ...request, ...change }, null, heard);
        const error = await heard.over;
        assert.ok(typeof error === 'object');
        assert.equal(error.code, code);
      }
      await settled(server);
    });
  });

  it('is refused as busy when no session may be added', async () => {
    await withServer({ sessionsMax: 1 }, async (server) => {
      const [first, second] = [new Heard(), new Heard()];
      const cancel = server.plain.write({ ...request, tokensMax: 200 }, null, first);
      server.plain.write(request, null, second);
      const error = await second.over;
      assert.ok(typeof error === 'object' && error.code === 'server-busy');
      cancel();
      await settled(server);
    });
  });

  it('may finish while the server drains, which takes no new one', async () => {
    const [running, late] = [new Heard(), new Heard()];
    await withServer({}, async (server) => {
      server.plain.write(request, null, running);
      await new Promise((resolve) => setImmediate(resolve));
      const closing = server.close();
      assert.equal(server.isDraining, true);
      server.plain.write(request, null, late);
      assert.equal(await running.over, 'length');
      await closing;
    });
    const error = await late.over;
    assert.ok(typeof error === 'object' && error.code === 'server-busy');
  });

  it('is failed by a server that cannot wait for it', async () => {
    const held = new Heard();
    await withServer({ drainMs: 1 }, async (server, engine) => {
      const { pass } = engine;
      engine.pass = async (segments) => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        return pass(segments);
      };
      server.plain.write(request, null, held);
      await new Promise((resolve) => setImmediate(resolve));
      await server.close();
    });
    const error = await held.over;
    assert.ok(typeof error === 'object' && error.code === 'server-busy', String(error));
  });
});
