// Encodes frames to bytes and decodes bytes to frames. Decoding returns a frame or a fault for any
// bytes. Encoding takes our own frames and asserts that they are legal. The encoding is protobuf's
// (pilotfish.proto); PROTOCOL.md, "Why this codec", explains why the generated code is not used.

import { assert } from '../base/assert.js';
import { type WireFault, wireFault } from './code.js';
import * as device from './device-shapes.js';
import type { DeviceFrame, Frame, FrameKind, ServerFrame } from './frame.js';
import { checkFrame } from './frame-check.js';
import { limits } from './limits.js';
import { paddedLength, writePadding } from './padding.js';
import * as server from './server-shapes.js';
import type { Message } from './wire-message.js';
import { WireReader, wireTypes } from './wire-reader.js';
import { WireWriter } from './wire-writer.js';

/** A frame, or the fault of the bytes. */
export type Decoded<F> = { readonly ok: F } | { readonly fault: WireFault };

interface Shape {
  /** Field number in the message Frame. */
  readonly number: number;
  readonly sender: 'device' | 'server';
  readonly message: Message<unknown>;
}

const shape = <F>(sender: Shape['sender'], number: number, message: Message<F>): Shape => ({
  number,
  sender,
  message: message as Message<unknown>,
});

/** Numbers below 16 take one byte: they are for frames sent in every round. */
export const frameShapes: { readonly [Kind in FrameKind]: Shape } = {
  hello: shape('device', 1, device.hello),
  open: shape('device', 2, device.open),
  draft: shape('device', 3, device.draft),
  'tail-request': shape('device', 4, device.tailRequest),
  resume: shape('device', 5, device.resume),
  cancel: shape('device', 6, device.cancel),
  close: shape('device', 7, device.close),
  welcome: shape('server', 9, server.welcome),
  opened: shape('server', 10, server.opened),
  verdict: shape('server', 11, server.verdict),
  hint: shape('server', 12, server.hint),
  resumed: shape('server', 13, server.resumed),
  tail: shape('server', 14, server.tail),
  failure: shape('server', 15, server.failure),
  ping: shape('device', 16, device.ping),
  drain: shape('server', 17, server.drain),
  pong: shape('server', 18, server.pong),
  'picture-part': shape('device', 20, device.picturePart),
  'pictures-wanted': shape('server', 21, server.picturesWanted),
};

const kindOfNumber = new Map<number, FrameKind>(
  Object.entries(frameShapes).map(([kind, { number }]) => [number, kind as FrameKind]),
);

const writer = new WireWriter();

/**
 * The bytes of a frame, one message of the transport.
 *
 * @param padBytes traffic shaping: the message is padded to this length, or twice, and so on; 0: no
 *   padding.
 * @returns owned by the caller. A frame that breaks a limit fails an assertion.
 *
 * @example
 * ```ts
 * import { encodeFrame } from 'pilotfish/protocol';
 *
 * encodeFrame({ kind: 'pong', nonce: 7 }); // = [0x92, 0x01, 0x02, 0x08, 0x07]
 * ```
 */
export function encodeFrame(frame: Frame, padBytes = 0): Uint8Array {
  const complaint = checkFrame(frame);
  assert(complaint === null, `${frame.kind}: ${complaint?.message}`);
  const { number, message } = frameShapes[frame.kind];
  return writer.collect(() => {
    writer.tag(number, wireTypes.bytes);
    writer.delimited(() => message.write(writer, frame));
    writePadding(writer, paddedLength(writer.length, padBytes) - writer.length);
  });
}

/**
 * Decodes a frame of a device, or returns its fault. Never throws.
 *
 * @param bytes one whole message; not kept, not changed.
 * @param bytesMax longer messages are refused; `limits.helloBytes` before Welcome.
 *
 * @example
 * ```ts
 * import { decodeDeviceFrame, encodeFrame } from 'pilotfish/protocol';
 *
 * const decoded = decodeDeviceFrame(encodeFrame({ kind: 'cancel', session: 3 }));
 * decoded; // = { ok: { kind: 'cancel', session: 3 } }
 * ```
 */
export function decodeDeviceFrame(
  bytes: Uint8Array,
  bytesMax: number = limits.frameBytes.value,
): Decoded<DeviceFrame> {
  return decode(bytes, bytesMax, 'device') as Decoded<DeviceFrame>;
}

/**
 * Decodes a frame of a server, or returns its fault. Never throws.
 *
 * @param bytes one whole message; not kept, not changed.
 * @param bytesMax longer messages are refused.
 *
 * @example
 * ```ts
 * import { decodeServerFrame } from 'pilotfish/protocol';
 *
 * const decoded = decodeServerFrame(Uint8Array.of(1, 2, 3));
 * 'fault' in decoded && decoded.fault.code; // = 'frame-malformed'
 * ```
 */
export function decodeServerFrame(
  bytes: Uint8Array,
  bytesMax: number = limits.frameBytes.value,
): Decoded<ServerFrame> {
  return decode(bytes, bytesMax, 'server') as Decoded<ServerFrame>;
}

function decode(bytes: Uint8Array, bytesMax: number, sender: Shape['sender']): Decoded<Frame> {
  if (bytes.length > bytesMax) {
    return fault('frame-too-large', `${bytes.length} bytes exceed ${bytesMax}`, null);
  }
  const reader = new WireReader(bytes);
  const frame = readFrame(reader, sender);
  const complaint = reader.complaint ?? (frame === null ? noFrame : checkFrame(frame));
  if (complaint === null) return { ok: frame! };
  const session = frame !== null && 'session' in frame ? frame.session : null;
  return fault(complaint.code, complaint.message, session);
}

const noFrame = { code: 'frame-malformed', message: 'no frame that this version knows' } as const;

function fault(...args: Parameters<typeof wireFault>): { readonly fault: WireFault } {
  return { fault: wireFault(...args) };
}

/**
 * Reads the one known field of the message Frame. Fields unknown to this version may be beside it.
 */
function readFrame(reader: WireReader, sender: Shape['sender']): Frame | null {
  let frame: Frame | null = null;
  while (reader.hasMore) {
    const tag = reader.tag();
    const kind = kindOfNumber.get(tag >>> 3);
    if (kind === undefined) {
      // Includes padding: its content is never read, and it costs no more than any unknown field.
      reader.skip(tag & 7);
    } else if ((tag & 7) !== wireTypes.bytes) {
      reader.break(`${kind} with wire type ${tag & 7}`);
    } else if (frame !== null) {
      reader.break(`${kind} after another frame`);
    } else if (frameShapes[kind].sender !== sender) {
      reader.refuse('frame-unexpected', `${kind} does not come from a ${sender}`);
      reader.skip(tag & 7);
    } else {
      frame = reader.nested(() => frameShapes[kind].message.read(reader)) as Frame;
    }
  }
  return frame;
}
