// Checks that saved caches stay within their bytes, which one makes room, and which one a session
// gets.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { unlimited } from '../../../base/key-grant.js';
import { TokenLog } from '../../../protocol/token-log.js';
import type { Session } from '../session.js';
import { sessionOf as newSession } from '../session.suite.js';
import { Tenant } from '../tenants/tenant.js';
import { CacheImages } from './cache-images.js';

const [tenant, other] = [1, 2].map((ordinal) => new Tenant(ordinal, null, unlimited, 0)) as [
  Tenant,
  Tenant,
];
const textOf = (first: number, length = 20): number[] =>
  Array.from({ length }, (_, index) => (index === 0 ? first : 3));
const sessionOf = (first: number, length = 20, owner = tenant): Session =>
  newSession({ tenant: owner }, textOf(first, length));

let lastId = 0;

/** Saves the cache of a waiting session. */
function saveWaiting(images: CacheImages, session: Session, byteCount: number): void {
  const { log, terms } = session;
  const id = ++lastId;
  images.begin({ tenant: terms.tenant, log, length: log.length - 1, session }, id);
  images.keep(id, new Uint8Array(byteCount));
  images.checkIntegrity([]);
}

/** Saves the cache of a text that was left. */
function saveLeft(images: CacheImages, first: number, byteCount: number, owner = tenant): void {
  const log = new TokenLog(textOf(first));
  const id = ++lastId;
  images.begin({ tenant: owner, log, length: log.length, session: null }, id);
  images.keep(id, new Uint8Array(byteCount));
  images.checkIntegrity([]);
}

const bytesFor = (images: CacheImages, session: Session): number | undefined =>
  images.takeBest(session, 0)?.bytes.length;

