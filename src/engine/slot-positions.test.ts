import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { InvariantError } from '../base/assert.js';
import { firstImageToken } from '../base/image-token.js';
import { ImageStore } from './image-store.js';
import type { ImageGrid } from './image-tokens.js';
import { SlotPositions } from './slot-positions.js';

const images = new ImageStore();
const see = (value: number, grid: ImageGrid | null, count = 6): Int32Array =>
  images.add({ width: 1, embeddings: new Float32Array(count).fill(value), grid });
const tall = see(1, { columns: 2, rows: 3 });
const wide = see(2, { columns: 6, rows: 1 });
const flat = see(3, null);
const logOf = (...tokens: number[]): SlotPositions => {
  const positions = new SlotPositions();
  positions.append(Int32Array.from(tokens), images);
  return positions;
};
const timesOf = (positions: SlotPositions): number[] =>
  Array.from({ length: positions.length + 1 }, (_, index) => positions.timeAt(index));

describe('positions of a slot', () => {
  it('are the indexes of words, and of images without a grid', () => {
    assert.deepEqual(timesOf(logOf(5, ...flat, 6)), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('are one time for an image with a grid, which takes those of its longer side', () => {
    const positions = logOf(5, ...tall, 6, 7, ...wide);
    assert.deepEqual(timesOf(positions), [0, 1, 1, 1, 1, 1, 1, 4, 5, 6, 6, 6, 6, 6, 6, 12]);
    const cells = [0, 1, 2, 3, 6, 7, 10].map((index) => positions.cellAt(index));
    assert.deepEqual(
      cells.map(({ row, column }) => [row, column]),
      [
        [0, 0],
        [1, 1],
        [1, 2],
        [2, 1],
        [3, 2],
        [4, 4],
        [6, 7],
      ],
    );
  });

  it('tell an image that stands twice from one that goes on', () => {
    assert.deepEqual(timesOf(logOf(...tall, ...tall)).slice(5, 8), [0, 3, 3]);
    const inPieces = logOf(...tall.subarray(0, 2));
    inPieces.append(tall.subarray(2), images);
    assert.deepEqual(timesOf(inPieces), timesOf(logOf(...tall)));
  });

  it('leave a cut image out of the cache until it is there again', () => {
    const positions = logOf(5, ...tall, 6);
    positions.truncate(7);
    assert.equal(positions.heldLength, 7);
    positions.truncate(4);
    assert.deepEqual([positions.length, positions.heldLength], [4, 1]);
    assert.deepEqual(positions.missing, { from: 1, tokens: tall.slice(0, 3) });
    assert.throws(() => positions.append(Int32Array.of(6), images), InvariantError);
    const again = positions.prefix(1);
    again.append(positions.missing!.tokens, images);
    again.append(Int32Array.of(6), images);
    assert.deepEqual(timesOf(again), [0, 1, 1, 1, 4, 5]);
    positions.truncate(1);
    assert.equal(positions.missing, null);
  });

  it('are kept of a log that the cache has lost, which is then missing', () => {
    const positions = logOf(5, ...tall, 6);
    positions.lose();
    assert.equal(positions.heldLength, 0);
    assert.deepEqual(positions.missing, { from: 0, tokens: Int32Array.of(5, ...tall, 6) });
    positions.truncate(3);
    assert.deepEqual(positions.missing, { from: 0, tokens: Int32Array.of(5, ...tall.slice(0, 2)) });
  });

  it('are read back from bytes, also of images that were forgotten', () => {
    const store = new ImageStore();
    const ids = store.add({ width: 1, embeddings: tallRows, grid: { columns: 3, rows: 2 } });
    const positions = new SlotPositions();
    positions.append(Int32Array.of(5, ...ids, 6), store);
    positions.truncate(4);
    store.forget(ids[0]!);
    const tail = Uint8Array.of(1, 2, 3);
    const bytes = Uint8Array.of(...positions.pack(), ...tail);
    const { positions: read, rest } = SlotPositions.unpack(bytes)!;
    assert.deepEqual([...rest], [...tail]);
    assert.deepEqual(read, positions);
    const packed = positions.pack();
    for (const short of [0, 3, 11, packed.length - 1]) {
      assert.equal(SlotPositions.unpack(packed.subarray(0, short)), null);
    }
  });

  it('are those of a log written at once, however it was written, cut and copied', () => {
    const step = fc.oneof(
      fc.record({ push: fc.constantFrom([5], [6, 7], [...tall], [...wide], [...flat]) }),
      fc.record({ part: fc.nat(6) }),
      fc.record({ cut: fc.nat(40) }),
      fc.record({ copy: fc.nat(40) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        let log: number[] = [];
        let positions = new SlotPositions();
        const push = (tokens: readonly number[]) => {
          const { missing } = positions;
          if (missing !== null) {
            positions = positions.prefix(missing.from);
            positions.append(missing.tokens, images);
          }
          positions.append(Int32Array.from(tokens), images);
          log.push(...tokens);
        };
        for (const each of steps) {
          if ('push' in each) push(each.push);
          else if ('part' in each) push([...tall].slice(0, each.part));
          else {
            const length = Math.min(log.length, 'cut' in each ? each.cut : each.copy);
            log = log.slice(0, length);
            if ('cut' in each) positions.truncate(length);
            else positions = positions.prefix(length);
          }
          checkAgainst(positions, log);
        }
      }),
    );
  });
});

const tallRows = Float32Array.of(1, 2, 3, 4, 5, 6);

function checkAgainst(positions: SlotPositions, log: readonly number[]): void {
  const whole = logOf(...log);
  const times = timesOf(positions);
  assert.deepEqual(times, timesOf(whole));
  assert.ok(times.every((time, index) => time >= (times[index - 1] ?? 0)));
  assert.equal(positions.length, log.length);
  const { heldLength, missing } = positions;
  // What the cache holds can be told by time: no later token stands where the last of it does.
  const nextTime = positions.timeAt(heldLength);
  assert.ok(heldLength === 0 || positions.timeAt(heldLength - 1) < nextTime);
  const rest = log.slice(heldLength);
  assert.deepEqual(missing === null ? [] : [...missing.tokens], rest);
  assert.ok(rest.every((token) => token >= firstImageToken));
}
