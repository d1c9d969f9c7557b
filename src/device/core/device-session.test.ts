// Checks an answer by itself, over a link that is a plain object: answers that may end on drafts
// do so at the end of the text.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DeviceEffect } from './event.js';
import { LinkFixture, opened } from './link-fixture.suite.js';

describe('an answer that may end on drafts', () => {
  /** The link has been down for longer than the device waits. */
  function away(tokensMax: number): LinkFixture {
    const bench = new LinkFixture({ drafter: { contextLength: 6, sequencesMax: 1 } }).connect();
    bench.ask({ fallback: 'draft-only', mode: 'pipeline', tokensMax }).hear(opened());
    return bench.feed({ kind: 'link-down', reason: 'cut' }, 10).feed({ kind: 'timer' }, 200);
  }
  const isEnd = (effect: DeviceEffect): effect is DeviceEffect & { kind: 'ended' } =>
    effect.kind === 'ended';
  const endOf = ({ effects }: LinkFixture) => {
    const end = effects.find(isEnd);
    return end === undefined ? null : [end.reason, end.isVerified];
  };

  it('ends at the token that ends a text, unverified', () => {
    assert.equal(endOf(away(30).draft(3, 5, null, 210)), null);
    assert.deepEqual(endOf(away(30).draft(3, 1, null, 210)), ['end-of-text', false]);
  });

  it('has no first token until one is shown', () => {
    const ended = away(30).feed({ kind: 'cancel', answer: 0 }, 210).effects.find(isEnd);
    assert.equal(ended?.statistics.firstTokenMs, null);
    const shown = away(30).draft(3, 5, null, 210).feed({ kind: 'cancel', answer: 0 }, 220);
    assert.equal(shown.effects.find(isEnd)?.statistics.firstTokenMs, 210);
  });

  it('ends at its length, or where the context of the drafter is full', () => {
    assert.deepEqual(endOf(away(1).draft(3, 5, null, 210)), ['length', false]);
    const bench = away(30).draft(3, 5, null, 210).draft(4, 5, null, 220);
    assert.equal(endOf(bench), null);
    assert.deepEqual(endOf(bench.draft(5, 5, null, 230)), ['context', false]);
  });
});

describe('an answer that waits for its server', () => {
  it('fails in time, with the reason why the link was last lost', () => {
    const bench = new LinkFixture({ awayMaxMs: 2_000 });
    bench.connect().ask().feed({ kind: 'link-down', reason: 'the cable was cut' }, 100);
    assert.equal(bench.feed({ kind: 'timer' }, 2_099).count('failed'), 0);
    const { effects } = bench.feed({ kind: 'timer' }, 2_100);
    const failed = effects.find(({ kind }) => kind === 'failed');
    assert.ok(failed?.kind === 'failed');
    assert.equal(failed.error.code, 'link-lost');
    const { message } = failed.error;
    assert.match(message, /the server has been away for 2 s: .*the cable was cut/);
  });
});
