// Checks that saved caches stay within their bytes, and that the one saved first makes room.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Session } from '../session.js';
import { sessionOf } from '../session.suite.js';
import { CacheImages } from './cache-images.js';

function save(images: CacheImages, byteCount: number): Session {
  const session = sessionOf();
  images.begin(session, 3);
  images.keep(session, new Uint8Array(byteCount));
  images.checkIntegrity([]);
  return session;
}

describe('saved caches', () => {
  it('stay while they fit, and make room for a new one from the oldest on', () => {
    const images = new CacheImages(100);
    const [first, second] = [save(images, 40), save(images, 60)];
    assert.deepEqual([images.count, images.byteCount], [2, 100]);
    const third = save(images, 30);
    assert.deepEqual([images.count, images.byteCount], [2, 90]);
    assert.equal(images.take(first), undefined);
    assert.deepEqual(images.take(second), { bytes: new Uint8Array(60), length: 3 });
    assert.equal(images.take(third)?.bytes.length, 30);
    assert.deepEqual([images.count, images.byteCount], [0, 0]);
  });

  it('are not kept where one alone is larger than all may be', () => {
    const images = new CacheImages(100);
    const small = save(images, 40);
    assert.equal(images.take(save(images, 101)), undefined);
    assert.equal(images.take(small)?.bytes.length, 40, 'and no other makes room in vain');
    assert.equal(images.take(save(images, 100))?.bytes.length, 100);
  });

  it('are waited for while they are written, until that is done or has failed', () => {
    const images = new CacheImages(100);
    for (const end of ['keep', 'fail', 'drop'] as const) {
      const session = sessionOf();
      images.begin(session, 3);
      assert.equal(images.isSaving(session), true);
      images[end](session, new Uint8Array(1));
      assert.equal(images.isSaving(session), false, end);
    }
  });

  it('are not kept of a session that is gone before they were written', () => {
    const images = new CacheImages(100);
    const session = sessionOf();
    images.begin(session, 3);
    images.drop(session);
    images.keep(session, new Uint8Array(1));
    assert.equal(images.count, 0);
  });

  it('are not made where there is no room for any', () => {
    assert.deepEqual([new CacheImages(0).isKept, new CacheImages(1).isKept], [false, true]);
  });
});
