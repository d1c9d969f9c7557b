// Checks which tokens a draft model is fed before it drafts behind a text: those that its sequence
// lacks, and all of them where another key has used it.

import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { slotId } from '../../../base/brand.js';
import { firstImageToken } from '../../../base/image-token.js';
import { TokenLog } from '../../../protocol/token-log.js';
import type { Session } from '../session.js';
import type { Tenant } from '../tenants/tenant.js';
import { DraftTexts } from './draft-texts.js';
import { WordLog } from './word-log.js';

const slot = slotId(1);
const [mine, others] = [{ ordinal: 1 } as Tenant, { ordinal: 2 } as Tenant];
const config = { promptLength: 9 };

/** A session that can write. */
function writing(tokens: readonly number[], tenant = mine) {
  const log = new TokenLog(tokens);
  const words = new WordLog(log, tokens.length);
  return { log, session: { log, words, terms: { tenant, config } } as unknown as Session };
}

const textOf = (session: Session, prefix: readonly number[] = []) => ({
  ...{ session, slot, prefix: Int32Array.from(prefix) },
});

const draftedOf = (tokens: readonly number[], length: number) => {
  const drafted = tokens.map((token) => ({ token })) as never;
  return { drafted, length, reason: 'count' } as never;
};

describe('the texts of the draft model', () => {
  let texts: DraftTexts;
  const fed = (session: Session, prefix: readonly number[] = [], countMax = 99) => {
    const text = textOf(session, prefix);
    const missing = texts.missingCount(text);
    const { from, tokens, config: given } = texts.feed(text, countMax);
    assert.equal(tokens.length, Math.min(countMax, missing));
    return { from, tokens: [...tokens], isNew: given !== undefined };
  };
  beforeEach(() => {
    texts = new DraftTexts(2);
  });

  it('are fed whole at first, then as they grow', () => {
    const { log, session } = writing([5, 6, 7]);
    assert.deepEqual(fed(session), { from: 0, tokens: [5, 6, 7], isNew: true });
    log.append([8, 9]);
    assert.deepEqual(fed(session), { from: 3, tokens: [8, 9], isNew: false });
    // The last token is fed again: its logits tell the next one.
    assert.deepEqual(fed(session), { from: 4, tokens: [9], isNew: false });
  });

  it('are fed without the images of the prompt, which positions still count', () => {
    const [one, other] = [firstImageToken, firstImageToken + 1];
    const { log, session } = writing([5, one, other, 6, one]);
    const { from, tokens, config: given } = texts.feed(textOf(session, [7]), 99);
    assert.deepEqual([from, [...tokens]], [0, [5, 6, 7]]);
    assert.deepEqual(given, { promptLength: 6, absentCount: 3 });
    texts.ended(textOf(session, [7]), draftedOf([8], 3));
    log.append([7, 9]);
    assert.deepEqual(fed(session), { from: 3, tokens: [9], isNew: false });
    const { session: silent } = writing([one, other]);
    assert.equal(texts.missingCount(textOf(silent)), 0);
    assert.equal(texts.feed(textOf(silent), 9).tokens.length, 0);
    assert.equal(texts.missingCount(textOf(silent)), 0);
  });

  it('are fed in pieces', () => {
    const { session } = writing([5, 6, 7, 8, 9]);
    assert.deepEqual(fed(session, [], 2), { from: 0, tokens: [5, 6], isNew: true });
    assert.deepEqual(fed(session, [], 2), { from: 2, tokens: [7, 8], isNew: false });
    assert.deepEqual(fed(session, [], 2), { from: 4, tokens: [9], isNew: false });
  });

  it('go on behind drafts in line, and back where these change', () => {
    const { log, session } = writing([5, 6]);
    assert.deepEqual(fed(session, [7, 8]), { from: 0, tokens: [5, 6, 7, 8], isNew: true });
    assert.deepEqual(fed(session, [7, 1, 2]), { from: 3, tokens: [1, 2], isNew: false });
    log.append([7, 1, 3, 4]);
    assert.deepEqual(fed(session), { from: 4, tokens: [3, 4], isNew: false });
  });

  it('keep what was drafted, as far as it stands', () => {
    const { log, session } = writing([5, 6]);
    fed(session);
    // The last drafted token is not in the sequence yet.
    texts.ended(textOf(session), draftedOf([7, 8, 9], 4));
    log.append([7, 8, 1]);
    assert.deepEqual(fed(session), { from: 4, tokens: [1], isNew: false });
    texts.ended(textOf(session), draftedOf([2, 3], 6));
    log.append([9, 9]);
    assert.deepEqual(fed(session), { from: 5, tokens: [9, 9], isNew: false });
  });

  it('of another session keep what both begin with', () => {
    fed(writing([5, 6, 7, 8]).session);
    const { session } = writing([5, 6, 9]);
    assert.deepEqual(fed(session), { from: 2, tokens: [9], isNew: true });
    const other = writing([1, 6, 9]);
    assert.deepEqual(fed(other.session), { from: 0, tokens: [1, 6, 9], isNew: true });
  });

  it('of another key keep nothing', () => {
    fed(writing([5, 6, 7, 8]).session);
    const { session } = writing([5, 6, 7, 8], others);
    assert.deepEqual(fed(session), { from: 0, tokens: [5, 6, 7, 8], isNew: true });
  });

  it('take no drafts that end for a session which has lost the slot', () => {
    const [one, other] = [writing([5, 6]), writing([5, 6])];
    fed(one.session);
    fed(other.session);
    texts.ended(textOf(one.session), draftedOf([7, 8], 3));
    other.log.append([7, 8]);
    assert.deepEqual(fed(other.session), { from: 2, tokens: [7, 8], isNew: false });
  });

  it('are fed whole again once a draft has failed', () => {
    const { session } = writing([5, 6, 7]);
    fed(session);
    texts.lost(slot);
    assert.deepEqual(fed(session), { from: 0, tokens: [5, 6, 7], isNew: true });
  });
});
