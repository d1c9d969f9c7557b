// Checks the edges of a session: how it is opened, and what its device may not ask for.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PilotfishError } from '../../base/error.js';
import { unlimited } from '../../base/key-grant.js';
import { draftOf, Harness, hello, openFrame } from './core-harness.suite.js';

const pipeline = { mode: 'pipeline' } as const;
const many = (count: number): Int32Array => new Int32Array(count).fill(2);

describe('a session that is opened', () => {
  it('is told the ids of a prompt that it sent as text, and no others', () => {
    const harness = new Harness();
    harness.connect(1);
    harness.take(1);
    const prompts = [{ kind: 'text', text: 'neat' }, openFrame().prompt] as const;
    for (const [session, prompt] of prompts.entries()) {
      harness.send(1, openFrame({ session, prompt, mode: 'pipeline' }));
    }
    const opened = harness.take(1).filter((frame) => frame.kind === 'opened');
    const ids = harness.settings.tokenize(prompts[0]);
    assert.deepEqual(
      opened.map(({ promptIds }) => [...promptIds]),
      [[...ids], []],
    );
    assert.deepEqual(
      opened.map(({ promptLength }) => promptLength),
      [ids.length, 3],
    );
  });

  it('is over at once where the answer that it begins with is', () => {
    const harness = new Harness();
    harness.connect(1);
    harness.take(1);
    harness.send(1, openFrame({ answer: Int32Array.of(4, 1) }));
    const [, verdict] = harness.take(1);
    assert.ok(verdict?.kind === 'verdict');
    assert.deepEqual([verdict.end, verdict.from, verdict.tokens.length], ['end-of-text', 5, 0]);
    assert.equal(harness.operations.length, 0);
  });
});

describe('an Open that the shell prepares', () => {
  const codes = (harness: Harness): string[] =>
    harness.take(1).map((frame) => {
      if (frame.kind === 'failure') return `${frame.code} ${frame.session}`;
      return frame.kind === 'opened' ? `opened ${frame.session}` : frame.kind;
    });

  it('keeps its id, while Opens with higher ids come before it', () => {
    const harness = new Harness();
    harness.connect(1);
    harness.take(1);
    for (const session of [2, 4]) harness.feed({ kind: 'reserved', connection: 1, session });
    for (const session of [5, 4, 2, 2, 3]) {
      harness.send(1, openFrame({ session, mode: 'pipeline' }));
    }
    const opened = ['opened 5', 'opened 4', 'opened 2'];
    // Used a second time it ends, as any session.
    assert.deepEqual(codes(harness), [...opened, 'session-reused 2', 'session-reused 3']);
    harness.feed({ kind: 'reserved', connection: 1, session: 3 });
    harness.send(1, openFrame({ session: 3 }));
    assert.deepEqual(codes(harness), ['session-reused 3']);
  });

  it('may be refused, and its late frames are dropped', () => {
    const harness = new Harness();
    harness.connect(1);
    harness.take(1);
    harness.feed({ kind: 'reserved', connection: 1, session: 0 });
    const prompt = new PilotfishError('picture-invalid', 'it is no picture');
    const prepared = { prompt, format: null };
    harness.feed({ kind: 'frame', connection: 1, frame: openFrame(), prepared });
    assert.deepEqual(codes(harness), ['picture-invalid 0']);
    const gif = new PilotfishError('picture-unsupported', 'it is of another kind');
    const frame = openFrame({ session: 1 });
    harness.feed({ kind: 'frame', connection: 1, frame, prepared: { prompt: gif, format: null } });
    assert.deepEqual(codes(harness), ['picture-invalid 1']);
    const part = { kind: 'picture-part', index: 0, offset: 0, data: Uint8Array.of(1) } as const;
    harness.send(1, { ...part, session: 0 });
    harness.send(1, { kind: 'cancel', session: 0 });
    assert.deepEqual(codes(harness), []);
    harness.send(1, { ...part, session: 2 });
    assert.deepEqual(codes(harness), ['session-unknown 2']);
  });

  it('has its pictures asked for, and what comes of them charged to the key', () => {
    const limits = { ...unlimited, bytesPerMinute: 100_000 };
    const harness = new Harness();
    harness.connect(1, { ...hello, versionMax: 5 }, { id: 'a', limits });
    harness.take(1);
    const wanted = [{ index: 0, offset: 0 }];
    const frame = { kind: 'pictures-wanted', session: 0, wanted } as const;
    harness.feed({ kind: 'wanted', connection: 1, frame });
    assert.deepEqual(harness.take(1), [frame]);
    harness.feed({ kind: 'spent', connection: 1, bytes: 90_000 });
    assert.deepEqual(codes(harness), []);
    harness.send(1, openFrame({ mode: 'pipeline' }));
    assert.deepEqual(codes(harness), ['opened 0']);
    harness.feed({ kind: 'spent', connection: 1, bytes: 20_000 });
    harness.send(1, openFrame({ session: 1 }));
    assert.deepEqual(codes(harness), ['quota-exceeded 1']);
    for (let count = 0; count < 100; count++) {
      harness.feed({ kind: 'spent', connection: 1, bytes: 100_000 });
    }
    assert.deepEqual(codes(harness), ['quota-exceeded null']);
    assert.equal(harness.closed.get(1), 'quota-exceeded');
    harness.feed({ kind: 'wanted', connection: 1, frame });
    assert.deepEqual(harness.take(1), []);
    // Of connections that are gone nothing is known.
    harness.disconnect(1);
    harness.feed({ kind: 'wanted', connection: 1, frame });
    harness.feed({ kind: 'spent', connection: 1, bytes: 1 });
    harness.feed({ kind: 'reserved', connection: 1, session: 0 });
  });
});

