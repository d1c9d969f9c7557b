// Checks that an admitted session gets every token it was promised, however many share however few
// slots, and that a session which cannot fit is refused when it opens, with a code. A slot holds a
// whole context.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { unlimited } from '../../../base/key-grant.js';
import type { Mode } from '../../../protocol/frame.js';
import { Harness, hello, openFrame, tokensOf, verdicts } from '../core-harness.suite.js';

const contextLength = 64;

const wish = fc.record({
  key: fc.integer({ min: 1, max: 3 }),
  promptLength: fc.integer({ min: 1, max: contextLength + 4 }),
  tokensMax: fc.integer({ min: 1, max: contextLength }),
  /** Passes before the next wish. */
  passes: fc.integer({ min: 0, max: 6 }),
  /** Whether its device is cut off afterwards, and its sessions stay for a resumption. */
  isCutOff: fc.boolean(),
});

const service = fc.record({
  slotCount: fc.integer({ min: 1, max: 3 }),
  swapBytesMax: fc.constantFrom(0, 400, 1e6),
  slotQuantumTokens: fc.integer({ min: 1, max: 8 }),
  wishes: fc.array(wish, { minLength: 1, maxLength: 14 }),
});

describe('cache that was promised', () => {
  it('is there for every token of every session that was let in', () => {
    fc.assert(
      fc.property(service, ({ slotCount, wishes, ...settings }) => {
        const harness = new Harness({ model: { slotCount, contextLength }, settings });
        const watched: { connection: number; promised: number }[] = [];
        for (const [
          index,
          { key, promptLength, tokensMax, passes, isCutOff },
        ] of wishes.entries()) {
          const connection = index + 1;
          harness.connect(connection, hello, { id: `key ${key}`, limits: unlimited });
          const ids = Int32Array.from({ length: promptLength }, (_, at) => 2 + ((at * key) % 7));
          const prompt = { kind: 'ids', ids } as const;
          harness.send(connection, openFrame({ prompt, mode: 'stream', tokensMax }));
          const said = harness.inboxes.get(connection)!.map((frame) => frame.kind);
          const fits = promptLength < contextLength;
          assert.equal(said.at(-1), fits ? 'opened' : 'failure');
          const promised = Math.min(tokensMax, contextLength - promptLength);
          if (fits && !isCutOff) watched.push({ connection, promised });
          harness.settle(passes);
          if (isCutOff) harness.disconnect(connection);
        }
        // A key beside others swaps its own sessions no more than once a second.
        for (let second = 0; second < 40; second++) {
          harness.settle();
          harness.advance(1000);
        }
        for (const { connection, promised } of watched) {
          const frames = harness.take(connection);
          assert.ok(frames.every(({ kind }) => kind !== 'failure'));
          assert.equal(tokensOf(frames).length, promised);
          assert.ok(['length', 'context'].includes(verdicts(frames).at(-1)!.end!));
        }
        assert.equal(harness.core.stats().passFailureCount, 0);
      }),
      { numRuns: 20 },
    );
  });

  it('is taken at once from who has left, for who listens', () => {
    const harness = new Harness({ model: { slotCount: 2 } });
    const open = (connection: number, id: string, mode: Mode): void => {
      harness.connect(connection, hello, { id, limits: unlimited });
      harness.send(connection, openFrame({ mode, tokensMax: 12 }));
      harness.settle();
    };
    open(1, 'one', 'pipeline');
    open(2, 'other', 'pipeline');
    harness.disconnect(1);
    // No time passes, but for that of passes: the pause between two rounds of a key's own session
    // is not waited for.
    open(3, 'one', 'stream');
    assert.equal(tokensOf(harness.take(3)).length, 12);
  });
});
