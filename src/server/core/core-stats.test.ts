// Checks that the statistics of the core count what happened: tokens, failures, and the engine time
// that keys have saved.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type KeyLimits, unlimited } from '../../base/key-grant.js';
import { pointLaw } from '../../math/law.js';
import { draftOf, Harness, hello, openFrame, verdicts } from './core-harness.suite.js';
import { noServerTests, noSources } from './drafting/source-tally.js';
import { targetText } from './scripted-target.suite.js';
import { burstMsMax } from './tenants/fair-share.js';
import { coarse } from './told-times.js';

const grant = (id: string, changes: Partial<KeyLimits> = {}) => ({
  id,
  limits: { ...unlimited, ...changes },
});
const none = { count: 0, p50: 0, p90: 0, p99: 0 };

describe('the statistics', () => {
  it('of a server that nothing has reached are 0', () => {
    const { passCost, passTimeError, ...counts } = new Harness().core.stats();
    assert.deepEqual(counts, {
      ...{ connectionCount: 0, sessionCount: 0, detachedCount: 0 },
      sessionsByMode: {
        ...{ race: 0, pipeline: 0, 'stop-and-wait': 0, stream: 0, auto: 0, 'co-located': 0 },
      },
      distrusted: { cutCount: 0, offCount: 0 },
      advised: { sessionCount: 0, meanLength: 0, noneCount: 0 },
      ...{ slotCount: 4, slotsOwned: 0, queueLength: 0, waitingForSlot: 0 },
      images: { count: 0, waitingCount: 0, bytes: 0 },
      ...{ evictionCount: 0, restoreCount: 0, sharedTokenCount: 0, lostCacheCount: 0 },
      ...{ accountCount: 0, accounts: [] },
      cover: { padBytes: 0, aggregateMs: 0, connectionCount: 0 },
      ...{ passCount: 0, passFailureCount: 0, fedCount: 0, rowCount: 0, busyMs: 0 },
      ...{ committedCount: 0, testedCount: 0, acceptedCount: 0, verdictCount: 0 },
      ...{ sources: noSources, serverTests: noServerTests, roundCount: 0 },
      ...{ stageCount: 0, modelDraftedCount: 0, draftFailureCount: 0 },
      ...{ hintCount: 0, coverCount: 0, failureCount: 0, quotaRefusalCount: 0 },
      ...{ passSessions: none, passTokens: none, passMs: none, verdictMs: none },
    });
    assert.deepEqual([passCost.fixedMs, passTimeError.passCount], [0, 0]);
  });

  it('count the tokens, rows and milliseconds of a pass that tests drafts', () => {
    const harness = new Harness();
    const open = openFrame({ mode: 'stop-and-wait' });
    const text = targetText(open);
    harness.connect(1, hello, grant('a'));
    harness.send(1, open);
    harness.settle();
    const before = harness.core.stats();
    // Two of three stand, and a token of the target's own follows.
    const ids = Int32Array.of(text[3]!, text[4]!, text[5] === 2 ? 3 : 2);
    harness.send(1, draftOf({ ids }));
    harness.settle();
    const after = harness.core.stats();
    const [verdict] = verdicts(harness.take(1));
    assert.deepEqual([verdict?.queueUs, verdict?.verifyUs], [0, 1000 * coarse(10)].map(Math.round));
    assert.equal(after.passCount - before.passCount, 1);
    assert.equal(after.fedCount - before.fedCount, 4);
    assert.equal(after.rowCount, 4);
    assert.equal(after.busyMs - before.busyMs, 10);
    assert.deepEqual(
      [after.testedCount, after.acceptedCount, after.committedCount, after.verdictCount],
      [3, 2, 3, 1],
    );
    assert.equal(after.verdictMs.count, 1);
    const [account] = after.accounts;
    const { connectionCount, sessionCount, judgedCount, committedCount, refusalCount } = account!;
    assert.deepEqual(
      [connectionCount, sessionCount, judgedCount, committedCount, refusalCount],
      [1, 1, 4, 3, 0],
    );
    assert.deepEqual(after.sessionsByMode, { ...before.sessionsByMode, 'stop-and-wait': 1 });
  });

  it('tell how long drafts waited for a pass, and how long it took', () => {
    const harness = new Harness();
    const open = openFrame({ mode: 'stop-and-wait' });
    harness.connect(1);
    harness.send(1, open);
    harness.settle();
    harness.connect(2);
    harness.send(2, openFrame({ mode: 'stream' }));
    harness.stepEngine();
    harness.nowMs += 4;
    // A pass is in flight, which ends six milliseconds later or more.
    harness.send(1, draftOf({ ids: Int32Array.of(2) }));
    const sentAtMs = harness.nowMs;
    harness.settle(1);
    const startedAtMs = harness.nowMs;
    harness.settle(1);
    const [verdict] = verdicts(harness.take(1));
    assert.ok(verdict && startedAtMs > sentAtMs);
    assert.equal(verdict.queueUs, Math.round(1000 * coarse(startedAtMs - sentAtMs)));
    assert.equal(verdict.verifyUs, Math.round(1000 * coarse(10)));
    assert.ok(
      verdicts(harness.take(2)).every(({ queueUs }) => queueUs === 0),
      'no drafts have waited',
    );
  });

  it('take the time of a pass from the engine where it measures it', () => {
    const harness = new Harness();
    const { engine } = harness;
    const pass = engine.pass.bind(engine);
    engine.pass = (segments) => ({ ...pass(segments), decodeMs: 3, judgeMs: 4 });
    harness.connect(1);
    harness.send(1, openFrame({ mode: 'stream' }));
    harness.settle(1);
    assert.deepEqual(harness.core.stats().passMs, { count: 1, p50: 7, p90: 7, p99: 7 });
    assert.equal(harness.core.stats().busyMs, 10);
  });

  it('count a pass that fails as busy time, and as no pass', () => {
    const harness = new Harness();
    harness.failingPasses.add(1);
    harness.connect(1);
    harness.send(1, openFrame({ mode: 'stream', tokensMax: 1 }));
    harness.settle(1);
    const { passCount, passFailureCount, busyMs } = harness.core.stats();
    assert.deepEqual([passCount, passFailureCount, busyMs], [0, 1, 10]);
  });

  it('count sessions and connections that end for a fault', () => {
    const harness = new Harness();
    harness.connect(1);
    harness.send(1, openFrame());
    harness.send(1, draftOf({ epoch: 5 }));
    assert.equal(harness.core.stats().failureCount, 1);
    harness.connect(2, { ...hello, key: 'stolen' });
    assert.equal(harness.core.stats().failureCount, 2);
    harness.send(1, draftOf({ session: 9 }));
    assert.equal(harness.core.stats().failureCount, 3, 'of a session that never was');
  });

  it('count a residual token as committed, once, though its frame comes twice', () => {
    const harness = new Harness();
    harness.connect(1);
    harness.send(1, openFrame({ mode: 'pipeline', scheme: 'split' }));
    const ids = Int32Array.of(2, 2, 2, 2);
    harness.send(1, draftOf({ ids, probs: Float64Array.of(1, 1, 1, 1) }));
    harness.settle();
    const { from, tokens, law } = verdicts(harness.take(1)).at(-1)!;
    assert.ok(law?.kind === 'whole');
    const length = from + tokens.length;
    assert.equal(harness.core.stats().committedCount, length - 3);
    const residual = law.law.kind === 'sparse' ? law.law.ids[0]! : 2;
    const frame = draftOf({ epoch: 1, from: length + 1, residual });
    for (const _ of [1, 2]) harness.send(1, frame);
    assert.equal(harness.core.stats().committedCount, length - 2);
    assert.equal(harness.core.stats().accounts[0]!.committedCount, length - 2);
    assert.ok(harness.take(1).every(({ kind }) => kind !== 'failure'));
  });

  it('show that a key alone spends its credit, and keeps what it has saved beside another', () => {
    const harness = new Harness();
    const creditMs = () => harness.core.stats().accounts.map((account) => account.creditMs);
    harness.connect(1, hello, grant('a'));
    assert.deepEqual(creditMs(), [burstMsMax]);
    harness.send(1, openFrame({ mode: 'stream', tokensMax: 200 }));
    harness.settle(60);
    assert.deepEqual(creditMs(), [0]);
    harness.connect(2, hello, grant('b'));
    harness.send(2, openFrame({ mode: 'stream', tokensMax: 200 }));
    harness.settle(20);
    const [first, second] = creditMs();
    // Two sessions of equal size fill half of each pass, and earn half of it.
    assert.ok(first! < 1 && second! > burstMsMax - 1, `${first} and ${second}`);
  });

  it('tell callers without a key as one account without an id', () => {
    const harness = new Harness();
    for (const connection of [1, 2]) harness.connect(connection);
    const { accountCount, accounts } = harness.core.stats();
    assert.equal(accountCount, 1);
    assert.deepEqual([accounts[0]!.id, accounts[0]!.connectionCount], [null, 2]);
    harness.disconnect(2);
    assert.equal(harness.core.stats().accounts[0]!.connectionCount, 1);
  });

  it('list the sixteen keys with most judged tokens, and of equal ones the first to come', () => {
    const harness = new Harness();
    const names = Array.from({ length: 17 }, (_, index) => `key ${index}`);
    for (const [index, name] of names.entries()) harness.connect(index, hello, grant(name));
    for (const connection of [15, 16]) {
      harness.send(connection, openFrame({ mode: 'stream', tokensMax: connection }));
    }
    harness.settle();
    const { accountCount, accounts } = harness.core.stats();
    assert.equal(accountCount, 17);
    assert.deepEqual(
      accounts.map(({ id }) => id),
      [names[16], names[15], ...names.slice(0, 14)],
    );
  });

  it('of static batches count the rows that pad drafts to the longest', () => {
    for (const [scheme, rowCount] of [
      ['coupled', 8],
      ['full', 8],
      // A device could not draw a residual token for padding: it does not know its law.
      ['split', 6],
    ] as const) {
      const batching = { kind: 'static', count: 2, waitMs: 1000 } as const;
      const harness = new Harness({ settings: { batching } });
      harness.connect(1);
      for (const [session, length] of [1, 3].entries()) {
        harness.send(1, openFrame({ session, scheme, mode: 'stop-and-wait' }));
        harness.settle();
        const ids = new Int32Array(length).fill(2);
        const probs = scheme === 'split' ? new Float64Array(length).fill(1) : null;
        const laws = scheme === 'full' ? Array.from(ids, (id) => pointLaw(id)) : null;
        harness.send(1, draftOf({ session, ids, probs, laws }));
      }
      harness.settle(1);
      assert.equal(harness.core.stats().rowCount, rowCount, scheme);
    }
  });

  it('of static batches count padding that ends with the context', () => {
    const batching = { kind: 'static', count: 2, waitMs: 1000 } as const;
    const harness = new Harness({ model: { contextLength: 8 }, settings: { batching } });
    harness.connect(1);
    for (const [session, [promptLength, length]] of [
      [6, 1],
      [3, 3],
    ].entries() as Iterable<[number, [number, number]]>) {
      const prompt = { kind: 'ids', ids: new Int32Array(promptLength).fill(3) } as const;
      harness.send(1, openFrame({ session, prompt, mode: 'stop-and-wait' }));
      harness.settle();
      const ids = new Int32Array(length).fill(2);
      harness.send(1, draftOf({ session, from: promptLength, ids }));
    }
    harness.settle(1);
    const { rowCount, passFailureCount } = harness.core.stats();
    // Four rows, and two with one of padding, which is all that six and one leave of eight.
    assert.deepEqual([rowCount, passFailureCount], [7, 0]);
  });

  it('count refusals for the limits of a key, in all and of its own', () => {
    const harness = new Harness();
    harness.connect(1, hello, grant('a', { sessions: 1 }));
    for (const session of [0, 1, 2]) harness.send(1, openFrame({ session }));
    harness.connect(2, hello, grant('b', { tokensPerMinute: 1 }));
    harness.send(2, openFrame({ mode: 'stream' }));
    harness.settle();
    const { quotaRefusalCount, accounts } = harness.core.stats();
    assert.equal(quotaRefusalCount, 3);
    const counts = accounts.map(({ id, refusalCount }) => [id, refusalCount]);
    assert.deepEqual(
      new Map(counts as [string, number][]),
      new Map([
        ['a', 2],
        ['b', 1],
      ]),
    );
  });
});
