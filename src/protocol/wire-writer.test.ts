// Checks that every value is written whole wherever it falls, also where the writer's buffer ends.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WireWriter } from './wire-writer.js';

/** The buffer that a writer begins with. */
const keptBytes = 16_384;

const values: Readonly<Record<string, (writer: WireWriter) => void>> = {
  'a varint of five bytes': (writer) => writer.u32(0xffff_ffff),
  'a tag': (writer) => writer.tag(15, 2),
  'a double': (writer) => writer.f64(-1.5),
  'a list of doubles': (writer) => writer.packedF64(Float64Array.of(1, 2, 3)),
  'a float': (writer) => writer.f32(0.25),
  'a fixed number of 32 bits': (writer) => writer.fixed32(0x0102_0304),
  'a fixed number of 64 bits': (writer) => writer.u64(0x0102_0304_0506_0708n),
  bytes: (writer) => writer.bytes(Uint8Array.of(1, 2, 3)),
  'a short message': (writer) => writer.delimited(() => writer.u32(300)),
  'a long message': (writer) => writer.delimited(() => writer.bytes(new Uint8Array(200).fill(7))),
};

/** So many bytes, then a value. */
const after = (count: number, write: (writer: WireWriter) => void): Uint8Array => {
  const writer = new WireWriter();
  return writer.collect(() => {
    writer.bytes(new Uint8Array(count).fill(1));
    write(writer);
  });
};

describe('the writer of frames', () => {
  for (const [name, write] of Object.entries(values)) {
    it(`writes ${name} the same wherever its buffer ends`, () => {
      const writer = new WireWriter();
      const alone = writer.collect(() => write(writer));
      for (let count = keptBytes - 16; count < keptBytes; count++) {
        const bytes = after(count, write);
        const filler = after(count, () => undefined);
        assert.deepEqual(bytes.subarray(0, filler.length), filler);
        assert.deepEqual(bytes.subarray(filler.length), alone, `after ${count} bytes`);
      }
    });
  }

  it('writes the next frame from its beginning, however long the last one was', () => {
    const writer = new WireWriter();
    const large = new Uint8Array(10 * keptBytes).fill(9);
    assert.deepEqual(writer.collect(() => writer.bytes(large)).subarray(-large.length), large);
    assert.deepEqual(
      writer.collect(() => writer.u32(300)),
      Uint8Array.of(0xac, 0x02),
    );
  });
});
