// Checks that WebSocket frames of every length are found in bytes however they are split, and that
// no piece holds more of them than allowed.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FrameCutter } from './frame-cutter.js';

function frameOf(length: number, isMasked: boolean): Buffer {
  const mask = isMasked ? 0x80 : 0;
  const head = Buffer.alloc(10);
  head[0] = 0x82;
  let headBytes = 2;
  if (length < 126) head[1] = mask | length;
  else if (length < 65_536) {
    head[1] = mask | 126;
    headBytes = 2 + head.writeUInt16BE(length, 2) - 2;
  } else {
    head[1] = mask | 127;
    headBytes = head.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([head.subarray(0, headBytes), Buffer.alloc((isMasked ? 4 : 0) + length)]);
}

const lengths = fc.oneof(
  fc.integer({ min: 0, max: 300 }),
  fc.constantFrom(125, 126, 127, 65_535, 65_536),
);

describe('the cutter of frames', () => {
  it('finds every frame, however its bytes come', () => {
    const frames = fc.array(fc.tuple(lengths, fc.boolean()), { minLength: 1, maxLength: 8 });
    const steps = fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(frames, steps, fc.integer({ min: 1, max: 20 }), (all, sizes, unitsMax) => {
        const bytes = Buffer.concat(all.map(([length, isMasked]) => frameOf(length, isMasked)));
        const cutter = new FrameCutter();
        let turn = 0;
        for (let at = 0; at < bytes.length; ) {
          const chunk = bytes.subarray(at, at + sizes[turn++ % sizes.length]!);
          const cut = cutter.cut(chunk, unitsMax);
          assert.ok(cut.bytes >= 1 && cut.bytes <= chunk.length && cut.units >= 1);
          at += cut.bytes;
        }
        assert.equal(cutter.takeCount(), all.length);
      }),
    );
  });

  it('takes masks off, so that what follows reads what was sent', () => {
    const frames = fc.array(fc.tuple(lengths, fc.boolean()), { minLength: 1, maxLength: 6 });
    const steps = fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 20 });
    const seeds = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(frames, steps, seeds, (all, sizes, mask) => {
        const shown = all.map(([length, isMasked]) => {
          const frame = frameOf(length, isMasked);
          frame.subarray(frame.length - length).forEach((_, at, payload) => {
            payload[at] = at * 7;
          });
          return frame;
        });
        const hidden = shown.map((frame, index) => {
          const [length, isMasked] = all[index]!;
          const copy = Buffer.from(frame);
          if (!isMasked) return copy;
          const from = copy.length - length;
          copy.set(mask, from - 4);
          for (let at = 0; at < length; at++) copy[from + at]! ^= mask[at % 4]!;
          return copy;
        });
        const bytes = Buffer.concat(hidden);
        const cutter = new FrameCutter();
        let turn = 0;
        for (let at = 0; at < bytes.length; ) {
          at += cutter.cut(bytes.subarray(at, at + sizes[turn++ % sizes.length]!), 5).bytes;
        }
        assert.ok(bytes.equals(Buffer.concat(shown)));
      }),
    );
  });

  it('hands over as many frames as allowed, and of a long one so many bytes', () => {
    const pings = Buffer.concat(Array<Buffer>(1_000).fill(frameOf(8, true)));
    assert.deepEqual(new FrameCutter().cut(pings, 16), { bytes: 16 * 14, units: 16 });
    const parts = Buffer.concat(Array<Buffer>(1_000).fill(frameOf(0, true)));
    assert.deepEqual(new FrameCutter().cut(parts, 3), { bytes: 3 * 6, units: 3 });
    const { bytes, units } = new FrameCutter().cut(frameOf(60_000, true), 4);
    assert.ok(bytes < 5 * 4_096 && units <= 5, `${bytes} bytes, ${units} units`);
  });

  it('takes a frame of an honest device whole', () => {
    const frame = frameOf(40, true);
    assert.deepEqual(new FrameCutter().cut(frame, 128), { bytes: frame.length, units: 1 });
  });
});
