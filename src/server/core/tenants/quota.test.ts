// Checks that a key gets what its limits say, however many connections show it, and is told when to
// come back.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type KeyGrant, type KeyLimits, unlimited } from '../../../base/key-grant.js';
import type { Failure, ServerFrame } from '../../../protocol/frame.js';
import { draftOf, Harness, hello, openFrame, tokensOf, verdicts } from '../core-harness.suite.js';
import { scriptedSettings } from '../scripted-target.suite.js';
import { RateLimit } from './rate-limit.js';
import { Tenants } from './tenant.js';

const grantOf = (id: string, limits: Partial<KeyLimits>): KeyGrant => ({
  id,
  limits: { ...unlimited, ...limits },
});

const failuresOf = (frames: readonly ServerFrame[]): Failure[] =>
  frames.filter((frame) => frame.kind === 'failure');

const connected = (limits: Partial<KeyLimits>, defaults: Partial<KeyLimits> = {}): Harness => {
  const keyLimits = { ...unlimited, ...defaults };
  const harness = new Harness({ settings: { ...scriptedSettings(), keyLimits } });
  for (const connection of [1, 2]) harness.connect(connection, hello, grantOf('a', limits));
  harness.connect(3, hello, grantOf('b', limits));
  for (const connection of [1, 2, 3]) harness.take(connection);
  return harness;
};

