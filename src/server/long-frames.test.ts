// Checks over real sockets that a frame which is decoded on another thread means what it would have
// meant here.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeFrame } from '../protocol/codec.js';
import type { Open } from '../protocol/frame.js';
import { smallPicture, until } from './eyes/eyes.suite.js';
import { openWith, refOf, withEyes } from './pictures-in/picture-device.suite.js';

/** The same frame, and padding that makes it too long to be decoded at once. */
const padded = (open: Open): Uint8Array => encodeFrame(open, 2 ** 18);
const chat = (content: string): Open['prompt'] => ({
  kind: 'messages',
  messages: [{ role: 'user', content }],
});

describe('a long frame', () => {
  it('opens the session that it would open if it were short', async () => {
    await withEyes(async ({ device }) => {
      const one = await device();
      const file = smallPicture(1);
      const prompts: Partial<Open>[] = [
        { prompt: { kind: 'text', text: 'una' } },
        { prompt: { kind: 'ids', ids: Int32Array.of(0, 3, 5) } },
        { prompt: chat('una'), schema: '{"enum":["una"]}' },
        { prompt: chat('una nau'), pictures: [refOf(file, { at: 4 })] },
        { prompt: chat('una'), pictures: [refOf(file, { at: 9 })] },
        { prompt: { kind: 'text', text: 'una'.repeat(50_000) } },
        { prompt: chat('una'.repeat(50_000)) },
      ];
      for (const [index, changes] of prompts.entries()) {
        const [short, long] = [2 * index, 2 * index + 1];
        one.send(openWith([], { ...changes, session: short }));
        one.socket.send(padded(openWith([], { ...changes, session: long })));
        const { length: pictureCount } = changes.pictures ?? [];
        if (pictureCount > 0) {
          for (const session of [short, long]) one.sendFile(session, 0, file);
        }
        await until(() =>
          [short, long].every((session) =>
            [...one.of('failure', session), ...one.of('verdict', session)].some(
              (frame) => frame.kind === 'failure' || frame.end !== null,
            ),
          ),
        );
        const told = [short, long].map((session) => ({
          failures: one.of('failure', session).map(({ code, message }) => ({ code, message })),
          opened: one
            .of('opened', session)
            .map(({ promptIds, promptLength, images }) => ({ promptIds, promptLength, images })),
          text: one.of('verdict', session).flatMap(({ tokens }) => [...tokens]),
        }));
        assert.deepEqual(told[1]?.failures, told[0]?.failures);
        assert.deepEqual(told[1]?.text, told[0]?.text);
        assert.deepEqual(told[1]?.opened.length, told[0]?.opened.length);
        assert.deepEqual(told[1]?.opened[0]?.promptIds, told[0]?.opened[0]?.promptIds);
      }
    });
  });

  it('comes before what was sent behind it', async () => {
    await withEyes(async ({ device }) => {
      const one = await device();
      const prompt = { kind: 'text', text: 'una' } as const;
      one.socket.send(padded(openWith([], { prompt })));
      one.send({ kind: 'cancel', session: 0 }, { kind: 'ping', nonce: 5, isCover: false });
      one.send(openWith([], { prompt, session: 1 }));
      await one.until('pong');
      assert.equal((await one.text(1)).length, 20);
      assert.equal(one.frames.findIndex(({ kind }) => kind === 'opened') > 0, true);
      assert.deepEqual(one.of('failure'), []);
      const [opened] = one.of('opened');
      assert.ok(opened !== undefined);
      assert.equal(one.of('verdict').at(-1)?.end, 'cancelled');
    });
  });

  it('is refused before the connection has greeted, without being decoded', async () => {
    await withEyes(async ({ server }) => {
      const { WebSocket } = await import('ws');
      const socket = new WebSocket(server.address, ['pilotfish']);
      socket.on('error', () => undefined);
      const closed = new Promise<number>((resolve) => {
        socket.once('close', resolve);
      });
      socket.once('open', () => socket.send(padded(openWith([]))));
      assert.equal(await closed, 4000 + 2);
    });
  });
});
