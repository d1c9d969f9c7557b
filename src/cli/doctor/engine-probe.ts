// Opens the llama.cpp libraries in a child process of gather-engine.ts, lists the compute devices
// and prints the result. A library for another processor would end the process that opens it.

import { toPilotfishError } from '../../base/error.js';
import { computeDevices } from '../../engine/llama/ffi/devices.js';
import { openLlama } from '../../engine/llama/ffi/llama.js';
import { findLibrary } from '../../engine/llama/library.js';
import type { LoadFacts } from './gather-engine.js';

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