describe('a device', () => {
  it('ends a session that asks for the tail of another position than the law that is due', () => {
    const harness = new Harness();
    harness.connect(1);
    harness.send(1, openFrame({ ...pipeline, scheme: 'split' }));
    harness.send(1, draftOf({ ids: many(4), probs: Float64Array.of(1, 1, 1, 1) }));
    harness.settle();
    const verdict = harness.take(1).at(-1);
    assert.ok(verdict?.kind === 'verdict' && verdict.law !== null);
    const position = verdict.from + verdict.tokens.length + 1;
    harness.send(1, { kind: 'tail-request', session: 0, position });
    const [failure] = harness.take(1);
    assert.equal(failure?.kind === 'failure' && failure.code, 'residual-invalid');
  });

  it('counts failed sessions against a connection until it has closed them', () => {
    const harness = new Harness();
    harness.connect(1);
    const sessions = Array.from({ length: 8 }, (_, session) => session);
    for (const session of sessions) {
      harness.send(1, openFrame({ session }));
      harness.send(1, draftOf({ session, epoch: 5, ids: many(1) }));
    }
    harness.take(1);
    harness.send(1, openFrame({ session: 8 }));
    const [refusal] = harness.take(1);
    assert.equal(refusal?.kind === 'failure' && refusal.code, 'sessions-exhausted');
    harness.send(1, { kind: 'close', session: 3 });
    harness.send(1, openFrame({ session: 9 }));
    assert.equal(harness.take(1)[0]?.kind, 'opened');
  });

  it('counts no session against a connection that it has closed', () => {
    const harness = new Harness();
    harness.connect(1);
    for (let session = 0; session < 20; session++) {
      harness.send(1, openFrame({ session }));
      harness.send(1, { kind: 'close', session });
    }
    assert.ok(harness.take(1).every(({ kind }) => kind !== 'failure'));
  });

  it('takes no epoch that begins after the drafts of the one before', () => {
    const harness = new Harness();
    harness.connect(1);
    harness.send(1, openFrame(pipeline));
    harness.send(1, draftOf({ ids: new Int32Array(0) }));
    harness.settle();
    harness.send(1, draftOf({ from: 4, ids: many(4) }));
    harness.take(1);
    harness.send(1, draftOf({ epoch: 1, from: 8 }));
    const [failure] = harness.take(1);
    assert.equal(failure?.kind === 'failure' && failure.code, 'draft-gap');
  });
});
