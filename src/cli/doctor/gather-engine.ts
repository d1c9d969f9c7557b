// Gathers facts about the engine: where its libraries are, whether they load, which compute devices
// they find. Opens nothing in this process.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { toPilotfishError } from '../../base/error.js';
import {
  findLibrary,
  type LibraryFiles,
  libraryFolderVariable,
  llamaVersion,
  platformPackageVersion,
} from '../../engine/llama/library.js';
import type { EngineFacts, LoadFacts } from './facts.js';
import type { Machine } from './machine.js';

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
