// Checks the modes that a server offers to devices of each version, and that a device may not draft
// where the server drafts alone.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { draftOf, Harness, hello, openFrame } from './core-harness.suite.js';

const first = ['race', 'pipeline', 'stop-and-wait', 'stream'] as const;

describe('the modes of a Welcome', () => {
  for (const [versionMax, modes] of [
    [1, first],
    [3, first],
    [4, [...first, 'auto', 'co-located']],
  ] as const) {
    it(`are those of version ${versionMax} to a device of that version`, () => {
      const harness = new Harness();
      harness.connect(1, { ...hello, versionMax });
      const [welcome] = harness.take(1);
      assert.ok(welcome?.kind === 'welcome');
      assert.deepEqual(welcome.modes, modes);
    });
  }
});

describe('a draft', () => {
  it('is refused in co-located, as in stream, and taken in auto', () => {
    const faultOf = (mode: 'auto' | 'co-located' | 'stream'): string | null => {
      const harness = new Harness();
      harness.connect(1);
      harness.send(1, openFrame({ session: 0, mode, tokensMax: 30 }));
      harness.take(1);
      harness.send(1, draftOf({ session: 0, ids: Int32Array.of(2) }));
      const failure = harness.take(1).find(({ kind }) => kind === 'failure');
      return failure?.kind === 'failure' ? `${failure.code}: ${failure.message}` : null;
    };
    assert.equal(faultOf('stream'), 'session-state: a draft in mode stream');
    assert.equal(faultOf('co-located'), 'session-state: a draft in mode co-located');
    assert.equal(faultOf('auto'), null);
  });
});
