// The thread that checks large pictures by their content: eight megabytes of a JPEG made for it
// take 0.2 s to read.

import { PilotfishError } from '../../base/error.js';
import { readPictureHeader } from '../../pictures/picture-header.js';
import { serveSide } from '../../threads/serve-side.js';
import type { CheckReply } from './picture-check.js';

serveSide((file: Uint8Array): CheckReply => {
  try {
    return { kind: 'checked', header: readPictureHeader(file) };
  } catch (reason) {
    if (!(reason instanceof PilotfishError)) throw reason;
    const { code, message } = reason;
    return { kind: 'refused', code, message };
  }
});
