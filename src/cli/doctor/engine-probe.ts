// The child process of gather-engine.ts: opens the llama.cpp libraries, lists the compute devices, prints what it found.
// Apart from the rest because a library for another processor ends the process that opens it.

import { toPilotfishError } from '../../base/error.js';
import { computeDevices, openLlama } from '../../engine/llama/ffi.js';
import { findLibrary } from '../../engine/llama/library.js';
import type { LoadFacts } from './facts.js';

function probe(): LoadFacts {
  try {
    const files = findLibrary();
    openLlama(files);
    return { kind: 'loaded', devices: computeDevices(files) };
  } catch (reason) {
    const { code, message } = toPilotfishError(reason, 'engine-failed');
    return { kind: 'refused', code, message };
  }
}

process.stdout.write(JSON.stringify(probe()));
