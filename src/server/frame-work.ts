// Tells what a frame of a device costs the server beside reading it, in the units of the reader.

import type { DeviceFrame } from '../protocol/frame.js';

/** About ten microseconds each, measured on two cores: an Open is checked, admitted and planned. */
export const frameUnits: Readonly<Record<DeviceFrame['kind'], number>> = {
  hello: 8,
  open: 16,
  resume: 16,
  draft: 1,
  'tail-request': 8,
  cancel: 1,
  close: 1,
  ping: 0,
};

/**
 * What a key is charged for a frame, or a part of one, beside its bytes: the server's work for the
 * shortest is about that of so many bytes.
 */
export const frameBytes = 128;
