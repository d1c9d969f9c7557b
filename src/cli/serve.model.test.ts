// `pilotfish serve` as a user runs it: the bundled model, a client without a draft model, a look with top, an orderly end.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, it } from 'node:test';
import { connect } from '../device/index.js';
import { plainSampling } from '../math/sampling.js';
import { type Ended, type Running, run } from './command.suite.js';

const served = ['serve', '-m', 'stories-target', '--slots', '2', '-t', '1', '-c', '128'];

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

/** Runs a server until `test` is through, then stops it with `signal`. */
async function withServe(
  test: (address: string) => Promise<void>,
  signal: NodeJS.Signals,
): Promise<Ended> {
  const port = await freePort();
  const { child, ended } = await new Promise<{ child: Running; ended: Promise<Ended> }>(
    (resolve, reject) => {
      const ending = run([...served, '--port', `${port}`], {}, (running) => {
        // Its first words say that it is ready.
        running.onFirstOutput(() => resolve({ child: running, ended: ending }));
      });
      ending.then(({ err }) => reject(new Error(err)), reject);
    },
  );
  try {
    await test(`ws://127.0.0.1:${port}`);
  } finally {
    child.kill(signal);
  }
  const { out } = await ended;
  assert.match(out, /^pilotfish: .* ready on ws:\S+, 2 slots of 128 tokens\n$/);
  return ended;
}

describe('pilotfish serve', () => {
  it('streams to a client, shows itself in top, and ends in order', async () => {
    const ended = await withServe(async (url) => {
      const client = await connect({ url, drafter: { kind: 'none' } });
      const ids = Int32Array.of(1, 450, 300);
      const request = { ids, sampling: plainSampling, seed: 3n, tokensMax: 20 };
      const texts = await Promise.all(
        [1, 2, 3].map(async () => {
          const tokens: number[] = [];
          for await (const piece of client.generate(request)) {
            if (piece.kind === 'token') tokens.push(piece.token);
          }
          return tokens;
        }),
      );
      assert.equal(texts[0]!.length, 20);
      await client.close();
      const { code, out } = await run(['top', '--server', url, '--json']);
      assert.equal(code, 0);
      assert.equal(JSON.parse(out).core.committedCount, 60);
      const view = await run(['top', '--server', url]);
      assert.match(view.out, /60 committed/);
      const taken = await run([...served, '--port', new URL(url).port]);
      assert.equal(taken.code, 4);
      assert.match(taken.err, /cannot listen on 127\.0\.0\.1:\d+: another program listens there/);
    }, 'SIGINT');
    assert.equal(ended.code, 0);
    assert.match(ended.err, /stopped after .*, 60 tokens in/);
  });
});
