// Loads a model's metadata in a child process before this one does. llama.cpp ends its process on
// contradictions that no header check can know of; then the child dies, and its last words become
// the error message.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { PilotfishError } from '../../base/error.js';
import type { LibraryFiles } from './library.js';
import type { ResolvedOptions } from './options.js';

export interface ProbeTask {
  readonly files: LibraryFiles;
  readonly options: ResolvedOptions;
}

/** Exit codes of probe-child.js; anything else is a crash. */
export const probeExit = { fine: 0, refused: 10, contextRefused: 11, unsupported: 12 } as const;

/**
 * Longest wait for a child that allocates no weights; a vocabulary of 256 000 tokens takes about a
 * second.
 */
const probeMsMax = 60_000;
const logBytesMax = 65_536;
const timeoutSignal = 'SIGTERM';

/**
 * @throws PilotfishError `model-malformed`, `model-unsupported` or `context-too-large`, with
 *   llama.cpp's own words; `engine-failed` where the child cannot start or takes too long.
 */
export async function probeModel(files: LibraryFiles, options: ResolvedOptions): Promise<void> {
  const task: ProbeTask = { files, options };
  const { code, signal, log } = await runChild(JSON.stringify(task));
  if (code === probeExit.fine) return;
  const words = lastWords(log);
  const where = `${options.modelPath}: ${words}`;
  if (code === probeExit.unsupported) throw new PilotfishError('model-unsupported', where);
  if (code === probeExit.contextRefused) throw new PilotfishError('context-too-large', where);
  if (code === probeExit.refused) throw new PilotfishError('model-malformed', where);
  if (signal === timeoutSignal) {
    throw new PilotfishError(
      'engine-failed',
      `the model probe was still busy after ${probeMsMax / 1000} s with ${where}`,
    );
  }
  throw new PilotfishError(
    'model-malformed',
    `llama.cpp crashes (${signal ?? `exit ${code}`}) on ${where}`,
  );
}

interface ChildEnd {
  readonly code: number | null;
  readonly signal: string | null;
  readonly log: string;
}

function runChild(task: string): Promise<ChildEnd> {
  const script = fileURLToPath(new URL('./probe-child.js', import.meta.url));
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script], {
      stdio: ['pipe', 'ignore', 'pipe'],
      timeout: probeMsMax,
      killSignal: timeoutSignal,
      // ggml would start a debugger for its last words, which takes seconds.
      env: { ...process.env, PILOTFISH_LLAMA_LOG: '1', GGML_NO_BACKTRACE: '1' },
    });
    let log = '';
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (text: string) => {
      log = (log + text).slice(-logBytesMax);
    });
    child.stdin.on('error', () => undefined); // A child that dies early closes the pipe; its exit tells.
    child.once('error', (cause) => {
      reject(
        new PilotfishError('engine-failed', `cannot start the model probe: ${cause.message}`, {
          cause,
        }),
      );
    });
    child.once('close', (code, signal) => resolve({ code, signal, log }));
    child.stdin.end(task);
  });
}

/**
 * The line of the log that says what was wrong: the first complaint, since what follows reports its
 * consequences.
 */
function lastWords(log: string): string {
  const lines = log
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !inventory.test(line));
  const telling = lines.find((line) => complaint.test(line));
  return (telling ?? lines.at(-1) ?? 'no reason given').replace(preamble, '').slice(0, 300);
}

/** Where llama.cpp was built, or the calls that a failure passed through. */
const preamble =
  /^(\S*\/llama\.cpp\/|llama_model_load: error loading model: )(error loading model )?/;

/** Lines that list what a file holds. */
const inventory =
  /^(llama_model_loader: - |create_tensor: |print_info: |load: |done_getting_tensors: )/;
const complaint = /GGML_A(SSERT|BORT)|error|fail|invalid|missing|wrong|unknown|unsupported|cannot/i;
