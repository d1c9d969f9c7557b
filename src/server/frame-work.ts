// Tells what a frame of a device costs the server beside reading it, in the units of the reader.

import type { DeviceFrame } from '../protocol/frame.js';

/** An Open is checked, admitted and planned: at 16 a flood made answers take 1.6 times as long. */
const frameUnits: Readonly<Record<DeviceFrame['kind'], number>> = {
  hello: 8,
  open: 56,
  resume: 56,
  'picture-part': 2,
  draft: 1,
  'tail-request': 4,
  cancel: 1,
  close: 1,
  ping: 0,
};

/** Bytes kept and hashed in a unit: 64 KiB take 0.09 ms of a slow core, new memory comes on top. */
const hashedBytes = 2048;

/** Work on a frame beside its reading. */
export const unitsOf = (frame: DeviceFrame): number =>
  frameUnits[frame.kind] +
  (frame.kind === 'picture-part' ? Math.ceil(frame.data.length / hashedBytes) : 0);

/**
 * What a key is charged for a frame, or a part of one, beside its bytes: the server's work for the
 * shortest is about that of so many bytes.
 */
export const frameBytes = 128;
