// Checks how an answer runs and ends: its choices, an error in one of them, a client that leaves,
// and the limit of requests.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import {
  ask,
  failing,
  json,
  metricsOf,
  ScriptedGenerator,
  threeWords,
  until,
  withApi,
  word,
} from './api.suite.js';
import { unreadBytesMax } from './event-stream.js';
import { bodyBytesMax } from './http-api.js';

describe('choices', () => {
  it('have seeds that follow the first, and usage that counts each prompt once', async () => {
    const generator = new ScriptedGenerator();
    await withApi(generator, {}, async ({ post }) => {
      const body = { ...ask, prompt: ['a', 'b'], n: 3, seed: -1 };
      const answer = await json(await post('/v1/completions', body));
      const last = 2n ** 64n - 1n;
      assert.deepEqual(
        generator.requests.map(({ seed }) => seed),
        [last, 0n, 1n, last, 0n, 1n],
      );
      assert.deepEqual(
        answer.choices.map(({ index, text }) => [index, text]),
        [0, 1, 2, 3, 4, 5].map((index) => [index, 'one two three']),
      );
      assert.equal(answer.usage.prompt_tokens, 10);
      assert.equal(answer.usage.completion_tokens, 18);
    });
  });

  it('are as many as may be asked for without a complaint of the runtime', async () => {
    const complaints: string[] = [];
    const onWarning = ({ name }: Error): number => complaints.push(name);
    process.on('warning', onWarning);
    const generator = new ScriptedGenerator();
    await withApi(generator, {}, async ({ post }) => {
      const { choices } = await json(await post('/v1/completions', { ...ask, n: 16 }));
      assert.equal(choices.length, 16);
    });
    process.off('warning', onWarning);
    assert.deepEqual(complaints, []);
  });

  it('without a seed have different ones', async () => {
    const generator = new ScriptedGenerator();
    await withApi(generator, {}, async ({ post }) => {
      await post('/v1/completions', { ...ask, n: 2 });
      const [first, second] = generator.requests;
      assert.notEqual(first!.seed, second!.seed);
    });
  });

  it('end together when one of them fails', async () => {
    const generator = new ScriptedGenerator((queue, { seed }) => {
      queue.accept(1);
      if (seed === 1n) failing('engine-failed', 'out of memory')(queue, generator.requests[0]!);
    });
    await withApi(generator, {}, async ({ post }) => {
      const response = await post('/v1/completions', { ...ask, n: 2, seed: 0 });
      assert.equal(response.status, 500);
      assert.equal((await json(response)).error.code, 'engine_failed');
      assert.equal(generator.openCount, 0);
    });
  });
});

describe('an answer that fails in the middle', () => {
  it('ends with an event of the error, and without [DONE]', async () => {
    const generator = new ScriptedGenerator((queue) => {
      queue.accept(1);
      queue.push(word('half'));
      setImmediate(() => failing('link-lost', 'gone')(queue, generator.requests[0]!));
    });
    await withApi(generator, {}, async ({ post }) => {
      const response = await post('/v1/completions', { ...ask, stream: true });
      assert.equal(response.status, 200);
      const events = (await response.text()).trim().split('\n\n');
      assert.match(events[0]!, /half/);
      assert.equal(JSON.parse(events[1]!.slice(6)).error.code, 'server_unavailable');
      assert.equal(events.length, 2);
    });
  });
});

/** Accepts and never ends. */
const endless = new ScriptedGenerator((queue) => queue.accept(1)).script;

describe('a client that vanishes', () => {
  for (const stream of [true, false]) {
    it(`ends its generations at once (stream: ${stream})`, async () => {
      const generator = new ScriptedGenerator(endless);
      await withApi(generator, {}, async ({ url, api, post }) => {
        const leaving = new AbortController();
        const body = { ...ask, n: 3, stream };
        const left = post('/v1/completions', body, {}, leaving.signal).catch(() => null);
        await until(() => generator.openCount === 3);
        leaving.abort();
        await left;
        await until(() => generator.openCount === 0 && api.openCount === 0);
        assert.match(await metricsOf(url), /abandoned_answers_total\{why="gone"\} 1/);
      });
    });
  }
});

