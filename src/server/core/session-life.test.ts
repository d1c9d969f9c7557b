// What happens to a session besides writing: taken over, cancelled, closed, swapped out, harmed by a failing engine; and
// what two sessions may share.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { plainSampling } from '../../math/sampling.js';
import type { Draft, Open, Resume, ServerFrame, Verdict } from '../../protocol/frame.js';
import { limits } from '../../protocol/limits.js';
import { tokenLogHash } from '../../protocol/token-log-hash.js';
import { Harness, openFrame } from './core-harness.suite.js';
import { targetText } from './scripted-target.suite.js';

const draftOf = (changes: Partial<Draft>): Draft => ({
  kind: 'draft',
  session: 0,
  epoch: 0,
  from: 3,
  ids: new Int32Array(0),
  probs: null,
  laws: null,
  residual: null,
  more: false,
  ...changes,
});

function verdicts(frames: readonly ServerFrame[]): Verdict[] {
  return frames.filter((frame) => frame.kind === 'verdict');
}

const tokensOf = (frames: readonly ServerFrame[]): number[] =>
  verdicts(frames).flatMap(({ tokens }) => [...tokens]);

function keyOf(frames: readonly ServerFrame[]): Uint8Array {
  const opened = frames.find((frame) => frame.kind === 'opened');
  assert.ok(opened);
  return opened.resumeKey;
}

function resumeOf(resumeKey: Uint8Array, committed: readonly number[], session = 0): Resume {
  return {
    kind: 'resume',
    session,
    resumeKey,
    committedLength: committed.length,
    logHash: tokenLogHash(Int32Array.from(committed)),
  };
}

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
    const [inFlight, tested] = verdicts(harness.take(1));
    assert.equal(inFlight!.from + inFlight!.tokens.length, 6);
    assert.equal(inFlight!.tokens.length, 0, 'the step came out as drafted');
    assert.equal(tested!.from, 10);
    assert.equal(inFlight!.acceptedCount + tested!.acceptedCount, 7);
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

  it('does not use the engine while nobody listens, and is forgotten after its time', () => {
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
    // The end waits for nobody.
    const after = harness.take(1);
    const counts = [before, merged, after].map((frames) =>
      verdicts(frames).map((v) => v.tokens.length),
    );
    assert.deepEqual(counts, [[1, 1], [10], [1, 1, 6]]);
    const text = tokensOf([...before, ...merged, ...after]);
    assert.deepEqual(text, targetText(open).slice(3));
  });

  it('owes a slow reader no more tokens than a verdict holds', () => {
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
});

