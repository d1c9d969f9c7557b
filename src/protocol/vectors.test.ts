// Tests golden vectors of every message, made by protoc: decoded, and encoded again to the same
// bytes.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { decodeDeviceFrame, decodeServerFrame, encodeFrame, frameShapes } from './codec.js';
import type { FrameKind } from './frame.js';
import { FrameSchema } from './generated/pilotfish_pb.js';
import { vectors } from './vectors.suite.js';

const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('golden vectors', () => {
  for (const { title, frame, hex, padBytes } of vectors) {
    it(`${frame.kind}: ${title}`, () => {
      const decode =
        frameShapes[frame.kind].sender === 'device' ? decodeDeviceFrame : decodeServerFrame;
      assert.equal(hexOf(encodeFrame(frame, padBytes)), hex);
      assert.deepEqual(decode(bytesOf(hex)), { ok: frame });
    });
  }

  it('exist for every message', () => {
    const kinds = new Set<FrameKind>(vectors.map(({ frame }) => frame.kind));
    assert.deepEqual([...kinds].sort(), Object.keys(frameShapes).sort());
  });

  it('are the same bytes to the generated code, without unknown fields', () => {
    for (const { title, hex } of vectors) {
      const message = fromBinary(FrameSchema, bytesOf(hex));
      assert.equal(message.kind.value?.$unknown, undefined, title);
      assert.equal(hexOf(toBinary(FrameSchema, message)), hex, title);
    }
  });

  it('keep a round of four drafts small', (test) => {
    const sizeOf = (title: string): number =>
      encodeFrame(vectors.find((vector) => vector.title.startsWith(title))!.frame).length;
    const sizes = {
      draft: sizeOf('four tokens at position 300'),
      verdict: sizeOf('three of four drafts stand'),
      step: sizeOf('race: the server stepped alone'),
    };
    test.diagnostic(`bytes of a frame: ${JSON.stringify(sizes)}`);
    assert.deepEqual(sizes, { draft: 17, verdict: 22, step: 11 });
  });
});
