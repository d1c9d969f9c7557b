// Tests padded messages: few lengths only, the same frame in every version, never longer than the
// limit.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { anyFrame, deviceFrame, serverFrame } from './arbitrary-frame.suite.js';
import { decodeDeviceFrame, decodeServerFrame, encodeFrame } from './codec.js';
import { FrameSchema } from './generated/pilotfish_pb.js';
import { limits } from './limits.js';
import { paddedLength, writePadding } from './padding.js';
import { WireWriter } from './wire-writer.js';

const padBytes = fc.constantFrom(32, 64, 512, 4096);

describe('a padded message', () => {
  it('is the frame that it was', () => {
    fc.assert(
      fc.property(deviceFrame, serverFrame, padBytes, (up, down, pad) => {
        assert.deepEqual(decodeDeviceFrame(encodeFrame(up, pad)), { ok: up });
        assert.deepEqual(decodeServerFrame(encodeFrame(down, pad)), { ok: down });
      }),
      { numRuns: 300 },
    );
  });

  it('has one of a few lengths, and no more than twice what it needs', () => {
    fc.assert(
      fc.property(anyFrame, padBytes, (frame, pad) => {
        const { length } = encodeFrame(frame, pad);
        const needed = encodeFrame(frame).length;
        assert.ok(Number.isInteger(Math.log2(length / pad)) && length >= needed);
        assert.ok(length <= Math.max(pad, 2 * (needed + 2)), `${length} for ${needed}`);
      }),
      { numRuns: 300 },
    );
  });

  it('is padding to the generated code, and zeros', () => {
    fc.assert(
      fc.property(anyFrame, padBytes, (frame, pad) => {
        const { padding, $unknown } = fromBinary(FrameSchema, encodeFrame(frame, pad));
        assert.equal($unknown, undefined);
        assert.ok(padding.every((bytes) => bytes.every((byte) => byte === 0)));
      }),
      { numRuns: 300 },
    );
  });

  it('exists for every count of bytes but one and two', () => {
    const writer = new WireWriter();
    for (let count = 3; count < 600; count++) {
      assert.equal(writer.collect(() => writePadding(writer, count)).length, count);
    }
    assert.deepEqual(
      [29, 30, 31, 32, 33].map((length) => paddedLength(length, 32)),
      [32, 64, 64, 32, 64],
    );
  });

  it('is left as it is where it could not be padded within the limit', () => {
    const { value } = limits.frameBytes;
    assert.equal(paddedLength(value / 2 + 1, 4096), value);
    assert.equal(paddedLength(value - 1, 4096), value - 1);
    assert.equal(paddedLength(value, 4096), value);
  });
});