describe('slots', () => {
  it('copy what sessions share instead of computing it again', () => {
    const harness = new Harness({ model: { slotCount: 4 } });
    const ids = Int32Array.from({ length: 100 }, (_, index) => (index === 0 ? 0 : 2 + (index % 7)));
    harness.connect(1);
    for (const session of [0, 1, 2, 3]) {
      const own = Int32Array.from([...ids, 2 + session, 5]);
      harness.send(
        1,
        openFrame({ session, prompt: { kind: 'ids', ids: own }, mode: 'stream', tokensMax: 2 }),
      );
    }
    harness.settle();
    const { fedCount, sharedTokenCount } = harness.core.stats();
    assert.ok(
      sharedTokenCount >= 300 && fedCount < 130,
      `${sharedTokenCount} shared, ${fedCount} fed`,
    );
  });

  it('copy what ended sessions have left, closed or not, as long as nobody needs the slot', () => {
    const ids = Int32Array.from({ length: 60 }, (_, index) => (index === 0 ? 0 : 2 + (index % 7)));
    const prompt = { kind: 'ids', ids } as const;
    const harness = new Harness({ model: { slotCount: 2 } });
    harness.connect(1);
    const fedBy = (session: number, open: Open): number => {
      const before = harness.core.stats().fedCount;
      harness.send(1, { ...open, session });
      harness.settle();
      assert.deepEqual(tokensOf(harness.take(1)), targetText(open).slice(ids.length));
      return harness.core.stats().fedCount - before;
    };
    const open = openFrame({ prompt, mode: 'stream', tokensMax: 4 });
    assert.ok(fedBy(0, open) >= 60);
    assert.ok(fedBy(1, { ...open, seed: 5n }) < 10, 'the session before has ended');
    harness.send(1, { kind: 'close', session: 0 });
    harness.send(1, { kind: 'close', session: 1 });
    assert.ok(fedBy(2, { ...open, scheme: 'greedy' }) < 10, 'both are closed');
    const other = Int32Array.from(ids, (token) => (token === 0 ? 0 : 10));
    for (const session of [3, 4]) {
      const stranger = openFrame({
        session,
        prompt: { kind: 'ids', ids: other },
        mode: 'pipeline',
      });
      harness.send(1, stranger);
      harness.settle();
    }
    harness.take(1);
    assert.ok(fedBy(5, open) >= 60, 'both slots were needed');
  });

  it('hold nothing for others after a pass that failed', () => {
    const ids = Int32Array.from({ length: 60 }, (_, index) => (index === 0 ? 0 : 2 + (index % 7)));
    const harness = new Harness({ model: { slotCount: 2 } });
    harness.connect(1);
    harness.send(1, openFrame({ prompt: { kind: 'ids', ids }, mode: 'stream' }));
    harness.settle(4);
    harness.failingPasses.add(5);
    // Gone while the pass is under way, so that nobody is there to distrust the slot.
    harness.send(1, { kind: 'close', session: 0 });
    harness.settle();
    harness.send(1, openFrame({ session: 1, prompt: { kind: 'ids', ids }, mode: 'stream' }));
    harness.settle();
    assert.equal(harness.core.stats().sharedTokenCount, 0);
  });

  it('go to whoever works; idle sessions are swapped out and come back', () => {
    const harness = new Harness({ model: { slotCount: 1 } });
    const prompt = {
      kind: 'ids',
      ids: Int32Array.from({ length: 40 }, (_, index) => index % 5),
    } as const;
    harness.connect(1);
    for (const session of [0, 1]) {
      harness.send(1, openFrame({ session, prompt, mode: 'pipeline', seed: BigInt(session) }));
      harness.settle();
    }
    const ask = (session: number, from: number): void => {
      harness.send(1, draftOf({ session, from }));
      harness.settle();
    };
    for (const from of [40, 41, 42]) for (const session of [0, 1]) ask(session, from);
    const frames = harness.take(1);
    for (const session of [0, 1]) {
      const text = targetText(openFrame({ prompt, seed: BigInt(session) }));
      const own = frames.filter((frame) => 'session' in frame && frame.session === session);
      assert.deepEqual(tokensOf(own), text.slice(40, 43));
    }
    const { evictionCount, restoreCount, fedCount } = harness.core.stats();
    assert.ok(evictionCount >= 5 && restoreCount >= 4, `${evictionCount} ${restoreCount}`);
    assert.ok(fedCount < 100, `${fedCount} tokens were fed`);
  });

  it('are taken in turns when all sessions are busy', () => {
    const harness = new Harness({ model: { slotCount: 2 }, settings: { slotQuantumTokens: 4 } });
    harness.connect(1);
    for (const session of [0, 1, 2, 3, 4]) {
      harness.send(1, openFrame({ session, mode: 'stream', tokensMax: 100 }));
    }
    harness.settle(30);
    const sessions = new Set(verdicts(harness.take(1)).map(({ session }) => session));
    assert.equal(sessions.size, 5);
  });
});

