// Tests that a picture is decoded and encoded once for a key, that images are kept within bounds
// and never dropped while they are held, and that failures leave nothing behind.

import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { InvariantError } from '../../base/assert.js';
import type { Engine } from '../../engine/engine.js';
import { createScriptedEngine } from '../../engine/scripted-engine.js';
import { imageBytes, StandInEncoder, smallPicture, until } from './eyes.suite.js';
import { ServerEyes } from './server-eyes.js';

describe('eyes', () => {
  let engine: Engine;
  let encoder: StandInEncoder;
  let eyes: ServerEyes;
  /** Holders of images in the engine. */
  let seen: number;
  const open = (changes: { bytesMax?: number; waitMsMax?: number } = {}): void => {
    const see: Engine['see'] = async (image) => {
      const ids = await engine.see(image);
      seen++;
      return ids;
    };
    const forget: Engine['forget'] = async (first) => {
      await engine.forget(first);
      seen--;
    };
    eyes = new ServerEyes({ engine: { see, forget }, encoder, ...changes });
  };
  beforeEach(() => {
    engine = createScriptedEngine();
    encoder = new StandInEncoder();
    seen = 0;
    open();
  });
  const see = (seed: number, key: string | null = 'a', signal?: AbortSignal) =>
    eyes.see([smallPicture(seed)], key, signal);
  const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

  it('encode a picture once for a key, now and later', async () => {
    const both = await Promise.all([see(1), see(1)]);
    const later = await see(1);
    assert.equal(encoder.count, 1);
    const [ids] = both[0]!.pictures.map((picture) => picture.ids);
    assert.equal(ids!.length, 5);
    for (const { pictures } of [both[1]!, later]) assert.deepEqual(pictures[0]!.ids, ids);
    const { pictures } = await eyes.see([smallPicture(2), smallPicture(1)], 'a');
    assert.equal(encoder.count, 2);
    assert.deepEqual(pictures[1]!.ids, ids);
    assert.notDeepEqual(pictures[0]!.ids, ids);
    assert.deepEqual(eyes.stats, {
      ...{ encodedCount: 2, keptCount: 2, heldCount: 2, bytes: 2 * imageBytes },
    });
  });

  it('encode it again for another key, so that time tells nothing', async () => {
    const [one, other] = [await see(1, 'a'), await see(1, 'b')];
    assert.equal(encoder.count, 2);
    assert.deepEqual(one.pictures[0]!.ids, other.pictures[0]!.ids);
    await see(1, null);
    assert.equal(encoder.count, 3);
  });

  it('drop what nobody holds, the longest unused first, and forget it in the engine', async () => {
    open({ bytesMax: 3 * imageBytes });
    const holds: number[] = [];
    for (const seed of [1, 2, 3]) holds.push((await see(seed, null)).hold);
    eyes.release(holds[0]!);
    eyes.release(holds[1]!);
    eyes.release((await see(1, null)).hold);
    await see(4, null);
    await settled();
    assert.equal(seen, 3, 'the second has left');
    const { encodedCount } = eyes.stats;
    await see(1, null);
    assert.equal(eyes.stats.encodedCount, encodedCount);
  });

  it('refuse a picture where held ones leave no room, and take it when one is released', async () => {
    open({ bytesMax: 2 * imageBytes });
    const { hold } = await see(1, null);
    await see(2, null);
    await assert.rejects(see(3, null), { code: 'server-busy', retryAfterMs: 1000 });
    assert.equal(eyes.stats.keptCount, 2);
    eyes.release(hold);
    await see(3, null);
    await settled();
    assert.equal(seen, 2);
  });

  it('leave half of the room to other keys', async () => {
    open({ bytesMax: 4 * imageBytes });
    const first = await see(1, 'a');
    await see(2, 'a');
    await assert.rejects(see(3, 'a'), { code: 'server-busy' });
    await see(3, 'b');
    eyes.release(first.hold);
    await see(4, 'a');
    assert.equal(eyes.stats.bytes, 3 * imageBytes, 'its own picture made room');
  });

  it('take room from the key that keeps most', async () => {
    open({ bytesMax: 4 * imageBytes });
    for (const seed of [1, 2]) eyes.release((await see(seed, 'a')).hold);
    eyes.release((await see(3, 'b')).hold);
    for (const seed of [4, 5]) eyes.release((await see(seed, 'c')).hold);
    encoder.count = 0;
    await see(3, 'b');
    assert.equal(encoder.count, 0);
    await see(1, 'a');
    assert.equal(encoder.count, 1);
  });

  it('refuse what is no picture, and keep nothing of it', async () => {
    const spoiled = smallPicture(1).slice(0, 40);
    await assert.rejects(eyes.see([smallPicture(2), spoiled], 'a'), { code: 'picture-invalid' });
    await until(() => eyes.stats.heldCount === 0);
    assert.deepEqual([eyes.stats.keptCount, eyes.stats.heldCount], [1, 0]);
    await assert.rejects(eyes.see([new Uint8Array(0)], 'a'), { code: 'picture-invalid' });
  });

  it('fail for all that wait where the encoder fails, and try again for the next', async () => {
    encoder.isFailing = true;
    const failed = { message: 'told to fail' };
    await Promise.all([1, 1, 2].map((seed) => assert.rejects(see(seed), failed)));
    assert.equal(encoder.count, 2);
    encoder.isFailing = false;
    await see(1);
    assert.deepEqual([eyes.stats.keptCount, eyes.stats.heldCount, seen], [1, 1, 1]);
  });

  it('do not begin what nobody waits for any more', async () => {
    encoder.wait();
    const running = see(1);
    const ending = new AbortController();
    const given = [see(2, 'a', ending.signal), see(2, 'a', ending.signal)];
    const kept = see(3);
    await until(() => encoder.count === 1);
    ending.abort();
    for (const one of given) await assert.rejects(one, { code: 'cancelled' });
    encoder.go();
    await Promise.all([running, kept]);
    assert.deepEqual([encoder.count, eyes.stats.keptCount, eyes.stats.heldCount], [2, 2, 2]);
    await see(2);
    assert.equal(encoder.count, 3);
    await assert.rejects(see(4, 'a', AbortSignal.abort()), { code: 'cancelled' });
  });

  it('refuse a picture too many of a key, and one whose turn comes too late', async () => {
    encoder.wait();
    const waiting = Array.from({ length: 33 }, (_, seed) => see(seed));
    await assert.rejects(see(99), { code: 'server-busy', message: /32 pictures of this key/ });
    const other = see(98, 'b');
    encoder.go();
    await Promise.all([...waiting, other]);
    open({ waitMsMax: -1 });
    await assert.rejects(see(1), { code: 'server-busy', message: /waited -1 ms/ });
    assert.equal(eyes.stats.keptCount, 0);
  });

  it('have the engine forget everything when they close, and see nothing more', async () => {
    const { hold } = await see(1);
    eyes.release((await see(2)).hold);
    encoder.wait();
    const late = see(3);
    await until(() => encoder.count === 3);
    eyes.close();
    encoder.go();
    await assert.rejects(late, { code: 'engine-closed' });
    await assert.rejects(see(1), { code: 'engine-closed' });
    await settled();
    assert.equal(seen, 0);
    eyes.release(hold);
  });

  it('release a hold once', async () => {
    const { hold } = await see(1);
    eyes.release(hold);
    assert.throws(() => eyes.release(hold), InvariantError);
    assert.equal(eyes.stats.heldCount, 0);
  });
});
