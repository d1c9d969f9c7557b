// Checks that a device which reconciles with a truthful server ends with the server's text, keeps
// the drafts that agree and no others; and that an impossible verdict is a fault and changes
// nothing.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Verdict } from '../../protocol/frame.js';
import { TokenLog } from '../../protocol/token-log.js';
import { DraftChain } from './draft-chain.js';
import { verdict } from './link-fixture.suite.js';
import { reconcile } from './reconcile.js';
import { drafted } from './session-view.suite.js';

/** The first `sentCount` tokens have been sent. */
function chainOf(from: number, tokens: readonly number[], sentCount: number): DraftChain {
  const chain = new DraftChain(from);
  for (const [index, token] of tokens.entries()) chain.push(drafted(from + index, token), false);
  chain.send(from + sentCount);
  return chain;
}

const token = fc.integer({ min: 0, max: 2 });

describe('reconcile', () => {
  it('follows any truthful verdict, in any cut of it that the protocol allows (1000 cases)', () => {
    const cases = fc.record({
      truth: fc.array(token, { minLength: 2, maxLength: 20 }),
      drafts: fc.array(token, { maxLength: 10 }),
      known: fc.nat(),
      committed: fc.nat(),
      sent: fc.nat(),
      start: fc.nat(),
    });
    fc.assert(
      fc.property(cases, ({ truth, drafts, known, committed, sent, start }) => {
        const length = 1 + (known % (truth.length - 1));
        const newLength = length + (committed % (truth.length - length + 1));
        const sentCount = sent % (drafts.length + 1);
        let agreed = 0;
        while (agreed < drafts.length && drafts[agreed] === truth[length + agreed]) agreed++;
        // The server may leave out what the device holds as its own sent draft, or repeat what it
        // knows.
        const latest = Math.min(length + Math.min(agreed, sentCount), newLength);
        const from = start % (latest + 1);
        const log = new TokenLog(truth.slice(0, length));
        const tokens = Int32Array.from(truth.slice(from, newLength));
        const result = reconcile(
          log,
          chainOf(length, drafts, sentCount),
          verdict({ from, tokens }),
        );
        assert.ok(result.kind === 'commit');
        const text = [...log.slice(0), ...result.tokens.map((next) => next.token)];
        assert.deepEqual(text, truth.slice(0, newLength));
        const covered = Math.min(drafts.length, newLength - length);
        assert.equal(result.matchedCount, Math.min(agreed, covered));
        assert.equal(result.isContradicted, agreed < covered);
        assert.equal(result.keptCount, agreed < covered ? 0 : drafts.length - covered);
      }),
      { numRuns: 1000 },
    );
  });

  it('refuses what no truthful server can say', () => {
    const log = new TokenLog([1, 2, 0]);
    const chain = chainOf(3, [1, 1, 1], 2);
    const lies: [Partial<Verdict>, RegExp][] = [
      [{ from: 6, tokens: Int32Array.of(0) }, /builds on drafts beyond 3/],
      [{ epoch: 1, from: 4, tokens: Int32Array.of(0) }, /of epoch 1 builds/],
      [{ from: 2, tokens: Int32Array.of(1) }, /token 1 at 2 contradicts the committed 0/],
      [{ from: 1, tokens: Int32Array.of(2, 1) }, /token 1 at 2 contradicts the committed 0/],
    ];
    for (const [lie, message] of lies) {
      const result = reconcile(log, chain, verdict(lie));
      assert.ok(result.kind === 'fault');
      assert.match(result.message, message);
    }
  });

  it('says where tokens came from: drafts that stand, the token after them, steps', () => {
    const log = new TokenLog([1]);
    const chain = chainOf(1, [2, 2, 2], 3);
    const origins = (changes: Partial<Verdict>): string[] => {
      const result = reconcile(log, chain, verdict(changes));
      assert.ok(result.kind === 'commit');
      return result.tokens.map(({ origin }) => origin);
    };
    const bonus = { from: 4, tokens: Int32Array.of(0), acceptedCount: 3 };
    assert.deepEqual(origins(bonus), ['drafted', 'drafted', 'drafted', 'bonus']);
    const residual = { from: 2, tokens: Int32Array.of(0), acceptedCount: 1, rejectedCount: 1 };
    assert.deepEqual(origins(residual), ['drafted', 'residual']);
    assert.deepEqual(origins({ from: 1, tokens: Int32Array.of(0) }), ['target']);
    const tokens = Int32Array.of(2, 0);
    const resumed = {
      kind: 'resumed',
      session: 0,
      epoch: 0,
      from: 1,
      tokens,
      logprobs: null,
    } as const;
    const result = reconcile(log, chain, resumed);
    assert.ok(result.kind === 'commit');
    assert.deepEqual(
      result.tokens.map(({ origin }) => origin),
      ['target', 'target'],
    );
  });
});
