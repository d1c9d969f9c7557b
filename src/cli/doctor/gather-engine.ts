// Gathers facts about the engine: where its libraries are, whether they load, which compute devices
// they find. Opens nothing in this process.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type ErrorCode, toPilotfishError } from '../../base/error.js';
import type { ComputeDevice } from '../../engine/llama/ffi/devices.js';
import {
  findLibrary,
  type LibraryFiles,
  libraryFolderVariable,
  llamaVersion,
  platformPackageVersion,
} from '../../engine/llama/library.js';
import type { Machine } from './machine.js';

export type LoadFacts =
  | { readonly kind: 'loaded'; readonly devices: readonly ComputeDevice[] }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly message: string }
  /** The process that tried died. */
  | { readonly kind: 'crashed'; readonly how: string };

export interface EngineFacts {
  readonly llamaVersion: string;
  readonly packageVersion: string;
  /** Value of LLAMA_LIB_DIR, or null. */
  readonly namedFolder: string | null;
  readonly folder: string | null;
  /** The package or setting that named the folder. */
  readonly source: string | null;
  /** File names of the compute backends in the folder. */
  readonly backends: readonly string[];
  readonly load: LoadFacts;
}

/** Longest wait for the libraries to load; a GPU driver may take seconds to start. */
const probeMsMax = 30_000;

export async function gatherEngine(machine: Machine): Promise<EngineFacts> {
  const wanted = {
    llamaVersion,
    packageVersion: platformPackageVersion,
    namedFolder: machine.env[libraryFolderVariable] || null,
  };
  let files: LibraryFiles;
  try {
    files = findLibrary();
  } catch (reason) {
    const { code, message } = toPilotfishError(reason, 'library-not-found');
    const load = { kind: 'refused', code, message } as const;
    return { ...wanted, folder: null, source: null, backends: [], load };
  }
  const backends = machine.list(files.folder).filter((name) => backendPattern.test(name));
  const load = await tryLoad();
  return { ...wanted, folder: files.folder, source: files.source, backends, load };
}

const backendPattern =
  /^(lib)?ggml-(cpu|cuda|vulkan|metal|hip|sycl|opencl|blas|rpc).*\.(so|dylib|dll)$/;

function tryLoad(): Promise<LoadFacts> {
  const script = fileURLToPath(new URL('./engine-probe.js', import.meta.url));
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [script], {
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: probeMsMax,
    });
    let output = '';
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (text: string) => {
      output += text;
    });
    child.once('error', ({ message }) => resolve({ kind: 'crashed', how: message }));
    child.once('close', (code, signal) =>
      resolve(readAnswer(output, signal ?? `exit code ${code}`)),
    );
  });
}

function readAnswer(output: string, how: string): LoadFacts {
  try {
    return JSON.parse(output);
  } catch {
    return { kind: 'crashed', how };
  }
}