describe('a client of many requests at once on one connection', () => {
  it('ends all of them when it vanishes', async () => {
    const generator = new ScriptedGenerator(endless);
    await withApi(generator, {}, async ({ url, api }) => {
      const socket = connect(Number(new URL(url).port), '127.0.0.1');
      for (const stream of [true, false, true]) socket.write(posted({ ...ask, stream }));
      await until(() => generator.openCount === 3);
      socket.destroy();
      await until(() => generator.openCount === 0 && api.openCount === 0);
      assert.match(await metricsOf(url), /abandoned_answers_total\{why="gone"\} 3/);
    });
  });
});

describe('bodies that do not end', () => {
  it('are refused room beyond the limit, small ones never, and leave it when they go', async () => {
    const bodiesBytesMax = 2 * bodyBytesMax;
    await withApi(new ScriptedGenerator(), { bodiesBytesMax }, async ({ url, post }) => {
      const sockets = [`Content-Length: ${bodyBytesMax}`, 'Transfer-Encoding: chunked'].map(
        (length) => {
          const socket = connect(Number(new URL(url).port), '127.0.0.1');
          socket.write(`${postHead}${length}\r\n\r\n`);
          return socket;
        },
      );
      const long = (): Promise<Response> =>
        post('/v1/completions', { ...ask, user: 'x'.repeat(100_000) });
      let refusal = await long();
      // The server may notice the closed sockets after it sees the new request.
      for (; refusal.status === 200; refusal = await long());
      assert.equal(refusal.status, 503);
      assert.equal((await json(refusal)).error.code, 'server_busy');
      assert.equal((await post('/v1/completions', ask)).status, 200);
      for (const socket of sockets) socket.destroy();
      for (let turn = 0; (await long()).status !== 200; turn++) assert.ok(turn < 1000);
    });
  });
});

const postHead =
  'POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';

function posted(body: object): string {
  const text = JSON.stringify(body);
  return `${postHead}Content-Length: ${text.length}\r\n\r\n${text}`;
}

describe('a reader that does not read', () => {
  it('is cut off once more is unread than it may leave', async () => {
    const generator = new ScriptedGenerator(endless);
    await withApi(generator, {}, async ({ url, api }) => {
      let queue: { push(delta: ReturnType<typeof word>): void } | null = null;
      generator.script = (made) => {
        made.accept(1);
        queue = made;
      };
      const socket = connect(Number(new URL(url).port), '127.0.0.1');
      socket.pause();
      socket.write(posted({ ...ask, stream: true }));
      await until(() => queue !== null);
      // The kernel buffers some megabytes before anything counts as unread.
      for (let sent = 0; generator.openCount > 0; sent++) {
        assert.ok(sent < 400, 'the reader was never cut off');
        queue!.push(word('y'.repeat(unreadBytesMax / 4)));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await until(() => api.openCount === 0);
      assert.match(await metricsOf(url), /abandoned_answers_total\{why="slow"\} 1/);
      socket.destroy();
    });
  });
});

describe('requests beyond the limit', () => {
  it('are refused until one of those before them is over', async () => {
    const generator = new ScriptedGenerator(endless);
    await withApi(generator, { requestsMax: 2 }, async ({ api, post }) => {
      const leaving = new AbortController();
      const held = [leaving.signal, null].map((signal) =>
        post('/v1/completions', ask, {}, signal).catch(() => null),
      );
      await until(() => generator.openCount === 2);
      const refusal = await post('/v1/completions', ask);
      assert.equal(refusal.status, 503);
      assert.equal((await json(refusal)).error.code, 'server_busy');
      assert.equal(generator.openCount, 2);
      leaving.abort();
      await until(() => api.openCount === 1);
      generator.script = threeWords;
      assert.equal((await post('/v1/completions', ask)).status, 200);
      void Promise.all(held);
    });
  });
});
