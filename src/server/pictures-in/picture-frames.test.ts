// Checks pictures of devices over real sockets: what is sent once is not sent again, and nothing
// that goes wrong leaves anything behind.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { draftOf } from '../core/core-harness.suite.js';
import { smallPicture, until } from '../eyes/eyes.suite.js';
import { openWith, plainText, refOf, withEyes } from './picture-device.suite.js';

/** A picture, and more behind its end: what decoders ignore makes it as long as needed. */
const longFile = (length: number, seed = 1): Uint8Array =>
  Uint8Array.from({ length }, (_, at) => Math.imul(at + seed, 2654435761) >>> 24);

describe('pictures of a device', () => {
  it('are asked for and come before the text about them, which is that of a plain session', async () => {
    await withEyes(async ({ server, encoder, device }) => {
      const files = [smallPicture(1), smallPicture(2)];
      const expected = await plainText(server, files[0]!);
      const one = await device();
      assert.equal((await one.until('welcome')).seesPictures, true);
      // The server has the first already.
      one.send(openWith(files.map((file) => refOf(file))));
      const { wanted } = await one.until('pictures-wanted');
      assert.deepEqual(wanted, [{ index: 1, offset: 0 }]);
      one.sendFile(0, 1, files[1]!);
      const opened = await one.until('opened');
      assert.equal(opened.images.length, 2);
      assert.equal((await one.text()).length, 20);
      assert.equal(encoder.count, 2);
      one.send(openWith([refOf(files[0]!)], { session: 1 }));
      assert.deepEqual(await one.text(1), expected);
      assert.deepEqual(one.of('pictures-wanted', 1), []);
      assert.equal(server.stats().pictures.arrivingBytes, 0);
    });
  });

  it('need no question where they follow at once, and are dropped where they are known', async () => {
    await withEyes(async ({ server, encoder, device }) => {
      const file = smallPicture(3);
      const one = await device();
      for (const session of [0, 1]) {
        one.send(openWith([refOf(file)], { session, picturesFollow: true }));
        one.sendFile(session, 0, file);
      }
      const text = await one.text();
      assert.deepEqual(await one.text(1), text);
      one.send(openWith([refOf(file)], { session: 2, picturesFollow: true }));
      one.sendFile(2, 0, file);
      assert.deepEqual(await one.text(2), text);
      assert.deepEqual(text, await plainText(server, file));
      assert.equal(encoder.count, 1);
      for (const session of [0, 1, 2]) {
        assert.deepEqual(one.of('pictures-wanted', session), []);
        assert.deepEqual(one.of('failure', session), []);
      }
    });
  });

  it('are sent once for two sessions at once, and by the other where one is closed', async () => {
    await withEyes(async ({ encoder, device }) => {
      const file = smallPicture(4);
      const [one, other] = [await device(), await device()];
      one.send(openWith([refOf(file)]));
      await one.until('pictures-wanted');
      other.send(openWith([refOf(file)]));
      one.sendFile(0, 0, file, 0, 20);
      one.send({ kind: 'ping', nonce: 1, isCover: false });
      await one.until('pong');
      assert.deepEqual(other.of('pictures-wanted'), []);
      one.send({ kind: 'close', session: 0 });
      const { wanted } = await other.until('pictures-wanted');
      assert.deepEqual(wanted, [{ index: 0, offset: 20 }]);
      one.send(openWith([refOf(file)], { session: 1 }));
      other.sendFile(0, 0, file, 20);
      assert.deepEqual(await one.text(1), await other.text());
      assert.deepEqual(one.of('pictures-wanted', 1), []);
      assert.equal(encoder.count, 1);
    });
  });

  it('go on where a lost connection has left them', async () => {
    await withEyes(async ({ server, device }) => {
      const file = smallPicture(5);
      const lost = await device();
      lost.send(openWith([refOf(file)]));
      await lost.until('pictures-wanted');
      lost.sendFile(0, 0, file, 0, 30);
      await until(() => server.stats().pictures.arrivingBytes > 0);
      lost.socket.terminate();
      await until(() => server.stats().core.connectionCount === 0);
      assert.ok(server.stats().pictures.arrivingBytes > 0, 'kept for a minute');
      const back = await device();
      back.send(openWith([refOf(file)]));
      assert.deepEqual((await back.until('pictures-wanted')).wanted, [{ index: 0, offset: 30 }]);
      back.sendFile(0, 0, file, 30);
      assert.deepEqual(await back.text(), await plainText(server, file));
      assert.equal(server.stats().pictures.arrivingBytes, 0);
    });
  });

  it('let frames and Opens of other sessions pass while they are on their way', async () => {
    await withEyes(async ({ device }) => {
      const file = smallPicture(6);
      const one = await device();
      one.send(openWith([refOf(file)]));
      await one.until('pictures-wanted');
      one.send(openWith([], { session: 1 }));
      assert.equal((await one.text(1)).length, 20);
      assert.deepEqual(one.of('opened'), []);
      // Of the session itself they wait, with their order.
      one.send(draftOf({ session: 0, from: 1 }));
      one.sendFile(0, 0, file);
      await one.until('opened');
    });
  });
});

