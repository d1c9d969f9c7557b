// Tests that any bytes are decoded without a throw, at a memory cost in proportion to their length.
// Inputs that once failed are kept below as hex: add what a failure prints.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fuzzing } from '../base/fuzz.suite.js';
import { anyFrame } from './arbitrary-frame.suite.js';
import { wireCodes } from './code.js';
import { decodeDeviceFrame, decodeServerFrame, encodeFrame, frameShapes } from './codec.js';
import { limits } from './limits.js';
import { answer, hex } from './peer-answer.suite.js';
import { vectors } from './vectors.suite.js';

/** Messages that once failed or might. */
const kept: readonly string[] = [
  // Nothing, and a tag without a body.
  '',
  '0a',
  // A length of 2^35 - 1, and a varint that never ends.
  '0affffffff7f',
  'ffffffffffffffffffff',
  // Two frames in one message, an unknown one, and groups, which protobuf has given up.
  '0a000a00',
  'fa7f00',
  '0b0c',
  // A frame within itself.
  '0a060a040a020a00',
  // An Open with an empty prompt of ids, and one with a chat of empty messages.
  '12040a021200',
  '120612041a001a00',
];

/** Bytes that a decoded value keeps alive: 8 for a number, 2 for a letter, 64 for an object. */
function weigh(value: unknown): number {
  if (typeof value === 'string') return 64 + 2 * value.length;
  if (typeof value !== 'object' || value === null) return 8;
  if (ArrayBuffer.isView(value)) return 64 + value.byteLength;
  const parts = value instanceof Map ? [...value].flat() : Object.values(value);
  return parts.reduce((sum: number, part) => sum + weigh(part), 64);
}

/**
 * A fixed part for the frame, 16 bytes for each byte on the wire, and the most expensive items:
 * empty messages of a chat. Each takes two bytes on the wire and, in memory, 64 for the object and
 * for each of two texts. There are at most 1024.
 */
const weightMax = (byteCount: number): number =>
  2048 + 16 * byteCount + 192 * Math.min(1024, byteCount / 2);

function assertTame(bytes: Uint8Array): void {
  for (const decode of [decodeDeviceFrame, decodeServerFrame]) {
    const decoded = decode(bytes);
    if ('ok' in decoded) {
      assert.ok(
        weigh(decoded.ok) <= weightMax(bytes.length),
        `${weigh(decoded.ok)} for ${bytes.length}`,
      );
    } else {
      assert.ok(wireCodes.includes(decoded.fault.code));
      assert.ok(decoded.fault.message.length < 1000);
    }
  }
}

describe('any bytes whatever', () => {
  it('are decoded without a throw and without more memory than they pay for', () => {
    const bytes = fc.uint8Array({ maxLength: 200 });
    const examples = kept.map((text): [Uint8Array] => [hex(text)]);
    fc.assert(fc.property(bytes, assertTame), fuzzing(3000, examples));
  });

  it('that start like a frame are too', () => {
    const framed = fc
      .tuple(fc.constantFrom(...frameTags), fc.uint8Array({ maxLength: 100 }))
      .map(([tag, body]) => Uint8Array.from([...tag, body.length, ...body]));
    fc.assert(fc.property(framed, assertTame), fuzzing(3000));
  });

  it('that were a frame before one byte changed are too', () => {
    fc.assert(
      fc.property(anyFrame, padBytes, fc.nat(), fc.nat(255), (frame, pad, at, value) => {
        const bytes = encodeFrame(frame, pad);
        bytes[at % bytes.length] = value;
        assertTame(bytes);
      }),
      fuzzing(2000),
    );
  });

  it('that were a golden vector before any one bit flipped are too', () => {
    for (const vector of vectors) {
      const bytes = hex(vector.hex);
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const flipped = bytes.slice();
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        assertTame(flipped);
      }
    }
  });

  it('that are a beginning of a golden vector are no frame', () => {
    // The beginning of a padded message is a message.
    for (const { hex: text, frame, title } of vectors.filter(({ padBytes }) => !padBytes)) {
      const bytes = hex(text);
      for (let length = 0; length < bytes.length; length++) {
        const got = answer(frameShapes[frame.kind].sender, bytes.subarray(0, length));
        assert.equal(got, 'frame-malformed', `${frame.kind}: ${title}`);
      }
    }
  });

  it('that pad without end cost nothing', () => {
    const frame = hex('8201020801');
    const fields = Buffer.concat([frame, Buffer.alloc(6_000_000, hex('9a0100'))]);
    const whole = Buffer.concat([frame, field('9a01', new Uint8Array(6_000_000))]);
    const claims = Buffer.concat([frame, hex('9a01ffffff7f')]);
    const before = process.memoryUsage().heapUsed;
    assert.equal(answer('device', fields), 'ok');
    assert.equal(answer('device', whole), 'ok');
    assert.equal(answer('device', claims), 'frame-malformed');
    const endless = Buffer.concat([frame, field('9a01', new Uint8Array(limits.frameBytes.value))]);
    assert.equal(answer('device', endless), 'frame-too-large');
    const grown = process.memoryUsage().heapUsed - before;
    assert.ok(grown < 50_000_000, `${grown} bytes`);
  });

  it('that claim a million entries cost nothing', () => {
    const million = (item: string): Uint8Array => Buffer.alloc(2_000_000, hex(item));
    const chat = field('12', field('22', million('0a00')));
    const laws = field('1a', million('3200'));
    const alternatives = field('8a01', million('1200'));
    const before = process.memoryUsage().heapUsed;
    assert.equal(answer('device', chat), 'limit-exceeded 0');
    assert.equal(answer('device', laws), 'law-invalid 0');
    assert.equal(answer('server', alternatives), 'limit-exceeded');
    const grown = process.memoryUsage().heapUsed - before;
    // A million objects would be more than 100 MB; garbage of the reader itself is all there is.
    assert.ok(grown < 50_000_000, `${grown} bytes`);
  });
});

const padBytes = fc.constantFrom(0, 0, 32, 128, 4096);

/** A length-delimited field. @param tag in hex. */
function field(tag: string, body: Uint8Array): Uint8Array {
  return Buffer.concat([hex(tag), varint(body.length), body]);
}

const frameTags: readonly (readonly number[])[] = [
  ...Array.from({ length: 15 }, (_, index) => [(index + 1) * 8 + 2]),
  ...[16, 17, 18].map((number) => [((number * 8 + 2) & 0x7f) | 0x80, 1]),
];

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Uint8Array.from([...bytes, rest]);
}
