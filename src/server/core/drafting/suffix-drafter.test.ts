// Checks that the look-up of one key never uses texts of another, and that the texts of all keys
// stay within their bounds.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TokenLog } from '../../../protocol/token-log.js';
import type { Session } from '../session.js';
import type { Tenant } from '../tenants/tenant.js';
import { SuffixDrafter } from './suffix-drafter.js';
import { WordLog } from './word-log.js';

const tenantOf = (ordinal: number): Tenant => ({ ordinal }) as Tenant;

/** A session of a key whose whole text is written. */
function sessionOf(tenant: Tenant, text: readonly number[]): Session {
  const log = new TokenLog(text);
  const terms = { tenant, promptLength: 4 };
  return { log, words: new WordLog(log, terms.promptLength), terms } as unknown as Session;
}

const noLine = new Int32Array(0);
/** Tokens that occur once each: only another text can tell how one goes on. */
const story = Array.from({ length: 200 }, (_, index) => 1000 + index);
const begin = story.slice(0, 20);

describe('the look-up of the server', () => {
  it('finds what another session of the key has written', () => {
    const drafter = new SuffixDrafter(2 ** 20, 8);
    const tenant = tenantOf(1);
    drafter.draft(sessionOf(tenant, story), noLine, 8);
    const { tokens } = drafter.draft(sessionOf(tenant, begin), noLine, 8);
    assert.ok(tokens.length > 0);
    assert.deepEqual([...tokens], story.slice(20, 20 + tokens.length));
  });

  it('drafts for a key as if no other key were there', () => {
    const drafter = new SuffixDrafter(2 ** 20, 8);
    for (let count = 0; count < 4; count++) {
      drafter.draft(sessionOf(tenantOf(1), story), noLine, 8);
    }
    const alone = new SuffixDrafter(2 ** 20, 8);
    const [one, other] = [tenantOf(2), tenantOf(2)];
    for (const text of [begin, [...begin, 7, ...begin], story.slice(5, 90), [...story, ...begin]]) {
      const drafts = drafter.draft(sessionOf(one, text), noLine, 8);
      assert.deepEqual(drafts, alone.draft(sessionOf(other, text), noLine, 8));
      if (text === begin) assert.equal(drafts.tokens.length, 0);
    }
  });

  it('forgets the texts of a key, and no others', () => {
    const drafter = new SuffixDrafter(2 ** 20, 8);
    const [gone, other] = [tenantOf(1), tenantOf(2)];
    drafter.draft(sessionOf(other, story), noLine, 8);
    const { bytes } = drafter;
    drafter.draft(sessionOf(gone, story), noLine, 8);
    drafter.forgetTexts(gone);
    assert.deepEqual([drafter.bytes, drafter.count], [bytes, 1]);
    assert.equal(drafter.draft(sessionOf(gone, begin), noLine, 8).tokens.length, 0);
    assert.ok(drafter.draft(sessionOf(other, begin), noLine, 8).tokens.length > 0);
  });

  it('keeps the texts of all keys within sixteen times the memory of one', () => {
    const bytesMax = 30_000;
    const drafter = new SuffixDrafter(bytesMax, 8);
    let most = 0;
    for (let key = 0; key < 100; key++) {
      drafter.draft(sessionOf(tenantOf(key), story), noLine, 8);
      most = Math.max(most, drafter.bytes);
      assert.ok(drafter.count <= 8);
    }
    assert.ok(most <= 16 * bytesMax && most > 12 * bytesMax, `${most} bytes`);
  });

  it('forgets the key that was used least recently, and its sessions go on', () => {
    const drafter = new SuffixDrafter(30_000, 1000);
    const tenants = Array.from({ length: 40 }, (_, key) => tenantOf(key));
    const sessions = tenants.map((tenant) => sessionOf(tenant, story));
    for (const session of sessions) drafter.draft(session, noLine, 8);
    assert.ok(drafter.count < 40, `${drafter.count} sessions`);
    const guessed = (tenant: Tenant): number =>
      drafter.draft(sessionOf(tenant, begin), noLine, 8).tokens.length;
    assert.ok(guessed(tenants[39]!) > 0);
    assert.equal(guessed(tenants[0]!), 0);
    drafter.draft(sessions[0]!, noLine, 8);
    assert.ok(guessed(tenants[0]!) > 0);
  });

  it('keeps texts of 256 keys at most', () => {
    const drafter = new SuffixDrafter(2 ** 30, 1000);
    for (let key = 0; key < 300; key++) {
      drafter.draft(sessionOf(tenantOf(key), begin), noLine, 8);
    }
    assert.equal(drafter.count, 256);
  });
});
