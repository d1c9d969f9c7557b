// Checks that a draft which the server drops gets a verdict where its device would wait for ever,
// and none where the verdict that it crossed is the answer.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Mode, Verdict } from '../../protocol/frame.js';
import { draftOf, Harness, keyOf, openFrame, resumeOf, verdicts } from './core-harness.suite.js';
import { targetText } from './scripted-target.suite.js';

const text = targetText(openFrame());
const other = (position: number): number => (text[position] === 2 ? 3 : 2);

function opened(mode: Mode): Harness {
  const harness = new Harness();
  harness.connect(1);
  harness.send(1, openFrame({ mode }));
  harness.settle(8);
  harness.take(1);
  return harness;
}

/** Sends drafts, lets passes run, and takes the verdicts. */
function sendAll(harness: Harness, drafts: readonly Parameters<typeof draftOf>[0][]): Verdict[] {
  for (const draft of drafts) harness.send(1, draftOf(draft));
  harness.settle(8);
  return verdicts(harness.take(1));
}

const ids = (...tokens: readonly number[]) => ({ ids: Int32Array.from(tokens) });
const commits = (all: readonly Verdict[]): (readonly number[])[] =>
  all.map(({ from, tokens }) => [from, tokens.length]);

/** The chain of epoch 0 is void: its only draft was rejected, and the committed length is 4. */
function rejected(mode: Mode): Harness {
  const harness = opened(mode);
  const [verdict] = sendAll(harness, [{ from: 3, ...ids(other(3)) }]);
  assert.deepEqual([verdict!.from, [...verdict!.tokens]], [3, [text[3]]]);
  return harness;
}

describe('in stop-and-wait', () => {
  it('a draft in an epoch that is void gets one verdict that commits nothing', () => {
    const harness = rejected('stop-and-wait');
    const answer = sendAll(harness, [{ from: 4, ...ids(text[4]!) }]);
    assert.deepEqual(commits(answer), [[4, 0]]);
    const next = sendAll(harness, [{ epoch: 1, from: 4, ...ids(text[4]!) }]);
    assert.deepEqual(commits(next), [[5, 1]]);
  });

  it('a draft of an older epoch gets one, and so does each after it', () => {
    const harness = rejected('stop-and-wait');
    sendAll(harness, [{ epoch: 1, from: 4, ...ids(text[4]!) }]);
    const stale = { epoch: 0, from: 6, ...ids(text[6]!) };
    assert.deepEqual(commits(sendAll(harness, [stale])), [[6, 0]]);
    assert.deepEqual(commits(sendAll(harness, [stale, stale, stale])), [
      [6, 0],
      [6, 0],
      [6, 0],
    ]);
  });

  it('a draft after another text gets one, and its repetition none', () => {
    const harness = opened('stop-and-wait');
    const wrong = { from: 0, ...ids(other(0), other(1), other(2), other(3)) };
    assert.deepEqual(commits(sendAll(harness, [wrong])), [[3, 0]]);
    assert.deepEqual(sendAll(harness, [wrong]), []);
  });

  it('a draft that was sent again, or in parts, crosses its verdict and gets none', () => {
    const harness = rejected('stop-and-wait');
    assert.deepEqual(sendAll(harness, [{ from: 3, ...ids(other(3), 5) }]), []);
    const parts = [
      { epoch: 1, from: 4, ...ids(other(4)), more: true },
      { epoch: 1, from: 5, ...ids(5), more: true },
    ];
    sendAll(harness, parts);
    assert.deepEqual(sendAll(harness, [{ epoch: 1, from: 6, ...ids(6) }]), []);
  });

  it('a draft in the epoch of a resumed session gets one', () => {
    const harness = new Harness();
    harness.connect(1);
    harness.send(1, openFrame({ mode: 'stop-and-wait' }));
    harness.settle(8);
    const key = keyOf(harness.take(1));
    harness.connect(2);
    harness.send(2, resumeOf(key, text.slice(0, 3)));
    harness.take(2);
    const answers = [0, 1].map((epoch) => {
      harness.send(2, draftOf({ epoch, from: 3, ...ids(text[3]!) }));
      harness.settle(8);
      return commits(verdicts(harness.take(2)));
    });
    assert.deepEqual(answers, [[[3, 0]], [[4, 1]]]);
  });
});

describe('a device that does not read', () => {
  it('gets one verdict for all its dropped drafts, once it has caught up', () => {
    const harness = rejected('stop-and-wait');
    harness.feed({ kind: 'clogged', connection: 1 });
    const stale = Array.from({ length: 100 }, (_, index) => ({ from: 4 + (index % 2), ...ids(2) }));
    assert.deepEqual(sendAll(harness, stale), []);
    harness.feed({ kind: 'cleared', connection: 1 });
    assert.deepEqual(commits(verdicts(harness.take(1))), [[4, 0]]);
  });
});

describe('in pipeline', () => {
  it('drafts that were on their way when their chain was rejected get no verdict', () => {
    const harness = rejected('pipeline');
    const late = [4, 5, 6, 7].map((from) => ({ from, ...ids(2) }));
    assert.deepEqual(sendAll(harness, late), []);
    assert.deepEqual(sendAll(harness, [{ from: 3, ...ids(other(3), 2, 2) }]), []);
  });

  it('a draft that does not continue them gets one, and those that continue it none', () => {
    const harness = rejected('pipeline');
    sendAll(harness, [{ from: 4, ...ids(2, 2, 2) }]);
    assert.deepEqual(commits(sendAll(harness, [{ from: 4, ...ids(text[4]!) }])), [[4, 0]]);
    assert.deepEqual(sendAll(harness, [{ from: 5, ...ids(text[5]!) }]), []);
  });

  it('a draft after another text gets one', () => {
    const harness = opened('pipeline');
    const wrong = { from: 0, ...ids(other(0), other(1), other(2), other(3)) };
    assert.deepEqual(commits(sendAll(harness, [wrong])), [[3, 0]]);
  });
});

describe('in race', () => {
  it('a dropped draft gets no verdict: the next step is one', () => {
    const harness = opened('race');
    const before = harness.passCount;
    const stale = { from: 0, ...ids(other(0)) };
    const all = sendAll(harness, [stale, stale, stale]);
    assert.equal(all.length, harness.passCount - before);
    assert.ok(all.every(({ tokens }) => tokens.length > 0));
  });
});
