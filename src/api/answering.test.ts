// How an answer goes once it has begun: its choices, and its end where one of them fails, nobody reads, or too many are
// asked for at once.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import {
  ask,
  failing,
  json,
  metricsOf,
  ToldGenerator,
  threeWords,
  until,
  withDoor,
  word,
} from './door.suite.js';
import { unreadBytesMax } from './event-stream.js';

describe('choices', () => {
  it('have seeds that follow the first, and usage that counts each prompt once', async () => {
    const generator = new ToldGenerator();
    await withDoor(generator, {}, async ({ post }) => {
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

  it('without a seed have different ones', async () => {
    const generator = new ToldGenerator();
    await withDoor(generator, {}, async ({ post }) => {
      await post('/v1/completions', { ...ask, n: 2 });
      const [first, second] = generator.requests;
      assert.notEqual(first!.seed, second!.seed);
    });
  });

  it('end together when one of them fails', async () => {
    const generator = new ToldGenerator((queue, { seed }) => {
      queue.accept(1);
      if (seed === 1n) failing('engine-failed', 'out of memory')(queue, generator.requests[0]!);
    });
    await withDoor(generator, {}, async ({ post }) => {
      const response = await post('/v1/completions', { ...ask, n: 2, seed: 0 });
      assert.equal(response.status, 500);
      assert.equal((await json(response)).error.code, 'engine_failed');
      assert.equal(generator.openCount, 0);
    });
  });
});

describe('an answer that fails in the middle', () => {
  it('ends with an event of the error, and without [DONE]', async () => {
    const generator = new ToldGenerator((queue) => {
      queue.accept(1);
      queue.push(word('half'));
      setImmediate(() => failing('link-lost', 'gone')(queue, generator.requests[0]!));
    });
    await withDoor(generator, {}, async ({ post }) => {
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
const endless = new ToldGenerator((queue) => queue.accept(1)).play;

describe('a client that vanishes', () => {
  for (const stream of [true, false]) {
    it(`ends its generations at once (stream: ${stream})`, async () => {
      const generator = new ToldGenerator(endless);
      await withDoor(generator, {}, async ({ url, door, post }) => {
        const leaving = new AbortController();
        const body = { ...ask, n: 3, stream };
        const left = post('/v1/completions', body, {}, leaving.signal).catch(() => null);
        await until(() => generator.openCount === 3);
        leaving.abort();
        await left;
        await until(() => generator.openCount === 0 && door.openCount === 0);
        assert.match(await metricsOf(url), /abandoned_answers_total\{why="gone"\} 1/);
      });
    });
  }
});

describe('a reader that does not read', () => {
  it('is cut off once more is unread than it may leave', async () => {
    const generator = new ToldGenerator(endless);
    await withDoor(generator, {}, async ({ url, door }) => {
      let queue: { push(delta: ReturnType<typeof word>): void } | null = null;
      generator.play = (made) => {
        made.accept(1);
        queue = made;
      };
      const socket = connect(Number(new URL(url).port), '127.0.0.1');
      const body = JSON.stringify({ ...ask, stream: true });
      socket.pause();
      socket.write(
        `POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
          `Content-Length: ${body.length}\r\n\r\n${body}`,
      );
      await until(() => queue !== null);
      // The kernel takes some megabytes before anything is left unread.
      for (let sent = 0; generator.openCount > 0; sent++) {
        assert.ok(sent < 400, 'the reader was never cut off');
        queue!.push(word('y'.repeat(unreadBytesMax / 4)));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await until(() => door.openCount === 0);
      assert.match(await metricsOf(url), /abandoned_answers_total\{why="slow"\} 1/);
      socket.destroy();
    });
  });
});

describe('requests beyond the limit', () => {
  it('are refused until one of those before them is over', async () => {
    const generator = new ToldGenerator(endless);
    await withDoor(generator, { requestsMax: 2 }, async ({ door, post }) => {
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
      await until(() => door.openCount === 1);
      generator.play = threeWords;
      assert.equal((await post('/v1/completions', ask)).status, 200);
      void Promise.all(held);
    });
  });
});
