// Checks the verdict that leaves a law to its device: the law whole or cut as the session asked,
// with log-probabilities in the same order, and the times in microseconds.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Outcome } from '../../../engine/engine.js';
import type { CutLimit } from '../../../math/cut-law.js';
import type { Law } from '../../../math/law.js';
import { u32Max } from '../../../protocol/limits.js';
import { noServerDrafts } from '../drafting/draft-line.js';
import type { Session } from '../session.js';
import { sessionOf } from '../session.suite.js';
import { makeVerdict } from './make-verdict.js';

const dense: Law = { kind: 'dense', probs: Float64Array.of(0.125, 0.5, 0, 0.375) };
/** Of the dense law's entries, which are the tokens. */
const logprobs = Float32Array.of(-1, -2, -3, -4);

/** A session under `split` whose first draft was rejected, so that a law is due. */
function rejected(law: Law, cut: CutLimit | null): Session {
  const session = sessionOf({ scheme: 'split', topLogprobs: 0, cut });
  const ids = Int32Array.of(2);
  const rest = {
    probs: Float64Array.of(1),
    laws: null,
    residual: null,
    more: false,
    chances: null,
  };
  session.addDraft({ kind: 'draft', session: 0, epoch: 0, from: 3, ids, ...rest }, 0);
  const segment = { from: 3, draftCount: 1, padCount: 0, isJudged: true, epoch: 0, ids };
  const server = noServerDrafts;
  session.passStarted({ ...segment, server, queueMs: 0, isRetry: false }, 0);
  const outcome = {
    acceptedCount: 0,
    final: { kind: 'law', law },
    logprobs: { tokens: [], law: { logprobs, top: [] } },
  };
  session.commitPass(outcome as unknown as Outcome, 1);
  return session;
}

const times = { queueMs: 0, passMs: 0 };
const verdictOf = (law: Law, cut: CutLimit | null) =>
  makeVerdict(rejected(law, cut), times, null, 1);

describe('the law of a rejected draft', () => {
  it('is sent whole where the session asked for no cut', () => {
    const verdict = verdictOf(dense, null);
    assert.deepEqual(verdict.law, { kind: 'whole', law: dense });
    assert.deepEqual([verdict.acceptedCount, verdict.rejectedCount], [0, 1]);
    assert.deepEqual(verdict.lawLogprobs, { logprobs, top: [] });
  });

  it('is sent whole where a cut would leave nothing out', () => {
    assert.deepEqual(verdictOf(dense, { keepMax: 3 }).law, { kind: 'whole', law: dense });
  });

  it('is sent cut, with the log-probabilities of the entries that are kept', () => {
    const { law, lawLogprobs } = verdictOf(dense, { keepMax: 2 });
    assert.ok(law?.kind === 'cut');
    assert.deepEqual([...law.cut.ids], [1, 3]);
    assert.equal(law.cut.tailMass, 0.125);
    assert.deepEqual(lawLogprobs, { logprobs: Float32Array.of(-2, -4), top: [] });
  });

  it('keeps the log-probabilities of a sparse law by the place of each entry', () => {
    const sparse: Law = {
      kind: 'sparse',
      ids: Int32Array.of(3, 0),
      probs: Float64Array.of(0.75, 0.25),
    };
    const { lawLogprobs } = verdictOf(sparse, { keepMax: 1 });
    assert.deepEqual(lawLogprobs, { logprobs: Float32Array.of(-1), top: [] });
  });
});

describe('the times of a verdict', () => {
  it('are whole microseconds, and no more than the wire holds', () => {
    const timesOf = (queueMs: number, passMs: number) => {
      const { queueUs, verifyUs } = makeVerdict(
        rejected(dense, null),
        { queueMs, passMs },
        null,
        1,
      );
      return [queueUs, verifyUs];
    };
    assert.deepEqual(timesOf(0, 2.5), [0, 2500]);
    assert.deepEqual(timesOf(0.0004, 1e9), [0, u32Max]);
  });
});
