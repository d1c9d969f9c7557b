// Checks over sockets that heads which can be read in two ways are refused with their status, and
// that those of honest clients are not.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, it } from 'node:test';
import { type Access, openAccess } from './access.js';
import { createGuardedServer } from './guarded-server.js';
import { keyed } from './key-ring.suite.js';

/** Answers with the body of a request, and with 101 to an upgrade. */
async function withServer(access: Access, test: (port: number) => Promise<void>): Promise<void> {
  const server = createGuardedServer({
    ...{ access, tls: null },
    request: (request: IncomingMessage, response: ServerResponse) => request.pipe(response),
    upgradeRules: { path: '/', subprotocol: 'pilotfish' },
    upgrade: (_request, socket) => socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
  }) as Server;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await test((server.address() as AddressInfo).port);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** All that comes back until the server ends the connection; it is the one to end it. */
async function answerTo(port: number, lines: readonly string[], body = ''): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.setTimeout(5_000, () => socket.destroy(new Error('the connection stays open')));
  socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`);
  let said = '';
  for await (const bytes of socket) said += bytes;
  return said;
}

const host = 'Host: localhost';
const closing = 'Connection: close';
const chunks = '3\r\nabc\r\n0\r\n\r\n';

describe('the head of a request', () => {
  const refused: readonly [string, number, readonly string[]][] = [
    ['two hosts', 400, ['GET / HTTP/1.1', host, 'host: other']],
    ['the same host twice', 400, ['GET / HTTP/1.1', host, host]],
    ['an unknown coding', 501, ['POST / HTTP/1.1', host, 'Transfer-Encoding: gzip, chunked']],
    ['two codings', 400, ['POST / HTTP/1.1', host, 'Transfer-Encoding: chunked, chunked']],
    [
      'a coding in two fields',
      501,
      ['POST / HTTP/1.1', host, 'Transfer-Encoding: gzip', 'Transfer-Encoding: chunked'],
    ],
    ['chunks in HTTP/1.0', 400, ['POST / HTTP/1.0', host, 'Transfer-Encoding: chunked']],
  ];
  for (const [name, status, lines] of refused) {
    it(`is refused for ${name}, and its connection ends`, () =>
      withServer(openAccess(), async (port) => {
        assert.match(await answerTo(port, lines, chunks), new RegExp(`^HTTP/1\\.1 ${status} `));
      }));
  }

  it('is refused before the key is looked at', () =>
    withServer(keyed().access, async (port) => {
      assert.match(await answerTo(port, ['GET / HTTP/1.1', host, host]), /^HTTP\/1\.1 400 /);
    }));

  for (const [name, lines, body] of [
    ['no body', ['GET / HTTP/1.1', host, closing], ''],
    ['a length', ['POST / HTTP/1.1', host, closing, 'Content-Length: 3'], 'abc'],
    ['chunks', ['POST / HTTP/1.1', host, closing, 'Transfer-Encoding: chunked'], chunks],
    ['Chunks', ['POST / HTTP/1.1', host, closing, 'transfer-encoding: Chunked'], chunks],
    ['HTTP/1.0', ['POST / HTTP/1.0', 'Content-Length: 3'], 'abc'],
  ] as const) {
    it(`is taken with ${name}`, () =>
      withServer(openAccess(), async (port) => {
        assert.match(await answerTo(port, lines, body), /^HTTP\/1\.1 200 /);
      }));
  }
});

describe('an upgrade', () => {
  const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
  const offer = 'Sec-WebSocket-Protocol: pilotfish';
  const version = 'Sec-WebSocket-Version: 13';
  const asking = [host, 'Connection: Upgrade', 'Upgrade: websocket', key];
  const whole = ['GET / HTTP/1.1', ...asking, version, offer];

  for (const [name, status, lines] of [
    ['another path', 404, ['GET /chat HTTP/1.1', ...asking, version, offer]],
    ['a path that only begins so', 404, ['GET // HTTP/1.1', ...asking, version, offer]],
    ['another version', 426, ['GET / HTTP/1.1', ...asking, 'Sec-WebSocket-Version: 8', offer]],
    ['no version', 426, ['GET / HTTP/1.1', ...asking, offer]],
    ['no subprotocol', 400, ['GET / HTTP/1.1', ...asking, version]],
    ['another subprotocol', 400, [...whole.slice(0, -1), 'Sec-WebSocket-Protocol: chat']],
    ['HTTP/1.0', 505, ['GET / HTTP/1.0', ...asking, version, offer]],
    ['another method', 405, ['POST / HTTP/1.1', ...asking, version, offer]],
    ['another protocol', 426, ['GET / HTTP/1.1', host, 'Connection: Upgrade', 'Upgrade: h2c']],
    ['two hosts', 400, [...whole, host]],
  ] as const) {
    it(`is refused for ${name}`, () =>
      withServer(openAccess(), async (port) => {
        assert.match(await answerTo(port, lines), new RegExp(`^HTTP/1\\.1 ${status} `));
      }));
  }

  it('says which version is spoken here', () =>
    withServer(openAccess(), async (port) => {
      const answer = await answerTo(port, ['GET / HTTP/1.1', ...asking, offer]);
      assert.match(answer, /\r\nSec-WebSocket-Version: 13\r\n/);
    }));

  it('without a key is refused for that alone, wherever it goes', () =>
    withServer(keyed().access, async (port) => {
      const answer = await answerTo(port, ['GET /chat HTTP/1.1', ...asking, version]);
      assert.match(answer, /^HTTP\/1\.1 401 /);
    }));

  it('is taken from a device, from a page with its key, and with a query', async () => {
    await withServer(openAccess(), async (port) => {
      const page = [...whole.slice(0, -1), `${offer}, pilotfish.key.pf_1`];
      for (const lines of [whole, page, ['GET /?a=b HTTP/1.1', ...whole.slice(1)]]) {
        assert.match(await answerTo(port, lines), /^HTTP\/1\.1 101 /);
      }
    });
  });
});
