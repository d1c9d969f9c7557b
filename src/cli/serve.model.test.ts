// Runs `pilotfish serve` as a user does: the bundled model, a client without a draft model, a look
// with top, an orderly end.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connect } from '../device/index.js';
import { plainSampling } from '../math/sampling.js';
import { run, withServe } from './processes/command.suite.js';

const served = ['serve', '-m', 'stories-target', '--slots', '2', '-t', '1', '-c', '128'];

describe('pilotfish serve', () => {
  it('streams to a client, shows itself in top, and ends in order', async () => {
    const ended = await withServe(served, async ({ url }) => {
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
    });
    assert.match(
      ended.out,
      /^pilotfish: .* ready on ws:\S+, 2 slots of 128 tokens; drafts by look-up\n$/,
    );
    assert.equal(ended.code, 0);
    assert.match(ended.err, /stopped after .*, 60 tokens in/);
  });

  it('says where hints come from, and that an exit is untrained', async () => {
    const said = async (exit: string): Promise<string> =>
      (await withServe([...served, '--exit-head', exit], () => Promise.resolve())).err;
    assert.match(
      await said('3'),
      /^pilotfish: hints from an untrained exit after block 3 of 8 \(logit lens\): expect poor/,
    );
    assert.match(
      await said('stories-exit-4'),
      /^pilotfish: hints from a trained exit head after block 4 of 8\n/,
    );
    assert.doesNotMatch(await said('off'), /hints/);
  });
});
