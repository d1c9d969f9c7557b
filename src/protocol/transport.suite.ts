// Tests the contract of transport.ts, over every implementation. A harness provides two connected
// ends and a way to wait until everything in flight has arrived; no test waits for a clock.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { closeLost, closeReasonBytesMax, type Transport, type TransportEnd } from './transport.js';

export interface ConnectedPair {
  readonly device: Transport;
  readonly server: Transport;
  /** Resolves when what was sent or closed has arrived at both ends. */
  settle(): Promise<void>;
  /** Loses the connection without a close frame; null, with the reason, if the harness cannot. */
  readonly cut: (() => void) | { readonly cannot: string };
  dispose(): Promise<void>;
}

/** Events of one end, in order. */
class Inbox {
  readonly messages: Uint8Array[] = [];
  readonly ends: TransportEnd[] = [];
  /** Messages that came after the end. */
  lateCount = 0;

  listen(transport: Transport): this {
    transport.listen({
      message: (bytes) => {
        if (this.ends.length > 0) this.lateCount++;
        this.messages.push(bytes);
      },
      closed: (end) => this.ends.push(end),
    });
    return this;
  }

  get texts(): string[] {
    return this.messages.map((bytes) => Buffer.from(bytes).toString());
  }
}

const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

/** @param connect a fresh pair for each test. */
export function transportSuite(name: string, connect: () => Promise<ConnectedPair>): void {
  const promise = (
    title: string,
    test: (pair: ConnectedPair) => Promise<void>,
    skip: string | false = false,
  ): void => {
    it(title, { skip }, async () => {
      const pair = await connect();
      await test(pair).finally(() => pair.dispose());
    });
  };

  describe(`the ${name} transport`, () => {
    promise('delivers every message once, whole and in order, both ways', async (pair) => {
      const [device, server] = [new Inbox().listen(pair.device), new Inbox().listen(pair.server)];
      const up = ['a', '', 'bc', 'd'.repeat(70_000), 'e'];
      const down = ['1', '22', '333'];
      for (const text of up) pair.device.send(bytesOf(text));
      for (const text of down) pair.server.send(bytesOf(text));
      await pair.settle();
      assert.deepEqual(server.texts, up);
      assert.deepEqual(device.texts, down);
    });

    promise('carries any bytes', async (pair) => {
      const server = new Inbox().listen(pair.server);
      const bytes = Uint8Array.from({ length: 1_000_000 }, (_, index) => (index * 7919) >> 3);
      pair.device.send(bytes.slice());
      await pair.settle();
      assert.equal(Buffer.compare(server.messages[0]!, bytes), 0);
    });

    promise('keeps what comes before anybody listens', async (pair) => {
      pair.device.send(bytesOf('early'));
      await pair.settle();
      pair.device.send(bytesOf('later'));
      const server = new Inbox().listen(pair.server);
      await pair.settle();
      assert.deepEqual(server.texts, ['early', 'later']);
    });

    promise('tells a late listener of the end', async (pair) => {
      pair.device.send(bytesOf('last'));
      pair.device.close(4001, 'frame-malformed');
      await pair.settle();
      const server = new Inbox().listen(pair.server);
      await pair.settle();
      assert.deepEqual(server.texts, ['last']);
      assert.deepEqual(server.ends, [{ code: 4001, reason: 'frame-malformed' }]);
    });

    promise('never calls a listener from inside a call', async (pair) => {
      let isInside = false;
      let heardCount = 0;
      const hear = (): void => {
        assert.equal(isInside, false);
        heardCount++;
      };
      const inside = (call: () => void): void => {
        isInside = true;
        call();
        isInside = false;
      };
      pair.server.send(bytesOf('waiting'));
      await pair.settle();
      inside(() => pair.device.listen({ message: hear, closed: hear }));
      inside(() => pair.server.listen({ message: hear, closed: hear }));
      inside(() => pair.device.send(bytesOf('x')));
      inside(() => pair.device.close(1000, ''));
      await pair.settle();
      assert.equal(heardCount, 4);
    });

    promise('delivers what was sent before a close, then the close, once', async (pair) => {
      const [device, server] = [new Inbox().listen(pair.device), new Inbox().listen(pair.server)];
      pair.device.send(bytesOf('before'));
      pair.device.close(4008, 'draining');
      pair.device.close(4001, 'again');
      pair.device.send(bytesOf('after'));
      await pair.settle();
      assert.deepEqual(server.texts, ['before']);
      assert.deepEqual(server.ends, [{ code: 4008, reason: 'draining' }]);
      assert.equal(device.ends.length, 1);
      assert.equal(server.lateCount + device.lateCount, 0);
    });

    promise('drops what is sent to an end that has closed', async (pair) => {
      const [device, server] = [new Inbox().listen(pair.device), new Inbox().listen(pair.server)];
      pair.server.close(1000, '');
      await pair.settle();
      pair.device.send(bytesOf('nobody'));
      pair.device.close(1000, '');
      await pair.settle();
      assert.deepEqual(server.texts, []);
      assert.deepEqual([device.ends.length, server.ends.length], [1, 1]);
    });

    promise('ends once when both ends close at the same time', async (pair) => {
      const [device, server] = [new Inbox().listen(pair.device), new Inbox().listen(pair.server)];
      pair.device.close(1000, '');
      pair.server.close(1000, '');
      await pair.settle();
      assert.deepEqual(device.ends, [{ code: 1000, reason: '' }]);
      assert.deepEqual(server.ends, [{ code: 1000, reason: '' }]);
    });

    promise('cuts a reason that is too long', async (pair) => {
      const server = new Inbox().listen(pair.server);
      pair.device.close(4010, 'ä'.repeat(200));
      await pair.settle();
      const reason = 'ä'.repeat(Math.floor(closeReasonBytesMax / 2));
      assert.deepEqual(server.ends, [{ code: 4010, reason }]);
    });

    promise('counts what the network has not taken', async (pair) => {
      new Inbox().listen(pair.server);
      assert.equal(pair.device.bufferedBytes, 0);
      pair.device.send(new Uint8Array(100_000));
      assert.ok(pair.device.bufferedBytes <= 110_000, `${pair.device.bufferedBytes} bytes`);
      await pair.settle();
      assert.equal(pair.device.bufferedBytes, 0);
    });

    it('says 1006 at both ends when the connection is lost', async (test) => {
      const pair = await connect();
      try {
        if (typeof pair.cut !== 'function') {
          test.skip(pair.cut.cannot);
          return;
        }
        const inboxes = [new Inbox().listen(pair.device), new Inbox().listen(pair.server)];
        await pair.settle();
        pair.cut();
        await pair.settle();
        for (const { ends } of inboxes) assert.deepEqual(ends, [{ code: closeLost, reason: '' }]);
      } finally {
        await pair.dispose();
      }
    });
  });
}
