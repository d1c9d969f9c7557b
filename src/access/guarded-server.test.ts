// Checks that slow, silent and long-winded unauthenticated peers are cut off, and that a
// certificate is replaced while the server listens.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { openAccess } from './access.js';
import { makeCertificate, openSslMissing } from './certificate.suite.js';
import { createGuardedServer, type GuardParts } from './guarded-server.js';
import { keyed } from './key-ring.suite.js';
import { TlsFiles } from './tls-files.js';

const timeouts = { requestMs: 60, headersMs: 40, handshakeMs: 40, checkMs: 10 };

async function withServer(
  parts: Partial<GuardParts>,
  test: (port: number, server: Server) => Promise<void>,
): Promise<void> {
  const server = createGuardedServer({
    ...{ access: openAccess(), tls: null, timeouts },
    request: (_request, response) => response.end('hello'),
    ...parts,
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await test((server.address() as AddressInfo).port, server as Server);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** Everything that a socket receives until it is cut off. */
async function heard(socket: Socket): Promise<string> {
  let said = '';
  try {
    for await (const bytes of socket) said += bytes;
  } catch {
    // Reset: it was cut off.
  }
  return said;
}

function say(port: number, text: string): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.write(text);
  return socket;
}

describe('a guarded server', () => {
  it('cuts off who is silent, who never ends its headers, and who never ends its body', async () => {
    await withServer({}, async (port) => {
      const head = 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n';
      const open = { request: (request: { resume(): void }) => request.resume() };
      assert.match(await heard(say(port, '')), /^HTTP\/1\.1 408 |^$/);
      assert.match(await heard(say(port, head)), /^HTTP\/1\.1 408 /);
      await withServer(open as never, async (slow) => {
        assert.match(await heard(say(slow, `${head}\r\nabc`)), /^HTTP\/1\.1 408 /);
      });
    });
  });

  it('cuts off headers that are too long, and what is no HTTP', async () => {
    await withServer({}, async (port) => {
      const long = `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`;
      assert.match(await heard(say(port, long)), /^HTTP\/1\.1 431 /);
      assert.match(await heard(say(port, '\u0016\u0003\u0001\u0002')), /^HTTP\/1\.1 400 /);
    });
  });

  it('keeps no connection of a refused caller, and that of an admitted one', async () => {
    const { access, token } = keyed();
    await withServer({ access }, async (port, server) => {
      const ask = (headers: string): Socket =>
        say(port, `GET / HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`);
      assert.match(await heard(ask('')), /Connection: close/);
      const kept = ask(`Authorization: Bearer ${token}\r\n`);
      const [bytes] = await once(kept, 'data');
      assert.match(String(bytes), /Connection: keep-alive/);
      kept.destroy();
      await once(kept, 'close');
      assert.ok(server.listening);
    });
  });

  it('refuses every upgrade that is not handled or not admitted', async () => {
    const { access } = keyed();
    const upgrade =
      'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    const taken: unknown[] = [];
    const parts = { access, upgrade: () => taken.push('an upgrade') };
    await withServer(parts as never, async (port) => {
      assert.match(await heard(say(port, upgrade)), /^HTTP\/1\.1 401 /);
    });
    assert.deepEqual(taken, []);
  });
});

/** The name in the certificate that a server shows. */
async function nameShown(port: number): Promise<string> {
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

describe('TLS of a guarded server', { skip: openSslMissing() }, () => {
  it('shows a new certificate once its files have changed, and keeps the old beside a wrong one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pilotfish-tls-'));
    const first = makeCertificate(folder, 'first');
    const second = makeCertificate(folder, 'second');
    const notes: string[] = [];
    const paths = { cert: first.certPath, key: first.keyPath, clientCa: null };
    const tls = new TlsFiles(paths, { note: (line) => notes.push(line) });
    await withServer({ tls, timeouts: {} }, async (port) => {
      assert.equal(await nameShown(port), 'first');
      renameSync(second.certPath, first.certPath);
      tls.reload();
      assert.match(notes.pop()!, /cannot be used with the key .*; the certificate stays/);
      assert.equal(await nameShown(port), 'first');
      renameSync(second.keyPath, first.keyPath);
      tls.reload();
      assert.match(notes.pop()!, /again$/);
      assert.equal(await nameShown(port), 'second');
    });
    tls.close();
    rmSync(folder, { recursive: true });
  });

  it('cuts off who opens a connection and never begins the handshake', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pilotfish-tls-'));
    const { certPath: cert, keyPath: key } = makeCertificate(folder);
    const tls = new TlsFiles({ cert, key, clientCa: null }, { note: () => undefined });
    await withServer({ tls }, async (port) => {
      assert.equal(await heard(say(port, '')), '');
      // Plain HTTP is told nothing either.
      assert.doesNotMatch(await heard(say(port, 'GET / HTTP/1.1\r\n\r\n')), /HTTP/);
    });
    tls.close();
    rmSync(folder, { recursive: true });
  });

  it('leaves the loop to others between the handshakes of one address, and ends them all', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pilotfish-tls-'));
    const { certPath: cert, keyPath: key } = makeCertificate(folder);
    const tls = new TlsFiles({ cert, key, clientCa: null }, { note: () => undefined });
    await withServer({ access: keyed().access, tls, timeouts: {} }, async (port) => {
      const count = 48;
      let done = 0;
      let turns = 0;
      const turn = (): void => {
        turns++;
        if (done < count) setImmediate(turn);
      };
      const shaken = Array.from({ length: count }, async () => {
        const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
        await once(socket, 'secureConnect');
        done++;
        socket.destroy();
      });
      turn();
      const startedMs = performance.now();
      await Promise.all(shaken);
      // A burst of 7, then two a turn, with pauses of nine times what a turn took.
      const tookMs = performance.now() - startedMs;
      assert.ok(tookMs > (count - 8) * 2, `${tookMs} ms`);
      assert.ok(turns > count, `${turns} turns`);
    });
    tls.close();
    rmSync(folder, { recursive: true });
  });

  it('is refused at the start for files that are no pair, or not there, without a word of them', () => {
    const folder = mkdtempSync(join(tmpdir(), 'pilotfish-tls-'));
    const [one, other] = [makeCertificate(folder, 'one'), makeCertificate(folder, 'other')];
    const none = join(folder, 'none.pem');
    const text = join(folder, 'text.pem');
    writeFileSync(text, 'no certificate');
    const secret = readFileSync(other.keyPath, 'utf8').split('\n')[1]!;
    const cases: [string, string, RegExp][] = [
      [one.certPath, other.keyPath, /cannot be used with the key/],
      [none, one.keyPath, /does not exist/],
      [text, one.keyPath, /is not in PEM form/],
    ];
    for (const [cert, key, message] of cases) {
      assert.throws(
        () => new TlsFiles({ cert, key, clientCa: null }, { note: () => undefined }),
        (error: Error & { code?: string }) =>
          error.code === 'usage' && message.test(error.message) && !error.message.includes(secret),
      );
    }
    rmSync(folder, { recursive: true });
  });
});