describe('a failing engine', () => {
  it('harms nobody when it fails now and then', () => {
    const harness = new Harness();
    harness.failingPasses.add(2).add(20);
    harness.connect(1);
    const opens = [0, 1, 2].map((session) =>
      openFrame({ session, mode: 'stream', seed: BigInt(session) }),
    );
    for (const open of opens) harness.send(1, open);
    harness.settle();
    const frames = harness.take(1);
    for (const open of opens) {
      const own = frames.filter((frame) => 'session' in frame && frame.session === open.session);
      assert.deepEqual(tokensOf(own), targetText(open).slice(3));
    }
  });

  it('ends the session whose law has no token, and no other', () => {
    const harness = new Harness();
    const nothing = new Map(Array.from({ length: 16 }, (_, id) => [id, -Infinity] as const));
    harness.connect(1);
    harness.send(1, openFrame({ mode: 'stream', tokensMax: 20 }));
    harness.settle(3);
    const sampling = { ...plainSampling, logitBias: nothing };
    harness.send(1, openFrame({ session: 1, mode: 'stream', sampling }));
    harness.settle();
    const frames = harness.take(1);
    const failures = frames.filter((frame) => frame.kind === 'failure');
    assert.deepEqual(
      failures.map(({ code, session }) => [code, session]),
      [['engine-failed', 1]],
    );
    assert.deepEqual(tokensOf(frames), targetText(openFrame({ tokensMax: 20 })).slice(3));
  });

  it('computes nothing that is kept on a slot that could not be opened', () => {
    const harness = new Harness({ model: { slotCount: 1 } });
    harness.failingPasses.add(1);
    harness.connect(1);
    harness.send(1, openFrame({ scheme: 'coupled', mode: 'stream', seed: 1n }));
    harness.send(1, { kind: 'close', session: 0 });
    harness.settle();
    harness.take(1);
    // The slot is empty, but still set up for the session before: a pass on it would draw with that one's seed.
    const open = openFrame({ session: 1, scheme: 'coupled', mode: 'stream', seed: 2n });
    harness.send(1, open);
    const failing = harness.operations.findIndex(
      (operation) => operation.kind === 'open' && operation.config.seed === 2n,
    );
    for (let count = 0; count < failing; count++) harness.stepEngine();
    const { id } = harness.operations.shift()!;
    harness.feed({ kind: 'failed', id, code: 'engine-failed', message: 'told to fail' });
    harness.settle();
    assert.deepEqual(tokensOf(harness.take(1)), targetText(open).slice(3));
  });

  it('does not keep a Cancel waiting that came during a pass which then fails', () => {
    const harness = new Harness({ model: { slotCount: 1 } });
    harness.failingPasses.add(3);
    harness.connect(1);
    harness.send(1, openFrame({ mode: 'stream' }));
    harness.settle(2);
    harness.send(1, { kind: 'cancel', session: 0 });
    harness.settle();
    assert.equal(verdicts(harness.take(1)).at(-1)?.end, 'cancelled');
  });

  it('nor one that came during a pass on a slot that turns out not to be set up', () => {
    const harness = new Harness();
    harness.connect(1);
    harness.send(1, openFrame({ mode: 'stream' }));
    const { id } = harness.operations.shift()!;
    harness.feed({ kind: 'failed', id, code: 'engine-failed', message: 'told to fail' });
    harness.send(1, { kind: 'cancel', session: 0 });
    harness.settle();
    assert.equal(verdicts(harness.take(1)).at(-1)?.end, 'cancelled');
  });

  it('is given up on, session by session, when it always fails', () => {
    const harness = new Harness();
    for (let pass = 1; pass < 100; pass++) harness.failingPasses.add(pass);
    harness.connect(1);
    for (const session of [0, 1]) harness.send(1, openFrame({ session, mode: 'stream' }));
    harness.settle();
    const codes = harness
      .take(1)
      .flatMap((frame) => (frame.kind === 'failure' ? [frame.code] : []));
    assert.deepEqual(codes, ['engine-failed', 'engine-failed']);
    assert.ok(harness.passCount < 10);
  });
});
