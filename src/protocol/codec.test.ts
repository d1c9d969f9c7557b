// Tests that every frame survives encoding and decoding.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fromBinary, type Message, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { InvariantError } from '../base/assert.js';
import { anyFrame, deviceFrame, serverFrame } from './arbitrary-frame.suite.js';
import { type Decoded, decodeDeviceFrame, decodeServerFrame, encodeFrame } from './codec.js';
import type { Frame } from './frame.js';
import { FrameSchema, Mode, Scheme } from './generated/pilotfish_pb.js';
import { vectors } from './vectors.suite.js';

const decodeEither = (bytes: Uint8Array, frame: Frame): Decoded<Frame> => {
  const device = decodeDeviceFrame(bytes);
  return 'ok' in device && device.ok.kind === frame.kind ? device : decodeServerFrame(bytes);
};

describe('the codec', () => {
  it('gives back every frame that a device sends', () => {
    fc.assert(
      fc.property(deviceFrame, (frame) => {
        assert.deepEqual(decodeDeviceFrame(encodeFrame(frame)), { ok: frame });
      }),
      { numRuns: 500 },
    );
  });

  it('gives back every frame that a server sends', () => {
    fc.assert(
      fc.property(serverFrame, (frame) => {
        assert.deepEqual(decodeServerFrame(encodeFrame(frame)), { ok: frame });
      }),
      { numRuns: 500 },
    );
  });

  it('writes what the generated code writes, byte for byte', () => {
    fc.assert(
      fc.property(anyFrame, (frame) => {
        const bytes = encodeFrame(frame);
        const message = fromBinary(FrameSchema, bytes);
        assert.equal(message.kind.value?.$unknown, undefined);
        assert.deepEqual(toBinary(FrameSchema, message), bytes);
      }),
      { numRuns: 500 },
    );
  });

  it('leaves numbers that are 0 out, and reads them as 0', () => {
    const { frame } = vectors.find((vector) => vector.frame.kind === 'welcome')!;
    assert.ok(frame.kind === 'welcome');
    const offered = { ...frame.limits, resumeMs: 0, silenceMs: 0 };
    const bare = { ...frame, limits: offered, passUs: 0, padBytes: 0, aggregateMs: 0 };
    const bytes = encodeFrame(bare);
    assert.deepEqual(toBinary(FrameSchema, fromBinary(FrameSchema, bytes)), bytes);
    assert.deepEqual(decodeServerFrame(bytes), { ok: bare });
  });

  it('carries minus zero, as the generated code does', () => {
    const { frame } = vectors.find(({ title }) => title.startsWith('split: a rejection'))!;
    assert.ok(frame.kind === 'verdict');
    const cut = { ids: Int32Array.of(9), probs: Float64Array.of(1), tailMass: -0 };
    const bytes = encodeFrame({ ...frame, law: { kind: 'cut', cut } });
    assert.deepEqual(toBinary(FrameSchema, fromBinary(FrameSchema, bytes)), bytes);
    assert.deepEqual(decodeServerFrame(bytes), { ok: { ...frame, law: { kind: 'cut', cut } } });
  });

  it('passes over fields that it does not know, at every depth', () => {
    for (const { frame, title } of vectors) {
      const message = fromBinary(FrameSchema, encodeFrame(frame));
      const strangersCount = addStrangers(message);
      assert.ok(strangersCount >= 2, title);
      const decoded = decodeEither(toBinary(FrameSchema, message), frame);
      assert.deepEqual(decoded, { ok: frame }, title);
    }
  });

  it('keeps nothing of the bytes it was given', () => {
    for (const { frame } of vectors) {
      const bytes = encodeFrame(frame);
      const decoded = decodeEither(bytes, frame);
      bytes.fill(0xff);
      assert.deepEqual(decoded, { ok: frame });
    }
  });

  it('gives each encoding bytes of its own', () => {
    const [first, second] = vectors.map(({ frame }) => encodeFrame(frame));
    const copy = first!.slice();
    second!.fill(0xff);
    assert.deepEqual(first, copy);
  });

  it('goes on after it refused to encode a frame of ours', () => {
    const { frame, hex } = vectors.find((vector) => vector.frame.kind === 'verdict')!;
    for (const wrong of illegalFrames) {
      assert.throws(() => encodeFrame(wrong), InvariantError);
      assert.equal(Buffer.from(encodeFrame(frame)).toString('hex'), hex);
    }
  });

  it('reads the code of a newer server as a failure all the same', () => {
    const bytes = Uint8Array.of(0x7a, 4, 0x08, 99, 0x10, 3);
    assert.deepEqual(decodeServerFrame(bytes), {
      ok: {
        kind: 'failure',
        code: 'server-failed',
        session: 3,
        message: '',
        retryAfterMs: 0,
        block: null,
      },
    });
  });

  it('leaves out schemes and modes that only a newer server offers', () => {
    const { frame } = vectors.find((vector) => vector.frame.kind === 'welcome')!;
    const message = fromBinary(FrameSchema, encodeFrame(frame));
    assert.ok(message.kind.case === 'welcome');
    message.kind.value.schemes = [99 as Scheme, Scheme.COUPLED];
    message.kind.value.modes = [Mode.STREAM, 77 as Mode];
    assert.deepEqual(decodeServerFrame(toBinary(FrameSchema, message)), {
      ok: { ...frame, schemes: ['coupled'], modes: ['stream'] },
    });
  });
});

const draft = vectors.find((vector) => vector.frame.kind === 'draft')!.frame;
const illegalFrames = [
  { ...draft, from: -1 },
  { ...draft, from: 0.5 },
  { ...draft, session: Number.NaN },
  { ...draft, ids: Int32Array.of(1, -2) },
  { ...draft, ids: new Int32Array(257) },
  { ...draft, laws: [{ kind: 'dense', probs: Float64Array.of(0.5, 0.6) }], ids: Int32Array.of(1) },
  { kind: 'drain', retryAfterMs: 0, alternatives: new Array(9).fill('wss://a.example/') },
  { kind: 'drain', retryAfterMs: 0, alternatives: ['x'.repeat(513)] },
] as readonly Frame[];

/**
 * Adds unknown fields of every wire type to a message and its inner messages.
 *
 * @returns their number.
 */
function addStrangers(message: Message): number {
  message.$unknown = [
    {
      no: 1000,
      wireType: 0,
      data: Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1),
    },
    { no: 1001, wireType: 1, data: new Uint8Array(8) },
    { no: 1002, wireType: 2, data: Uint8Array.of(3, 1, 2, 3) },
    { no: 1003, wireType: 5, data: new Uint8Array(4) },
  ];
  let count = 1;
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    else if (isMessage(value)) count += addStrangers(value);
    else if (isOneof(value)) visit(value.value);
  };
  Object.values(message).forEach(visit);
  return count;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
const isMessage = (value: unknown): value is Message => isObject(value) && '$typeName' in value;
const isOneof = (value: unknown): value is { value: unknown } => isObject(value) && 'case' in value;