describe('pictures that do not come as announced', () => {
  it('end their session, and leave the connection and others alone', async () => {
    await withEyes(async ({ server, device }) => {
      const file = longFile(200_000);
      const one = await device();
      const cases = [
        ['picture-invalid', /goes on at 8, not at 0/, 8, file.subarray(8, 20)],
        ['picture-too-large', /of 100 announced/, 0, file.subarray(0, 101)],
        ['picture-invalid', /another SHA-256/, 0, file.subarray(1, 101)],
      ] as const;
      for (const [session, [code, why, offset, data]] of cases.entries()) {
        one.send(openWith([refOf(file.subarray(0, 100))], { session }));
        await one.until('pictures-wanted', session);
        one.send({ kind: 'picture-part', session, index: 0, offset, data });
        assert.match(await one.refused(code, session), why);
        // Late ones mean nothing.
        one.send({ kind: 'picture-part', session, index: 0, offset: 0, data });
      }
      one.send(openWith([refOf(file)], { session: 3 }));
      await one.until('pictures-wanted', 3);
      one.send({
        kind: 'picture-part',
        session: 3,
        index: 1,
        offset: 0,
        data: file.subarray(0, 9),
      });
      assert.match(await one.refused('picture-invalid', 3), /picture 1, of 1/);
      // A whole file that is no picture.
      one.send(openWith([refOf(file)], { session: 4, picturesFollow: true }));
      one.sendFile(4, 0, file);
      assert.match(await one.refused('picture-invalid', 4), /no PNG, JPEG or WebP/);
      one.send(openWith([], { session: 5 }));
      assert.equal((await one.text(5)).length, 20);
      for (const session of [0, 1, 2, 3, 4]) assert.equal(one.of('failure', session).length, 1);
      assert.equal(server.stats().pictures.arrivingBytes, 0);
    });
  });

  it('end with a Cancel or a Close of their session, on their way and while they are seen', async () => {
    await withEyes(async ({ server, encoder, device }) => {
      const one = await device();
      one.send(
        openWith([refOf(smallPicture(8))]),
        openWith([refOf(smallPicture(9))], { session: 1 }),
      );
      await one.until('pictures-wanted', 1);
      one.send({ kind: 'cancel', session: 0 }, { kind: 'close', session: 1 });
      assert.match(await one.refused('picture-invalid'), /cancelled/);
      encoder.wait();
      one.send(openWith([refOf(smallPicture(8))], { session: 2, picturesFollow: true }));
      one.sendFile(2, 0, smallPicture(8));
      await until(() => encoder.count === 1);
      one.send({ kind: 'cancel', session: 2 });
      await one.refused('picture-invalid', 2);
      await until(() => server.stats().pictures.heldCount === 0);
      encoder.go();
    });
  });

  it('are given up with their connection, while they are seen too', async () => {
    await withEyes(async ({ server, encoder, device }) => {
      const one = await device();
      encoder.wait();
      one.send(openWith([refOf(smallPicture(1))], { picturesFollow: true }));
      one.sendFile(0, 0, smallPicture(1));
      await until(() => encoder.count === 1);
      await one.close();
      await until(() => server.stats().pictures.heldCount === 0);
    });
  });

  it('are not awaited for more than 64 sessions, and cost nothing before they come', async () => {
    await withEyes(async ({ server, device }) => {
      const one = await device();
      const huge = Array.from({ length: 2 }, (_, at) => ({
        ...refOf(Uint8Array.of(at)),
        bytes: 8 * 2 ** 20,
      }));
      for (let session = 0; session < 1000; session++) one.send(openWith(huge, { session }));
      assert.match(await one.refused('server-busy', 64), /64 sessions/);
      for (const session of [300, 600, 900]) await one.until('failure', session);
      // Refused ids that are not closed count as well.
      await one.refused('sessions-exhausted', 999);
      await until(() => one.of('pictures-wanted').length > 0);
      const failed = one.frames.filter(({ kind }) => kind === 'failure').length;
      assert.equal(failed, 1000 - 64);
      assert.equal(server.stats().pictures.arrivingBytes, 0);
      // The first is asked for them; the others wait for the same files.
      assert.equal(one.frames.filter(({ kind }) => kind === 'pictures-wanted').length, 1);
    });
  });

  it('of sessions that never were are strays like other frames', async () => {
    await withEyes(async ({ device }) => {
      const one = await device();
      const part = { kind: 'picture-part', index: 0, offset: 0, data: Uint8Array.of(1) } as const;
      one.send({ ...part, session: 7 });
      await one.refused('session-unknown', 7);
      for (let count = 0; count < 65; count++) one.send({ ...part, session: 7 });
      await until(() => one.socket.readyState === one.socket.CLOSED);
    });
  });
});

describe('a server that sees no pictures', () => {
  it('refuses them before any byte, and says so in Welcome', async () => {
    await withEyes(
      async ({ device }) => {
        const one = await device();
        assert.equal((await one.until('welcome')).seesPictures, false);
        one.send(openWith([refOf(smallPicture(1))]));
        await one.refused('picture-unseen');
        assert.deepEqual(one.of('pictures-wanted'), []);
      },
      { eyes: undefined as never },
    );
  });

  it('is also one that speaks an older version on the connection', async () => {
    await withEyes(async ({ device }) => {
      const one = await device(4);
      assert.equal((await one.until('welcome')).seesPictures, false);
      one.send(openWith([refOf(smallPicture(1))]));
      assert.match(await one.refused('picture-unseen'), /version 5/);
      one.send(openWith([], { session: 1 }));
      assert.equal((await one.text(1)).length, 20);
    });
  });
});
