// Checks what happens to a session besides writing: taken over, cancelled, closed, read slowly,
// ended.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { unlimited } from '../../base/key-grant.js';
import { plainSampling } from '../../math/sampling.js';
import { limits } from '../../protocol/limits.js';
import {
  draftOf,
  Harness,
  hello,
  keyOf,
  openFrame,
  resumeOf,
  tokensOf,
  verdicts,
} from './core-harness.suite.js';
import { scriptedSettings, targetText } from './scripted-target.suite.js';

describe('a session', () => {
  it('sends a verdict only the tokens that the device lacks', () => {
    const harness = new Harness();
    const open = openFrame({ mode: 'pipeline', tokensMax: 10 });
    const text = targetText(open);
    harness.connect(1);
    harness.send(1, open);
    harness.send(1, draftOf({ ids: Int32Array.from([...text.slice(3, 6), (text[6]! + 1) % 16]) }));
    harness.settle();
    const [verdict] = verdicts(harness.take(1));
    assert.equal(verdict!.from, 6);
    assert.deepEqual([...verdict!.tokens], [text[6]]);
    assert.deepEqual([verdict!.acceptedCount, verdict!.rejectedCount], [3, 1]);
  });

  it('draws no bonus token while more of the chain is on its way', () => {
    const harness = new Harness();
    const sampling = { ...openFrame().sampling, temperature: 0 };
    const open = openFrame({ mode: 'pipeline', scheme: 'split', sampling, tokensMax: 10 });
    const text = targetText(open);
    harness.connect(1);
    harness.send(1, open);
    for (const [from, more] of [
      [3, true],
      [5, false],
    ] as const) {
      const ids = Int32Array.from(text.slice(from, from + 2));
      harness.send(1, draftOf({ from, ids, probs: Float64Array.of(1, 1), more }));
      harness.settle();
    }
    const [first, second] = verdicts(harness.take(1));
    assert.deepEqual([first!.from, [...first!.tokens]], [5, []]);
    assert.deepEqual([second!.from, [...second!.tokens]], [7, [text[7]]]);
    assert.equal(harness.core.stats().passFailureCount, 0);
  });

  it('in race steps where no drafts are, and takes late drafts that agree', () => {
    const harness = new Harness();
    const open = openFrame({ tokensMax: 12 });
    const text = targetText(open);
    harness.connect(1);
    harness.send(1, open);
    harness.settle(2);
    assert.deepEqual(tokensOf(harness.take(1)), text.slice(3, 5));
    // Drafted before those two verdicts were heard.
    harness.send(1, draftOf({ ids: Int32Array.from(text.slice(3, 10)) }));
    harness.settle(2);
    const [inInFlight, tested] = verdicts(harness.take(1));
    assert.equal(inInFlight!.from + inInFlight!.tokens.length, 6);
    assert.equal(inInFlight!.tokens.length, 0, 'the step came out as drafted');
    assert.equal(tested!.from, 10);
    assert.equal(inInFlight!.acceptedCount + tested!.acceptedCount, 7);
  });

  it('goes on over another connection with the same text; the old one is told', () => {
    const harness = new Harness();
    const open = openFrame({ mode: 'stream', tokensMax: 20 });
    const text = targetText(open);
    harness.connect(1);
    harness.send(1, open);
    harness.settle(5);
    const frames = harness.take(1);
    const known = text.slice(0, 6);
    harness.connect(2);
    harness.send(2, resumeOf(keyOf(frames), known, 9));
    assert.equal(harness.take(1).find((frame) => frame.kind === 'failure')?.code, 'session-taken');
    harness.send(1, { kind: 'cancel', session: 0 });
    harness.settle();
    const after = harness.take(2);
    const resumed = after.find((frame) => frame.kind === 'resumed');
    assert.deepEqual([...known, ...resumed!.tokens, ...tokensOf(after)], text);
    assert.equal(verdicts(after).at(-1)?.end, 'length');
    assert.ok(verdicts(after).every(({ session }) => session === 9));
  });

  it('repeats its end to a device that missed it, and refuses one that holds other tokens', () => {
    const harness = new Harness();
    const open = openFrame({ mode: 'stream', tokensMax: 6 });
    const text = targetText(open);
    harness.connect(1);
    harness.send(1, open);
    harness.settle();
    const key = keyOf(harness.take(1));
    harness.disconnect(1);
    harness.connect(2);
    harness.send(2, resumeOf(key, [...text.slice(0, 4), 15]));
    assert.equal(harness.take(2).at(-1)?.kind, 'failure');
    harness.send(2, resumeOf(key, text.slice(0, 4), 1));
    const [resumed, verdict] = harness.take(2);
    assert.ok(resumed?.kind === 'resumed' && verdict?.kind === 'verdict');
    assert.deepEqual([...resumed.tokens], text.slice(4));
    assert.equal(verdict.end, 'length');
  });

  it('is resumed by the key that opened it, and by no other', () => {
    const harness = new Harness();
    const grants = ['pi', 'jetson'].map((id) => ({ id, limits: unlimited }));
    const open = openFrame({ mode: 'stream', tokensMax: 6 });
    const text = targetText(open);
    harness.connect(1, hello, grants[0]);
    harness.send(1, open);
    harness.settle();
    const key = keyOf(harness.take(1));
    harness.disconnect(1);
    for (const [index, grant] of [grants[1], null].entries()) {
      harness.connect(2 + index, hello, grant);
      harness.send(2 + index, resumeOf(key, text.slice(0, 4)));
      const refusal = harness.take(2 + index).at(-1);
      assert.equal(refusal?.kind === 'failure' && refusal.code, 'resume-refused');
    }
    harness.connect(4, hello, grants[0]);
    harness.send(4, resumeOf(key, text.slice(0, 4)));
    assert.deepEqual(tokensOf(harness.take(4)), []);
    assert.equal(harness.core.stats().detachedCount, 0);
  });

  it('expires though every timer fires a little early', () => {
    const harness = new Harness();
    harness.connect(1);
    harness.send(1, openFrame());
    harness.disconnect(1);
    harness.settle();
    while (harness.core.stats().sessionCount > 0) {
      assert.notEqual(harness.wakeAtMs, Infinity, 'no timer is asked for');
      harness.nowMs = harness.wakeAtMs - 0.4;
      harness.wakeAtMs = Infinity;
      harness.feed({ kind: 'wake' });
    }
    const { resumeMs } = harness.settings.limits;
    assert.ok(harness.nowMs >= resumeMs && harness.nowMs < resumeMs + 2_000);
  });

  it('does not use the engine without a device, and is forgotten after its time', () => {
    const harness = new Harness();
    harness.connect(1);
    harness.send(1, openFrame({ mode: 'stream', tokensMax: 200 }));
    harness.settle(3);
    harness.disconnect(1);
    harness.settle();
    assert.ok(harness.passCount <= 4);
    assert.equal(harness.core.stats().detachedCount, 1);
    harness.advance(harness.settings.limits.resumeMs + 2_000);
    assert.equal(harness.core.retainedCount, 0);
  });

  it('ends with its connection where the server keeps none for a resumption', () => {
    const { limits: usual } = scriptedSettings();
    const harness = new Harness({ settings: { limits: { ...usual, resumeMs: 0 } } });
    harness.connect(1);
    harness.send(1, openFrame({ mode: 'stream' }));
    harness.settle(3);
    harness.disconnect(1);
    const { sessionCount, detachedCount } = harness.core.stats();
    assert.deepEqual([sessionCount, detachedCount], [0, 0]);
  });

  it('brings the law of a rejection again after a resumption', () => {
    const harness = new Harness();
    const open = openFrame({ mode: 'pipeline', scheme: 'split' });
    harness.connect(1);
    harness.send(1, open);
    // A sure draft of an unlikely token falls; seeds are tried until one does.
    harness.send(
      1,
      draftOf({ ids: Int32Array.of(2, 2, 2, 2), probs: Float64Array.of(1, 1, 1, 1) }),
    );
    harness.settle();
    const frames = harness.take(1);
    const verdict = verdicts(frames).at(-1)!;
    assert.ok(verdict.law?.kind === 'whole');
    const committed = [0, 3, 5, ...[2, 2, 2, 2].slice(0, verdict.from - 3), ...verdict.tokens];
    harness.disconnect(1);
    harness.connect(2);
    harness.send(2, resumeOf(keyOf(frames), committed));
    const again = verdicts(harness.take(2));
    assert.deepEqual(
      again.map(({ law }) => law),
      [verdict.law],
    );
    const position = committed.length;
    harness.send(2, { kind: 'tail-request', session: 0, position });
    const [tail] = harness.take(2);
    assert.ok(tail?.kind === 'tail' && tail.position === position);
    assert.deepEqual(tail.law, verdict.law.law);
    // Sent again it changes nothing, and costs nothing.
    for (let count = 0; count < 3; count++) {
      harness.send(2, { kind: 'tail-request', session: 0, position });
    }
    assert.deepEqual(harness.take(2), []);
    harness.disconnect(2);
    harness.connect(3);
    harness.send(3, resumeOf(keyOf(frames), committed));
    harness.take(3);
    harness.send(3, { kind: 'tail-request', session: 0, position });
    assert.deepEqual(
      harness.take(3).map(({ kind }) => kind),
      ['tail'],
    );
  });

  it('ends with a residual token that ends the text', () => {
    const harness = new Harness();
    // An end is likely, and the drafts are not.
    const sampling = { ...plainSampling, logitBias: new Map([[1, 4]]) };
    harness.connect(1);
    harness.send(1, openFrame({ mode: 'pipeline', scheme: 'split', sampling }));
    harness.send(1, draftOf({ ids: Int32Array.of(2, 2), probs: Float64Array.of(1, 1) }));
    harness.settle();
    const verdict = verdicts(harness.take(1)).at(-1)!;
    assert.ok(verdict.law !== null);
    const position = verdict.from + verdict.tokens.length;
    harness.send(1, draftOf({ epoch: 1, from: position + 1, residual: 1 }));
    const [last] = verdicts(harness.take(1));
    assert.equal(last?.end, 'end-of-text');
  });

  it('says where it ends when it is cancelled, in a pass or between two', () => {
    for (const isFlying of [true, false]) {
      const harness = new Harness();
      const open = openFrame({ mode: isFlying ? 'stream' : 'pipeline', tokensMax: 50 });
      harness.connect(1);
      harness.send(1, open);
      harness.settle(isFlying ? 3 : 100);
      harness.send(1, { kind: 'cancel', session: 0 });
      harness.settle();
      const frames = harness.take(1);
      assert.equal(verdicts(frames).at(-1)?.end, 'cancelled');
      const written = tokensOf(frames);
      assert.deepEqual(written, targetText(open).slice(3, 3 + written.length));
      harness.send(1, { kind: 'close', session: 0 });
      harness.disconnect(1);
      assert.equal(harness.core.retainedCount, 0);
    }
  });

  it('ends once when it is cancelled twice, in a pass, between two, or when it has ended', () => {
    for (const [passes, between] of [
      [3, 0],
      [3, 1],
      [100, 0],
    ] as const) {
      const harness = new Harness();
      harness.connect(1);
      harness.send(1, openFrame({ mode: 'stream', tokensMax: 50 }));
      harness.settle(passes);
      harness.send(1, { kind: 'cancel', session: 0 });
      harness.settle(between);
      harness.send(1, { kind: 'cancel', session: 0 });
      harness.settle();
      const frames = harness.take(1);
      assert.deepEqual(
        frames.filter(({ kind }) => kind === 'failure'),
        [],
      );
      assert.equal(verdicts(frames).filter(({ end }) => end !== null).length, 1);
      harness.send(1, { kind: 'close', session: 0 });
      harness.disconnect(1);
      assert.equal(harness.core.retainedCount, 0);
    }
  });

  it('ends at the end of the text, at its length, and at the context', () => {
    const ends = [
      {
        changes: { sampling: { ...plainSampling, logitBias: new Map([[1, 4]]) } },
        end: 'end-of-text',
      },
      { changes: { tokensMax: 1 }, end: 'length' },
      { changes: { tokensMax: 1000 }, end: 'context' },
    ] as const;
    for (const { changes, end } of ends) {
      const harness = new Harness({ model: { contextLength: 30 } });
      const open = openFrame({ ...changes, mode: 'stream' });
      harness.connect(1);
      harness.send(1, open);
      harness.settle();
      const frames = harness.take(1);
      assert.equal(verdicts(frames).at(-1)?.end, end);
      assert.deepEqual(tokensOf(frames), targetText(open, { contextLength: 30 }).slice(3));
    }
  });

  it('tells a slow reader in one verdict what it would have told in many', () => {
    const harness = new Harness();
    const open = openFrame({ mode: 'stream', tokensMax: 20 });
    harness.connect(1);
    harness.send(1, open);
    harness.settle(2);
    harness.feed({ kind: 'clogged', connection: 1 });
    harness.settle(10);
    const before = harness.take(1);
    harness.feed({ kind: 'cleared', connection: 1 });
    const merged = harness.take(1);
    harness.settle(2);
    harness.feed({ kind: 'clogged', connection: 1 });
    harness.settle();
    // The end does not wait.
    const after = harness.take(1);
    const counts = [before, merged, after].map((frames) =>
      verdicts(frames).map((v) => v.tokens.length),
    );
    assert.deepEqual(counts, [[1, 1], [10], [1, 1, 6]]);
    const text = tokensOf([...before, ...merged, ...after]);
    assert.deepEqual(text, targetText(open).slice(3));
  });

  it('ends for a slow reader that cancels while a verdict waits for it', () => {
    const harness = new Harness();
    const open = openFrame({ mode: 'stream', tokensMax: 20 });
    harness.connect(1);
    harness.send(1, open);
    harness.feed({ kind: 'clogged', connection: 1 });
    harness.settle(3);
    harness.send(1, { kind: 'cancel', session: 0 });
    harness.feed({ kind: 'cleared', connection: 1 });
    harness.settle();
    const frames = harness.take(1);
    const all = verdicts(frames);
    assert.deepEqual(
      all.map(({ end }) => end),
      ['cancelled'],
    );
    const written = tokensOf(frames);
    assert.deepEqual(written, targetText(open).slice(3, 3 + written.length));
    assert.ok(written.length > 3);
  });

  it('keeps back no more tokens for a slow reader than a verdict holds', () => {
    const model = { contextLength: 8192 };
    const harness = new Harness({ model });
    harness.connect(1);
    harness.send(1, openFrame({ mode: 'stream', tokensMax: 4500 }));
    harness.feed({ kind: 'clogged', connection: 1 });
    harness.settle(4000);
    const lengths = verdicts(harness.take(1)).map(({ tokens }) => tokens.length);
    assert.deepEqual(lengths, [limits.verdictTokens.value - limits.draftTokens.value]);
  });

  it('goes on with an answer that began elsewhere', () => {
    const harness = new Harness();
    const open = openFrame({ mode: 'stream', tokensMax: 12 });
    const text = targetText(open);
    harness.connect(1);
    harness.send(1, { ...open, answer: Int32Array.from(text.slice(3, 9)) });
    harness.settle();
    assert.deepEqual(tokensOf(harness.take(1)), text.slice(9));
  });

  it('is written over a local connection without a greeting, which may be silent for ever', () => {
    const offered = { ...new Harness().settings.limits, silenceMs: 5_000 };
    const harness = new Harness({ settings: { limits: offered } });
    const open = openFrame({ mode: 'stream', tokensMax: 6 });
    harness.connectLocal(1);
    harness.advance(60_000);
    harness.send(1, open);
    harness.settle();
    harness.advance(60_000);
    assert.deepEqual(tokensOf(harness.take(1)), targetText(open).slice(3));
    assert.equal(harness.closed.size, 0);
    harness.disconnect(1);
    harness.advance(offered.resumeMs + 2_000);
    assert.equal(harness.core.retainedCount, 0);
  });
});
