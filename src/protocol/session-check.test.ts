// Tests that the vocabulary of a session bounds every token of every frame, in both directions.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Draft, Frame, Open, Verdict } from './frame.js';
import { checkScheme, checkVocabulary } from './session-check.js';
import { vectors } from './vectors.suite.js';

/** Largest id of each vector's tokens and laws, if it has any. */
const largestOf = (frame: Frame): number | null => {
  const ids: number[] = [];
  const visit = (value: unknown): void => {
    if (value instanceof Int32Array) ids.push(...value);
    else if (value instanceof Map) ids.push(...value.keys());
    else if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
      Object.values(value).forEach(visit);
    }
  };
  visit(frame);
  if (frame.kind === 'draft' && frame.residual !== null) ids.push(frame.residual);
  return ids.length > 0 ? Math.max(...ids) : null;
};
const hasDenseLaw = (frame: Frame): boolean =>
  frame.kind === 'draft' && (frame.laws ?? []).some(({ kind }) => kind === 'dense');

describe('the vocabulary of a session', () => {
  it('bounds every token of every frame', () => {
    let checkedCount = 0;
    for (const { frame, title } of vectors) {
      const largest = largestOf(frame);
      if (largest === null || hasDenseLaw(frame)) continue;
      checkedCount++;
      assert.equal(checkVocabulary(frame, largest + 1), null, title);
      const fault = checkVocabulary(frame, largest);
      assert.equal(fault?.code, 'token-out-of-range', title);
      assert.equal(fault?.session, 'session' in frame ? frame.session : null, title);
    }
    assert.ok(checkedCount >= 12, `${checkedCount} vectors`);
  });

  it('is the length of a dense law', () => {
    const frame = vectors.find((vector) => hasDenseLaw(vector.frame))!.frame;
    assert.equal(checkVocabulary(frame, 3), null);
    assert.deepEqual(checkVocabulary(frame, 4), {
      code: 'law-invalid',
      message: '3 probabilities, not 4',
      session: 0,
    });
  });

  it('holds for a residual token that comes alone', () => {
    const alone: Draft = { ...(draftOf('no drafts') as Draft), residual: 70 };
    assert.equal(checkVocabulary(alone, 71), null);
    assert.equal(checkVocabulary(alone, 70)?.code, 'token-out-of-range');
    assert.equal(checkVocabulary({ ...alone, residual: null }, 1), null, 'there is none to judge');
  });

  it('does not matter to a prompt that is text', () => {
    const open = vectors.find(({ title }) => title.startsWith('plain text'))!.frame as Open;
    const unbiased = { ...open, sampling: { ...open.sampling, logitBias: new Map() } };
    assert.equal(checkVocabulary(unbiased, 1), null);
  });
});

function draftOf(title: string): Frame {
  return vectors.find((vector) => vector.frame.kind === 'draft' && vector.title.startsWith(title))!
    .frame;
}

describe('the scheme of a session', () => {
  const ids = draftOf('four tokens') as Draft;
  const split = draftOf('split') as Draft;
  const full = draftOf('full') as Draft;
  const none = draftOf('no drafts') as Draft;

  it('takes the drafts that it verifies', () => {
    for (const scheme of ['greedy', 'coupled', 'agreement'] as const) {
      assert.equal(checkScheme(ids, scheme), null);
      assert.equal(checkScheme(none, scheme), null);
    }
    assert.equal(checkScheme(split, 'split'), null);
    assert.equal(checkScheme({ ...split, residual: null }, 'split'), null);
    assert.equal(checkScheme(none, 'split'), null);
    assert.equal(checkScheme({ ...none, residual: 3 }, 'split'), null);
    assert.equal(checkScheme(full, 'full'), null);
    assert.equal(checkScheme(none, 'full'), null);
  });

  it('refuses the drafts of another', () => {
    const wrong = [
      [ids, 'split', 'draft-contradicts'],
      [ids, 'full', 'draft-contradicts'],
      [split, 'greedy', 'draft-contradicts'],
      [split, 'full', 'draft-contradicts'],
      [full, 'coupled', 'draft-contradicts'],
      [full, 'split', 'draft-contradicts'],
      [{ ...none, residual: 3 }, 'greedy', 'residual-invalid'],
      [{ ...none, residual: 3 }, 'full', 'residual-invalid'],
    ] as const;
    for (const [frame, scheme, code] of wrong) {
      const fault = checkScheme(frame, scheme);
      assert.equal(fault?.code, code);
      assert.equal(fault?.session, frame.session);
    }
  });

  it('lets only split send laws down', () => {
    const withLaw = vectors.find(({ title }) => title.startsWith('split: a rejection'))!
      .frame as Verdict;
    assert.equal(checkScheme(withLaw, 'split'), null);
    assert.equal(checkScheme(withLaw, 'full')?.code, 'law-invalid');
    assert.equal(checkScheme({ ...withLaw, law: null }, 'full'), null);
  });
});
