// Checks the edges of a session: how it is opened, and what its device may not ask for.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { draftOf, Harness, openFrame } from './core-harness.suite.js';

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
