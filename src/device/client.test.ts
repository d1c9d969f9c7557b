// Tests the library as a program uses it: real WebSockets on loopback, the shipped server, scripted
// engines.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Engine } from '../engine/engine.js';
import { createScriptedEngine } from '../engine/scripted-engine.js';
import { bannedEnd } from '../engine/scripted-vocabulary.js';
import { type RunningServer, startServer } from '../server/index.js';
import { targetOnly } from './core/device-world.suite.js';
import { type ConnectOptions, connect, type Piece } from './index.js';
import { serveLines } from './line-service.js';

const ids = Int32Array.of(0, 3, 5);
const seed = 11n;

/**
 * A scripted engine's passes never let the event loop turn, so a whole answer would be one tick.
 */
function turning(engine: Engine): Engine {
  return {
    info: engine.info,
    open: engine.open,
    pass: async (segments) => {
      await setImmediate();
      return engine.pass(segments);
    },
    draft: (request, onToken) => engine.draft(request, onToken),
    draftEach: engine.draftEach,
    truncate: engine.truncate,
    copyPrefix: engine.copyPrefix,
    save: engine.save,
    restore: engine.restore,
    see: engine.see,
    forget: engine.forget,
    close: () => engine.close(),
  };
}

describe('client', () => {
  const target = turning(createScriptedEngine());
  let server: RunningServer;
  before(async () => {
    server = await startServer({ engine: target, port: 0 });
  });
  after(async () => {
    await server.close();
    await target.close();
  });

  const open = (changes: Partial<ConnectOptions> = {}) =>
    connect({ url: server.address, drafter: { kind: 'none' }, ...changes });

  const drafters = (): [string, ConnectOptions['drafter'], Engine | null][] => {
    const draft = createScriptedEngine({ divergence: 0.3 });
    return [
      ['engine', { kind: 'engine', engine: draft }, draft],
      ['suffix', { kind: 'suffix' }, null],
      ['none', { kind: 'none' }, null],
    ];
  };

  it('writes the target-only text with every drafter and mode, and one text for ids, text and none', async () => {
    for (const scheme of ['greedy', 'coupled'] as const) {
      const expected = targetOnly({ scheme });
      for (const [name, drafter, engine] of drafters()) {
        const client = await open({ drafter, vocabulary: target.info.vocabulary });
        for (const mode of ['race', 'pipeline', 'stop-and-wait'] as const) {
          const answer = client.generate({
            ids,
            sampling: bannedEnd,
            seed,
            scheme,
            mode,
            tokensMax: 40,
          });
          const { tokens, text, statistics } = await answer.result;
          assert.deepEqual(tokens, expected, `${name} ${scheme} ${mode}`);
          assert.equal(text.length > 0, true);
          assert.equal(statistics.tokenCount, 40);
        }
        await client.close();
        await engine?.close();
      }
    }
  });

  it('streams tokens whose texts add up to the result', async () => {
    const draft = createScriptedEngine({ divergence: 0.3 });
    const client = await open({ drafter: { kind: 'engine', engine: draft } });
    const answer = client.generate({ prompt: 'aei', sampling: bannedEnd, seed, tokensMax: 60 });
    const pieces: Piece[] = [];
    for await (const piece of answer) pieces.push(piece);
    const text = pieces.map((piece) => ('text' in piece ? piece.text : '')).join('');
    const result = await answer.result;
    assert.equal(text, result.text);
    assert.equal(pieces.filter(({ kind }) => kind === 'token').length, 60);
    await client.close();
    await draft.close();
  });

  it('several answers share one draft engine and one connection', async () => {
    const draft = createScriptedEngine({ divergence: 0.3, slotCount: 2 });
    const client = await open({ drafter: { kind: 'engine', engine: draft } });
    // One more than the drafter has slots: the last goes on without drafts.
    const answers = [1n, 2n, 3n].map((own) =>
      client.generate({ ids, sampling: bannedEnd, seed: own, tokensMax: 40 }),
    );
    for (const [index, answer] of answers.entries()) {
      const { tokens } = await answer.result;
      assert.deepEqual(tokens, targetOnly({ seed: BigInt(index + 1) }));
    }
    assert.equal(client.answerCount, 0);
    await client.close();
    await draft.close();
  });

  it('a stop string ends an answer, and the next one goes on as if it had never been', async () => {
    const draft = createScriptedEngine({ divergence: 0.3 });
    const client = await open({ drafter: { kind: 'engine', engine: draft } });
    const whole = await client.generate({ ids, sampling: bannedEnd, seed, tokensMax: 60 }).result;
    const stop = whole.text.slice(20, 23);
    const cut = await client.generate({
      ids,
      sampling: bannedEnd,
      seed,
      tokensMax: 60,
      stops: [stop],
    }).result;
    assert.equal(cut.reason, 'stop');
    assert.equal(cut.text, whole.text.slice(0, whole.text.indexOf(stop)));
    assert.deepEqual(cut.tokens, whole.tokens.slice(0, cut.tokens.length));
    assert.equal(client.answerCount, 0);
    assert.equal(
      (await client.generate({ ids, sampling: bannedEnd, seed, tokensMax: 60 }).result).text,
      whole.text,
    );
    await client.close();
    await draft.close();
  });

  it('a signal ends an answer at once and leaves nothing at either end', async () => {
    const draft = createScriptedEngine({ divergence: 0.3 });
    const client = await open({ drafter: { kind: 'engine', engine: draft } });
    const stop = new AbortController();
    const answer = client.generate({
      ids,
      sampling: bannedEnd,
      seed,
      tokensMax: 200,
      signal: stop.signal,
    });
    let count = 0;
    await assert.rejects(
      async () => {
        for await (const piece of answer) {
          if (piece.kind === 'token' && ++count === 5) stop.abort();
        }
      },
      { code: 'cancelled' },
    );
    await assert.rejects(answer.result, { code: 'cancelled' });
    assert.equal(count, 5, 'nothing is told after the signal');
    assert.equal(client.answerCount, 0);
    const next = await client.generate({ ids, sampling: bannedEnd, seed, tokensMax: 10 }).result;
    assert.equal(next.tokens.length, 10);
    await client.close();
    await draft.close();
  });

  it('refuses bad requests before anything is sent, by name', async () => {
    const client = await open({ vocabulary: target.info.vocabulary });
    const good = { ids, sampling: bannedEnd, seed, tokensMax: 4 };
    const cases: [object, string][] = [
      [{ ...good, tokensMax: 0 }, 'usage'],
      [{ ...good, prompt: 'a' }, 'usage'],
      [{ ...good, ids: new Int32Array(0) }, 'prompt-empty'],
      [{ ...good, seed: -1n }, 'usage'],
      [{ ...good, sampling: { ...bannedEnd, topP: 0 } }, 'sampling-invalid'],
      [{ ...good, scheme: 'split', mode: 'race' }, 'usage'],
      [{ ...good, stops: ['a', ''] }, 'usage'],
    ];
    for (const [request, code] of cases) {
      assert.throws(() => client.generate(request as typeof good), { code });
    }
    await client.close();
  });

  it('an address where no server listens is server-unreachable, exit code 4', async () => {
    const gone = await startServer({ engine: target, port: 0 });
    const { address } = gone;
    await gone.close();
    await assert.rejects(
      open({ url: address }),
      (error: Error & { entry: { exitCode: number } }) => {
        assert.equal(error.entry.exitCode, 4);
        assert.match(error.message, /no server answers at ws:/);
        return true;
      },
    );
  });

  it('a host that accepts the connection and stays silent does not hold a caller that has stopped waiting', async () => {
    const open = new Set<Socket>();
    const silent = createServer((socket) => open.add(socket)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const stop = new AbortController();
    silent.once('connection', () => stop.abort());
    const url = `ws://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const timing = { linkTimeoutMs: 1e9 };
    await assert.rejects(connect({ url, drafter: { kind: 'none' }, signal: stop.signal, timing }), {
      code: 'cancelled',
    });
    // The other end sees the socket close; no time-out would have done that.
    for (const socket of open) if (!socket.destroyed) await once(socket.resume(), 'close');
    silent.close();
  });

  it('another vocabulary is refused with its first difference', async () => {
    const draft = createScriptedEngine({ vocabSize: 8 });
    await assert.rejects(open({ drafter: { kind: 'engine', engine: draft } }), {
      code: 'vocabulary-mismatch',
      message: /the first 8 tokens agree, but the target has 16 and the draft 8/,
    });
    await draft.close();
  });

  it('lines: an input that is cut off by the signal is no error', async () => {
    const client = await open();
    const stop = new AbortController();
    async function* input(): AsyncGenerator<Uint8Array> {
      yield new TextEncoder().encode('{"cancel":true}\n');
      stop.abort();
      throw new Error('Premature close');
    }
    const events: { message: string }[] = [];
    const write = (line: string): unknown => events.push(JSON.parse(line));
    await serveLines(client, { input: input(), write }, stop.signal);
    assert.deepEqual(
      events.map(({ message }) => message),
      ['no answer has the id null'],
    );
    await client.close();
  });

  it('lines: answers several requests, names what is wrong with bad ones, cancels', async () => {
    const client = await open({ vocabulary: target.info.vocabulary });
    const lines = [
      '{"id":1,"ids":[0,3,5],"maxTokens":40,"seed":"11","logitBias":{"1":"-inf"}}',
      'not json',
      '{"id":2,"prompt":7}',
      '{"id":3,"prompt":"aei","mode":"walk"}',
      '{"id":4,"prompt":"aei","maxTokens":200,"logitBias":{"1":"-inf"}}',
      '{"id":4,"cancel":true}',
      '{"id":5,"prompt":"aei","max_tokens":3}',
      '{"id":6,"cancel":true}',
      '{"id":7,"ids":[0,"3"],"maxTokens":3}',
      '{"id":8,"prompt":"aei","logitBias":{"x":1}}',
      '{"id":9,"messages":[{"role":"user","content":"a","name":"b"}]}',
      '{"id":10,"prompt":"aei","maxTokens":200,"logitBias":{"1":"-inf"},"stop":["e"],"seed":11}',
    ];
    async function* input(): AsyncGenerator<Uint8Array> {
      const bytes = new TextEncoder().encode(`${lines.join('\n')}\n`);
      for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7);
    }
    const events: {
      id: unknown;
      event: string;
      token?: number;
      code?: string;
      message?: string;
      reason?: string;
    }[] = [];
    const write = (line: string): unknown => events.push(JSON.parse(line));
    await serveLines(client, { input: input(), write }, new AbortController().signal);
    const first = events.filter(({ id }) => id === 1);
    assert.deepEqual(
      first.filter(({ event }) => event === 'token').map(({ token }) => token),
      targetOnly({}),
    );
    assert.equal(first.at(-1)!.event, 'end');
    const codes = events.filter(({ event }) => event === 'error').map(({ id, code }) => [id, code]);
    assert.deepEqual(
      new Set(codes.map(String)),
      new Set([',usage', '4,cancelled', ...[2, 3, 5, 6, 7, 8, 9].map((id) => `${id},usage`)]),
    );
    const messageOf = (id: number): string => events.find((event) => event.id === id)!.message!;
    assert.match(
      messageOf(5),
      /there is no field "max_tokens"; fields are id, prompt, .*maxTokens/,
    );
    assert.match(messageOf(6), /no answer has the id 6/);
    assert.match(messageOf(7), /"3" is not the id of a token/);
    const stopped = events.filter(({ id }) => id === 10).at(-1)!;
    assert.deepEqual([stopped.event, stopped.reason], ['end', 'stop']);
    await client.close();
  });
});