describe('saved caches', () => {
  it('of a key that has not been used for long are given up, also those being written', () => {
    const images = new CacheImages(100);
    saveLeft(images, 4, 40);
    saveLeft(images, 5, 50, other);
    const log = new TokenLog(textOf(6));
    images.begin({ tenant, log, length: log.length, session: null }, 1_000);
    images.forget(tenant);
    images.keep(1_000, new Uint8Array(10));
    assert.deepEqual([images.count, images.byteCount], [1, 50]);
    assert.equal(bytesFor(images, sessionOf(5, 20, other)), 50);
  });

  it('stay while they fit, and make room for a new one from the oldest on', () => {
    const images = new CacheImages(100);
    const [first, second, third] = [4, 5, 6].map((token) => sessionOf(token));
    saveWaiting(images, first!, 40);
    saveWaiting(images, second!, 60);
    assert.deepEqual([images.count, images.byteCount], [2, 100]);
    saveWaiting(images, third!, 30);
    assert.deepEqual([images.count, images.byteCount], [2, 90]);
    assert.equal(images.takeBest(first!, 0), undefined);
    const taken = images.takeBest(second!, 0);
    assert.deepEqual([taken?.bytes.length, taken?.keptLength], [60, 19]);
    assert.equal(bytesFor(images, third!), 30);
    assert.deepEqual([images.count, images.byteCount], [0, 0]);
  });

  it('of texts that were left make room first, those of the key with most bytes', () => {
    const images = new CacheImages(100);
    const waiting = sessionOf(4);
    saveWaiting(images, waiting, 20);
    saveLeft(images, 5, 20, other);
    saveLeft(images, 6, 25);
    saveLeft(images, 7, 25);
    saveLeft(images, 8, 30);
    assert.deepEqual([images.count, images.byteCount, images.waitingCount], [4, 95, 1]);
    assert.equal(bytesFor(images, sessionOf(6)), undefined);
    assert.equal(bytesFor(images, sessionOf(5, 20, other)), 20);
    assert.equal(bytesFor(images, waiting), 20);
  });

  it('are not kept where one alone is larger than all may be, nor asked for then', () => {
    const images = new CacheImages(100);
    saveLeft(images, 4, 40);
    assert.deepEqual([images.fits(50), images.fits(51)], [true, false], 'at two bytes a token');
    saveLeft(images, 5, 101);
    assert.equal(bytesFor(images, sessionOf(5)), undefined);
    assert.equal(bytesFor(images, sessionOf(4)), 40, 'and no other makes room in vain');
    saveLeft(images, 6, 100);
    assert.equal(bytesFor(images, sessionOf(6)), 100);
    assert.equal(new CacheImages(0).fits(1), false);
  });

  it('are waited for while they are written, until that is done or has failed', () => {
    for (const end of ['keep', 'fail', 'drop'] as const) {
      const images = new CacheImages(100);
      const session = sessionOf(4);
      const { log } = session;
      images.begin({ tenant, log, length: 19, session }, 1);
      assert.equal(images.isComing(session), true);
      if (end === 'keep') images.keep(1, new Uint8Array(1));
      else if (end === 'fail') images.fail(1);
      else images.drop(session);
      assert.equal(images.isComing(session), false, end);
    }
  });

  it('of a left text are waited for by those who share enough of it', () => {
    for (const [length, owner, isComing] of [
      [16, tenant, false],
      [17, tenant, true],
      [20, other, false],
    ] as const) {
      const images = new CacheImages(100);
      images.begin({ tenant, log: new TokenLog(textOf(4)), length: 20, session: null }, 1);
      assert.equal(images.isComing(sessionOf(4, length, owner)), isComing, `${length} tokens`);
    }
  });

  it('are not kept of a session that is gone before they were written', () => {
    const images = new CacheImages(100);
    const session = sessionOf(4);
    images.begin({ tenant, log: session.log, length: 19, session }, 1);
    images.drop(session);
    images.keep(1, new Uint8Array(1));
    assert.equal(images.count, 0);
  });

  it('of a session that is over serve another of its key that goes on', () => {
    for (const isWritten of [true, false]) {
      const images = new CacheImages(100);
      const session = sessionOf(4);
      images.begin({ tenant, log: session.log, length: 19, session }, 1);
      if (isWritten) images.keep(1, new Uint8Array(7));
      images.leave(session);
      if (!isWritten) images.keep(1, new Uint8Array(7));
      assert.equal(images.waitingCount, 0);
      assert.equal(images.takeBest(sessionOf(4, 30, other), 0), undefined);
      assert.deepEqual(images.takeBest(sessionOf(4, 30), 0)?.keptLength, 19);
    }
  });

  it('that the engine has refused serve no other session', () => {
    const images = new CacheImages(100);
    saveLeft(images, 4, 10);
    const taken = images.takeBest(sessionOf(4, 9), 0)!;
    assert.equal(images.count, 1, 'most of it is another text');
    images.refused(taken.text);
    assert.deepEqual([images.count, images.byteCount], [0, 0]);
    images.refused(taken.text);
    images.checkIntegrity([]);
  });

  it('serve no session whose slot has failed, until a pass of it has ended well', () => {
    const images = new CacheImages(100);
    saveLeft(images, 4, 10);
    const session = sessionOf(4);
    session.slotFailed();
    assert.equal(images.takeBest(session, 0), undefined);
    assert.equal(images.isComing(session), false);
    assert.equal(bytesFor(images, sessionOf(4)), 10);
  });

  it('serve the session that holds less, and stay where they are mostly another text', () => {
    const images = new CacheImages(100);
    saveLeft(images, 4, 10);
    assert.equal(images.takeBest(sessionOf(4, 30), 20), undefined, 'the slot holds as much');
    assert.equal(images.takeBest(sessionOf(4, 10), 0)?.keptLength, 9);
    assert.equal(images.count, 1);
    assert.equal(images.takeBest(sessionOf(4, 11), 0)?.keptLength, 10);
    assert.equal(images.count, 0);
  });
});
