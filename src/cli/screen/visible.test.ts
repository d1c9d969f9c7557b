// Checks that no text of a peer, a model or a file forges a line, reorders its surroundings or
// steers a terminal, at the places where such texts are printed.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { WebSocketServer } from 'ws';
import { createScriptedEngine } from '../../engine/scripted-engine.js';
import { encodeFrame } from '../../protocol/codec.js';
import { startServer } from '../../server/index.js';
import { runHere } from '../in-process.suite.js';
import { topText } from '../top/view.js';
import { TokenStream } from './render.js';
import { printJson, type Terminal } from './terminal.js';
import { noteTo } from './text-view.js';
import { visible } from './visible.js';

const breaks = '\n\r\u2028\u2029\u0085\u000b\u000c';
const bidi = '\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c';
const hostile = `fair${breaks}forged${bidi}\u001b[2J\u009b1m\u0007end`;
const unsafe =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]|^forged/m;

/** What a command writes to both streams. */
function collected(write: (terminal: Terminal) => void): string {
  let written = '';
  const stream = { write: (text: string) => (written += text) };
  write({ out: stream, err: stream, env: {}, signal: new AbortController().signal });
  return written;
}

describe('a text that is printed', () => {
  it('stays on its line and in its order where it is a message', () => {
    assert.doesNotMatch(visible(hostile, 'all'), unsafe);
    assert.doesNotMatch(visible(hostile, 'all'), /\n/);
    assert.equal(visible('naïve שלום 日本', 'all'), 'naïve שלום 日本');
  });

  it('keeps line breaks and bidi marks where it is an answer, but no override', () => {
    const marks = '\u200e\u200f\u061c';
    assert.equal(visible(`a\n\tb${marks}`, 'terminal'), `a\n\tb${marks}`);
    assert.equal(visible('a\u202eb\u2067c\u2028d', 'terminal'), 'a␦b␦c␦d');
    const written = collected(({ out }) => {
      const stream = new TokenStream((text) => out.write(text), { colour: false });
      stream.push('accepted', new TextEncoder().encode('safe \u202egpj.exe'));
      stream.end();
    });
    assert.doesNotMatch(written, unsafe);
  });

  it('is safe as a note, and as JSON, which means the same', () => {
    assert.doesNotMatch(
      collected((terminal) => noteTo(terminal)(hostile)),
      unsafe,
    );
    const json = collected((terminal) => printJson(terminal, { model: hostile }));
    assert.doesNotMatch(json, unsafe);
    assert.deepEqual(JSON.parse(json), { model: hostile });
  });
});

describe('a hostile peer', () => {
  it('cannot forge a line by the message of a failure', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    const failure = { code: 'key-refused', session: null, retryAfterMs: 0, block: null } as const;
    server.on('connection', (socket) => {
      socket.send(encodeFrame({ kind: 'failure', ...failure, message: hostile }));
    });
    const { port } = server.address() as AddressInfo;
    try {
      const flags = ['--draft', 'none', '--fallback', 'fail', '--server', `127.0.0.1:${port}`];
      const { code, out, err } = await runHere(['run', 'Hello', ...flags]);
      assert.notEqual(code, 0);
      assert.match(err, /fair/, 'the message is shown');
      assert.doesNotMatch(out + err, unsafe);
    } finally {
      for (const client of server.clients) client.terminate();
      server.close();
    }
  });

  it('cannot by the figures that top shows', async () => {
    const engine = createScriptedEngine();
    const server = await startServer({ engine, port: 0 });
    const stats = server.stats();
    await server.close();
    await engine.close();
    // Text in place of numbers: the client has no schema of them.
    const figure = hostile as unknown as number;
    const core = { ...stats.core, slotCount: figure, sessionCount: figure, queueLength: figure };
    const text = topText({ ...stats, modelName: hostile, core }, null);
    assert.match(text, /fair/);
    assert.doesNotMatch(text, unsafe);
  });

  it('cannot by the name of a model file, or what stands in it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pilotfish-visible-'));
    try {
      writeFileSync(join(folder, `${hostile}.gguf`), 'GGUF');
      const { out, err } = await runHere(['models'], { LLAMA_CACHE: folder });
      assert.match(out, /not usable: .*fair/);
      assert.doesNotMatch(out + err, unsafe);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