describe('limits of a key', () => {
  it('hold for all its connections together, and for no other key', () => {
    const harness = connected({ sessions: 2 });
    for (const connection of [1, 2, 3]) harness.send(connection, openFrame());
    harness.send(1, openFrame({ session: 1 }));
    const [failure] = failuresOf(harness.take(1));
    assert.equal(failure?.code, 'quota-exceeded');
    assert.match(failure!.message, /2 sessions of this key/);
    assert.equal(failure!.retryAfterMs, 500);
    assert.deepEqual(failuresOf(harness.take(3)), []);
    harness.send(2, { kind: 'close', session: 0 });
    harness.send(1, openFrame({ session: 2 }));
    assert.deepEqual(failuresOf(harness.take(1)), []);
    assert.equal(harness.core.stats().quotaRefusalCount, 1);
  });

  it('count sessions that wait for a resumption, so that leaving makes no room', () => {
    const harness = connected({ sessions: 1 });
    harness.send(1, openFrame());
    harness.disconnect(1);
    harness.send(2, openFrame());
    assert.equal(failuresOf(harness.take(2))[0]?.code, 'quota-exceeded');
  });

  it('end an answer when the tokens of a minute are used up, and say when there are more', () => {
    const harness = connected({ tokensPerMinute: 10 });
    harness.send(1, openFrame({ mode: 'stream' }));
    harness.settle();
    const frames = harness.take(1);
    // One more than ten has come while these were written.
    assert.equal(tokensOf(frames).length, 11);
    const [failure] = failuresOf(frames);
    assert.equal(failure?.code, 'quota-exceeded');
    assert.ok(failure!.retryAfterMs > 6_000 && failure!.retryAfterMs <= 12_000);
    harness.send(2, openFrame());
    assert.equal(failuresOf(harness.take(2))[0]?.code, 'quota-exceeded');
    harness.advance(failure!.retryAfterMs);
    harness.send(2, openFrame({ session: 1 }));
    assert.deepEqual(failuresOf(harness.take(2)), []);
  });

  it('count every tested draft, not only what stands', () => {
    const harness = connected({ tokensPerMinute: 12 });
    harness.send(1, openFrame({ mode: 'stop-and-wait', windowMax: 16 }));
    harness.send(1, draftOf({ ids: new Int32Array(12).fill(2) }));
    harness.settle();
    const frames = harness.take(1);
    assert.ok(verdicts(frames).length >= 1);
    assert.equal(failuresOf(frames)[0]?.code, 'quota-exceeded');
  });

  it('end what still speaks for a key whose bytes are used up, and let it close', () => {
    const harness = connected({ bytesPerMinute: 1000 });
    harness.send(1, openFrame({ mode: 'stop-and-wait' }));
    const spend = { kind: 'ping', nonce: 1, isCover: false } as const;
    harness.feed({ kind: 'frame', connection: 1, frame: spend, bytes: 900 });
    harness.feed({
      kind: 'frame',
      connection: 2,
      frame: { kind: 'ping', nonce: 2, isCover: false },
      bytes: 200,
    });
    harness.send(1, draftOf({ ids: Int32Array.of(2) }));
    assert.equal(failuresOf(harness.take(1))[0]?.code, 'quota-exceeded');
    harness.send(1, { kind: 'close', session: 0 });
    assert.equal(harness.closed.size, 1, 'the ping of no session has ended its connection');
    assert.equal(harness.closed.get(2), 'quota-exceeded');
    assert.equal(failuresOf(harness.take(2))[0]!.retryAfterMs > 0, true);
  });

  it('end all its connections when it goes on beyond its bytes, those without sessions too', () => {
    const harness = connected({ bytesPerMinute: 1000 });
    const cancel = { kind: 'cancel', session: 9 } as const;
    harness.feed({ kind: 'frame', connection: 1, frame: cancel, bytes: 1_050 });
    assert.equal(harness.closed.size, 0, 'what ends a session is still taken');
    harness.feed({ kind: 'frame', connection: 1, frame: cancel, bytes: 100 });
    assert.deepEqual(
      [...harness.closed],
      [1, 2].map((id) => [id, 'quota-exceeded']),
    );
    const failure = failuresOf(harness.take(2)).at(-1)!;
    assert.ok(failure.retryAfterMs > 10_000, 'it is told when to come back');
    harness.connect(4, null, grantOf('a', { bytesPerMinute: 1000 }));
    assert.equal(harness.closed.get(4), 'quota-exceeded', 'and not before');
    harness.advance(failure.retryAfterMs);
    harness.connect(5, hello, grantOf('a', { bytesPerMinute: 1000 }));
    assert.equal(harness.closed.get(5), undefined);
  });

  it('hold for its connections, which count until they fail or are gone', () => {
    const harness = new Harness();
    const grant = grantOf('a', { connections: 2 });
    for (const id of [1, 2, 3]) harness.connect(id, null, grant);
    assert.deepEqual([...harness.closed], [[3, 'quota-exceeded']]);
    harness.connect(4, hello, grantOf('b', { connections: 2 }));
    harness.connectLocal(5, grant);
    assert.equal(harness.closed.size, 1, 'another key, and HTTP');
    harness.disconnect(1);
    harness.connect(6, hello, grant);
    harness.connect(7, hello, grant);
    assert.deepEqual([...harness.closed.keys()], [3, 7]);
  });

  it('leave places for keys that have no connection yet', () => {
    const settings = { ...scriptedSettings(), connectionsMax: 16 };
    const harness = new Harness({ settings });
    for (let id = 1; id <= 20; id++) harness.connect(id, hello, grantOf(`${id % 2}`, {}));
    assert.equal(harness.closed.size, 6, 'an eighth of sixteen is kept');
    assert.ok([...harness.closed.values()].every((code) => code === 'server-full'));
    for (const id of [21, 22, 23]) harness.connect(id, hello, grantOf(`new ${id}`, {}));
    assert.deepEqual([...harness.closed.keys()].slice(6), [23]);
  });

  it('count no bytes for frames that cross no wire', () => {
    const harness = new Harness();
    harness.connectLocal(1, grantOf('a', { bytesPerMinute: 1 }));
    harness.send(1, openFrame({ mode: 'stream', tokensMax: 3 }));
    harness.settle();
    assert.equal(tokensOf(harness.take(1)).length, 3);
  });

  it('refuse a prompt that is longer than the key may have', () => {
    const harness = connected({ promptTokens: 2 });
    harness.send(1, openFrame());
    const [failure] = failuresOf(harness.take(1));
    assert.equal(failure?.code, 'prompt-too-long');
    assert.match(failure!.message, /3 exceeds the 2/);
  });

  it('keep the others of its sessions waiting where it may have few in a pass', () => {
    const harness = connected({ rounds: 1 });
    for (const session of [0, 1, 2]) harness.send(1, openFrame({ session, mode: 'stream' }));
    harness.settle(30);
    assert.equal(harness.core.stats().passSessions.p99, 1);
    const counts = new Map<number, number>();
    for (const { session, tokens } of verdicts(harness.take(1))) {
      counts.set(session, (counts.get(session) ?? 0) + tokens.length);
    }
    assert.deepEqual([...counts.values()], [10, 10, 10], 'they take turns');
  });

  it('come from the server where the key leaves them open, and hold without keys', () => {
    const harness = connected({}, { sessions: 1 });
    harness.connect(4);
    for (const connection of [1, 4]) {
      harness.send(connection, openFrame());
      harness.send(connection, openFrame({ session: 1 }));
      assert.equal(failuresOf(harness.take(connection))[0]?.code, 'quota-exceeded');
    }
  });
});

