// Tries every route, every method and the upgrade with missing, wrong, revoked and ordinary keys.
// Paths are also written in ways that a router may normalise.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { Access } from '../../access/access.js';
import { TestRing } from '../../access/key-ring.suite.js';
import { createScriptedEngine } from '../../engine/scripted-engine.js';
import { type ApiServer, startApiServer } from './api-server.suite.js';

const keys = new TestRing();
const engine = createScriptedEngine();
const device = keys.add('device');
const scraper = keys.add('scraper', ['stats']);
const revoked = keys.add('revoked');
let served: ApiServer;

before(async () => {
  served = await startApiServer(engine, { access: new Access({ keys, origins: [] }) });
  keys.revoke(revoked.grant.id);
});
after(async () => {
  await served.server.close();
  await engine.close();
});

const refusedKeys: Readonly<Record<string, string | null>> = {
  'no key': null,
  'a wrong key': `${device.token.slice(0, -2)}xx`,
  'a revoked key': revoked.token,
};
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'QUERY'];
/** Path, its method, and the status for a device's key. */
const routes: readonly (readonly [string, string, number])[] = [
  ['/health', 'GET', 200],
  ['/readyz', 'GET', 200],
  ['/v1/models', 'GET', 200],
  ['/v1/models/toy', 'GET', 200],
  ['/v1/models/other', 'GET', 404],
  ['/v1/completions', 'POST', 400],
  ['/v1/chat/completions', 'POST', 400],
  ['/metrics', 'GET', 403],
  ['/stats', 'GET', 403],
  ['/nowhere', 'GET', 404],
  ['/', 'GET', 404],
];
/** Paths that no router can parse. */
const unreadable = ['/%zz', '/v1/models/%'];
const disguises = ['//metrics', '/%6detrics', '/metrics?x=1', '/stats?x=1', '/%73tats', '//stats'];

/**
 * The number in the status line. Uses a raw socket, because a client library would refuse or
 * rewrite such paths.
 */
async function statusOf(
  method: string,
  path: string,
  token: string | null,
  more = '',
): Promise<number> {
  const socket = connect(served.port, '127.0.0.1');
  socket.on('error', () => undefined);
  const shown = token === null ? '' : `Authorization: Bearer ${token}\r\n`;
  const body = method === 'POST' ? 'Content-Type: application/json\r\nContent-Length: 2\r\n' : '';
  const end = method === 'POST' ? '{}' : '';
  socket.write(`${method} ${path} HTTP/1.1\r\nHost: x\r\n${shown}${body}${more}\r\n${end}`);
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(bytes.toString())?.[1]);
}

const upgrade =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: pilotfish\r\n';

describe('a server with keys', () => {
  for (const [who, token] of Object.entries(refusedKeys)) {
    it(`refuses ${who} on every path, by every method, and the upgrade`, async () => {
      const paths = [
        ...routes.map(([path]) => path),
        ...disguises,
        ...unreadable,
        '/livez/',
        '//livez',
      ];
      for (const path of paths) {
        for (const method of methods) {
          assert.equal(await statusOf(method, path, token), 401, `${method} ${path}`);
        }
        assert.equal(await statusOf('GET', path, token, upgrade), 401, `upgrade ${path}`);
      }
      assert.equal(await statusOf('GET', '/livez', token), 200);
      assert.equal(await statusOf('GET', '/livez', token, upgrade), 401);
    });
  }

  it('answers a device on its routes, and hides what concerns others', async () => {
    for (const [path, method, status] of routes) {
      assert.equal(await statusOf(method, path, device.token), status, path);
    }
    for (const path of disguises) {
      const status = await statusOf('GET', path, device.token);
      assert.ok(status === 403 || status === 404, `${path}: ${status}`);
    }
    for (const path of unreadable) {
      assert.equal(await statusOf('GET', path, device.token), 404, path);
    }
    // Fastify checks the content type of this method first: the caller's mistake, and no entry in
    // the log.
    assert.equal(await statusOf('QUERY', '/v1/models', device.token), 415);
    assert.equal(await statusOf('GET', '/', device.token, upgrade), 101);
  });

  it('shows counts to a key that has the right', async () => {
    for (const path of ['/metrics', '/stats']) {
      assert.equal(await statusOf('GET', path, scraper.token), 200, path);
    }
  });
});
