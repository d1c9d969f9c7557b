// The child process of image-encoder.ts: answers each request of its parent with one reply, and
// ends with its parent.

import { toPilotfishError } from '../../../base/error.js';
import { type Mtmd, openMtmd } from '../ffi/mtmd.js';
import type { EyesReply, EyesRequest } from './eyes-messages.js';

let mtmd: Mtmd | null = null;

function answer(request: EyesRequest): EyesReply {
  try {
    if (request.kind === 'encode')
      return { kind: 'encoded', picture: mtmd!.encode(request.picture) };
    mtmd = openMtmd(request.files);
    return { kind: 'ready' };
  } catch (reason) {
    const { code, message } = toPilotfishError(reason, 'engine-failed');
    return { kind: 'refused', code, message };
  }
}

process.on('message', (request: EyesRequest) => process.send!(answer(request)));
// Native code is not unloaded: its destructors may wait for threads that are gone.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
