// Checks that a server with keys refuses every unauthenticated peer, and serves a key for as long
// as it is valid.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, RequestListener } from 'node:http';
import { connect as connectSocket } from 'node:net';
import { describe, it } from 'node:test';
import { WebSocket } from 'ws';
import { Access, type AccessRules, keySubprotocol } from '../access/access.js';
import { TestRing } from '../access/key-ring.suite.js';
import { connect } from '../device/client.js';
import { createScriptedEngine } from '../engine/scripted-engine.js';
import { bannedEnd } from '../engine/scripted-vocabulary.js';
import { type RunningServer, startServer } from './server.js';
import type { ServerOptions } from './server-options.js';

const ask = { ids: Int32Array.of(0, 3, 5), sampling: bannedEnd, tokensMax: 5 };

async function withServer(
  rules: Partial<AccessRules>,
  test: (server: RunningServer) => Promise<void>,
  options: Partial<ServerOptions> = {},
): Promise<void> {
  const engine = createScriptedEngine();
  const access = new Access({ keys: null, origins: [], ...rules });
  const server = await startServer({ engine, port: 0, drainMs: 200, access, ...options });
  try {
    await test(server);
  } finally {
    await server.close();
    await engine.close();
  }
}

interface Upgrade {
  readonly protocols?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** The status that an upgrade is answered with: 101, or that of its refusal. */
async function upgradeStatus(
  { address }: RunningServer,
  { protocols = ['pilotfish'], headers = {} }: Upgrade,
): Promise<number> {
  const socket = new WebSocket(address, [...protocols], { headers });
  socket.on('error', () => undefined);
  const refused = new Promise<number>((resolve) =>
    socket.once('unexpected-response', (request, { statusCode }: IncomingMessage) => {
      request.destroy();
      resolve(statusCode!);
    }),
  );
  const status = await Promise.race([once(socket, 'open').then(() => 101), refused]);
  socket.terminate();
  return status;
}

/** All bytes that a text of HTTP is answered with. */
async function rawAnswer(port: number, text: string): Promise<string> {
  const socket = connectSocket(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(text);
  let said = '';
  for await (const bytes of socket) said += bytes;
  return said;
}

/**
 * Facts that no answer may give to an unauthenticated peer: what runs here, which version, which
 * model.
 */
const telltale = /pilotfish|fastify|node|v?\d+\.\d+\.\d+|toy|scripted|llama|vocab/i;

describe('a server with keys', () => {
  it('refuses every upgrade that shows none of them, and says nothing else', async () => {
    const keys = new TestRing();
    const { token } = keys.add('pi');
    await withServer({ keys }, async (server) => {
      const unauthenticated: Upgrade[] = [
        {},
        { headers: { authorization: `Basic ${token}` } },
        { headers: { authorization: `Bearer ${token}x` } },
        { headers: { authorization: 'Bearer ' } },
        { protocols: ['pilotfish', `${keySubprotocol}wrong`] },
        { protocols: ['pilotfish', token] },
      ];
      for (const upgrade of unauthenticated) {
        assert.equal(await upgradeStatus(server, upgrade), 401);
      }
      const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13';
      const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
      const said = await rawAnswer(
        server.port,
        `GET / HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n${key}\r\n\r\n`,
      );
      assert.match(said, /^HTTP\/1\.1 401 Unauthorized\r\n/);
      assert.doesNotMatch(said.slice(9), telltale);
      assert.equal(server.stats().core.connectionCount, 0);
    });
  });

  it('takes the key of a header, and for browsers that of a subprotocol', async () => {
    const keys = new TestRing();
    const { token } = keys.add('pi');
    await withServer({ keys }, async (server) => {
      const header = { headers: { authorization: `Bearer ${token}` } };
      assert.equal(await upgradeStatus(server, header), 101);
      const page = { protocols: ['pilotfish', keySubprotocol + token] };
      assert.equal(await upgradeStatus(server, page), 101);
    });
  });

  it('answers nothing but refusals on every path, and that it lives on one', async () => {
    const keys = new TestRing();
    const { token } = keys.add('pi', ['stats']);
    await withServer({ keys }, async (server) => {
      const base = `http://127.0.0.1:${server.port}`;
      const paths = [
        '/',
        '/stats',
        '/metrics',
        '/v1/models',
        '/readyz',
        '/livez/',
        '//livez',
        '/x',
      ];
      for (const path of paths) {
        for (const method of ['GET', 'POST', 'OPTIONS', 'PUT', 'DELETE']) {
          const response = await fetch(base + path, { method });
          const said = `${[...response.headers].join()} ${await response.text()}`;
          assert.equal(response.status, 401, `${method} ${path}`);
          assert.doesNotMatch(said, telltale, `${method} ${path}`);
        }
      }
      assert.equal((await fetch(`${base}/livez`, { method: 'POST' })).status, 401);
      const headers = { authorization: `Bearer ${token}` };
      assert.equal((await fetch(`${base}/stats`, { headers })).status, 200);
    });
  });

  it('hands only admitted requests to the HTTP handler', async () => {
    const keys = new TestRing();
    const { token, grant } = keys.add('pi');
    const access = new Access({ keys, origins: [] });
    const grants: unknown[] = [];
    const http: RequestListener = (request, response) => {
      const admission = access.admit(request);
      grants.push(admission.kind === 'admitted' ? admission.grant : admission.kind);
      response.end();
    };
    await withServer(
      {},
      async ({ port }) => {
        const headers = { authorization: `bearer ${token}` };
        await fetch(`http://127.0.0.1:${port}/x`, { headers });
        await fetch(`http://127.0.0.1:${port}/livez`);
        await fetch(`http://127.0.0.1:${port}/x`);
      },
      { access, makeHttp: async () => http },
    );
    assert.deepEqual(grants, [grant, 'open', 'refused']);
  });

  it('tells a device that its key is not known, once and for all', async () => {
    await withServer({ keys: new TestRing() }, async ({ address: url }) => {
      for (const key of [undefined, 'wrong']) {
        const options = { url, drafter: { kind: 'none' } as const, fallback: 'wait' as const };
        await assert.rejects(connect(key === undefined ? options : { ...options, key }), {
          code: 'server-refused',
          message: /does not know the key.*key-refused/,
        });
      }
    });
  });

  it('ends the connections of a key that is revoked, and of no other', async () => {
    const keys = new TestRing();
    const [pi, jetson] = [keys.add('pi'), keys.add('jetson')];
    await withServer({ keys }, async (server) => {
      const clients = await Promise.all(
        [pi, jetson].map(({ token: key }) =>
          connect({ url: server.address, key, drafter: { kind: 'none' } }),
        ),
      );
      try {
        keys.revoke(pi.grant.id);
        const refused = { code: 'server-refused', message: /not valid any more.*key-refused/ };
        await assert.rejects(clients[0]!.generate(ask).result, refused);
        assert.equal((await clients[1]!.generate(ask).result).tokens.length, 5);
        assert.equal(server.stats().core.connectionCount, 1);
      } finally {
        for (const client of clients) await client.close();
      }
    });
  });

  it('never gets a key in clear from a device on another machine', async () => {
    for (const url of ['ws://192.0.2.1:7433', 'ws://edge.example', 'ws://127.0.0.1.example']) {
      await assert.rejects(connect({ url, key: 'k', drafter: { kind: 'none' } }), {
        code: 'usage',
        message: /the key would go to .* in clear/,
      });
    }
  });
});

describe('a server', () => {
  it('takes pages only of origins that it was told, keys or not', async () => {
    const keys = new TestRing();
    const { token } = keys.add('pi');
    for (const ring of [keys, null]) {
      await withServer({ keys: ring, origins: ['https://good.example'] }, async (server) => {
        const authorization = `Bearer ${token}`;
        const from = (origin: string): Promise<number> =>
          upgradeStatus(server, { headers: { authorization, origin } });
        assert.equal(await from('https://good.example'), 101);
        for (const origin of ['https://evil.example', 'null', 'https://good.example:8443']) {
          assert.equal(await from(origin), 403, origin);
        }
      });
    }
  });

  it('without keys takes upgrades only under its own names: a page may have bent another', async () => {
    await withServer({}, async (server) => {
      const under = (host: string): Promise<number> => upgradeStatus(server, { headers: { host } });
      assert.equal(await under('evil.example'), 403);
      assert.equal(await under('localhost:7433'), 101);
    });
  });

  it('does not listen on the network without keys and TLS', async () => {
    const engine = createScriptedEngine();
    await assert.rejects(startServer({ engine, port: 0, host: '0.0.0.0' }), { code: 'usage' });
    const access = new Access({ keys: new TestRing(), origins: [] });
    const options = { engine, port: 0, host: '::', access };
    await assert.rejects(startServer(options), { code: 'usage', message: /needs tls/ });
    await engine.close();
  });

  it('bounds unauthenticated connections, and stops counting those it has admitted', async () => {
    const keys = new TestRing();
    const { token } = keys.add('pi');
    await withServer(
      { keys },
      async (server) => {
        const closed = new Set<number>();
        const silent = [0, 1, 2].map((index) => {
          const socket = connectSocket(server.port, '127.0.0.1');
          return socket.on('error', () => undefined).once('close', () => closed.add(index));
        });
        await once(silent[2]!, 'close');
        assert.deepEqual([...closed], [2], 'the third alone is turned away');
        silent[0]!.destroy();
        await once(silent[0]!, 'close');
        const headers = { authorization: `Bearer ${token}` };
        const kept: WebSocket[] = [];
        while (kept.length < 5) {
          const socket = new WebSocket(server.address, ['pilotfish'], { headers });
          await once(socket, 'open');
          kept.push(socket);
        }
        assert.ok(kept.every(({ readyState }) => readyState === WebSocket.OPEN));
        assert.ok(!closed.has(1), 'the second is still waited for');
        for (const socket of kept) socket.terminate();
        silent[1]!.destroy();
      },
      { gate: { unauthenticatedMax: 2 } },
    );
  });
});