describe('what is kept for a key', () => {
  it('goes with its account, ten minutes after its last use', () => {
    const harness = new Harness({ model: { slotCount: 1 } });
    const [gone, other] = ['gone', 'other'].map((id) => ({ id, limits: unlimited }));
    harness.connectLocal(1, other!);
    harness.connect(2, hello, gone!);
    harness.send(2, openFrame({ mode: 'stream', tokensMax: 40 }));
    harness.settle();
    harness.disconnect(2);
    // Takes the slot, so that the text of the other key is saved.
    harness.send(1, openFrame({ mode: 'stream', tokensMax: 4 }));
    harness.settle();
    const kept = () => harness.core.stats().images.count;
    assert.equal(kept(), 1);
    harness.advance(590_000);
    assert.equal(kept(), 1);
    harness.advance(120_000);
    assert.equal(kept(), 0);
  });
});

describe('a tenant', () => {
  it('has of every limit its own, or else that of the server', () => {
    const defaults = {
      ...{ connections: 9, sessions: 1, rounds: 2, tokensPerMinute: 3 },
      ...{ promptTokens: 4, bytesPerMinute: 5 },
    };
    const tenants = new Tenants(defaults);
    assert.deepEqual(tenants.of(grantOf('a', {}), 0).limits, defaults);
    const own = { ...defaults, sessions: 6, rounds: 7, tokensPerMinute: 8, promptTokens: 9 };
    assert.deepEqual(tenants.of(grantOf('b', own), 0).limits, own);
    assert.deepEqual(tenants.of(null, 0).limits, defaults);
  });

  it('keeps its debts while its key leaves and comes back, and is forgotten in the end', () => {
    const tenants = new Tenants(unlimited);
    const grant = grantOf('a', { tokensPerMinute: 60 });
    tenants.of(grant, 0).countJudged(120, 0);
    tenants.sweep(1_000);
    assert.ok(tenants.of(grant, 1_000).exhaustion(1_000));
    tenants.sweep(700_000);
    assert.equal(tenants.count, 0);
  });

  it('is kept, however long ago it came, while it has a connection or a session', () => {
    const tenants = new Tenants(unlimited);
    const tenant = tenants.of(grantOf('a', {}), 0);
    for (const count of ['countConnection', 'countSession'] as const) {
      tenant[count](1);
      for (const nowMs of [1e7, 2e7]) tenants.sweep(nowMs);
      assert.equal(tenants.count, 1, count);
      tenant[count](-1);
    }
    tenants.sweep(3e7);
    tenants.sweep(3e7 + 600_000);
    assert.equal(tenants.count, 1, 'for ten minutes after');
    tenants.sweep(3e7 + 600_001);
    assert.equal(tenants.count, 0);
  });

  it('follows limits that are edited while the key is in use', () => {
    const tenants = new Tenants(unlimited);
    tenants.of(grantOf('a', { tokensPerMinute: 60 }), 0).countJudged(120, 0);
    const tenant = tenants.of(grantOf('a', {}), 0);
    assert.equal(tenant.exhaustion(0), null);
    assert.equal(tenants.of(grantOf('a', { rounds: 3 }), 0).limits.rounds, 3);
  });
});

describe('an allowance', () => {
  it('is never more than a minute, also where it is spent late', () => {
    const allowance = new RateLimit(60, 0);
    allowance.spend(60, 30_000);
    assert.ok(allowance.waitMs(30_000) > 0);
  });

  it('fills at its old rate up to the time when it is changed', () => {
    const allowance = new RateLimit(60, 0);
    allowance.spend(60, 0);
    allowance.change(120, 30_000);
    allowance.spend(29, 30_000);
    assert.equal(allowance.waitMs(30_000), 0);
    allowance.spend(1, 30_000);
    assert.ok(allowance.waitMs(30_000) > 0);
  });

  it('fills evenly, no further than a minute, and pays its debts first', () => {
    const allowance = new RateLimit(60, 0);
    allowance.spend(60, 0);
    assert.equal(allowance.waitMs(0), 6_000);
    assert.equal(allowance.waitMs(1), 0, 'anything left may be used');
    allowance.spend(120, 6_000);
    assert.equal(allowance.waitMs(6_000), 120_000);
    allowance.spend(60, 1e9);
    assert.equal(allowance.waitMs(1e9), 6_000);
    assert.equal(new RateLimit(null, 0).waitMs(0), 0);
  });
});
