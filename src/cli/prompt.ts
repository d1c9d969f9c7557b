// Reads a prompt from the argument, a file, or a pipe. Never waits for a person to type.

import { createReadStream } from 'node:fs';
import { PilotfishError } from '../base/error.js';
import { usageError } from './flags/flags.js';
import type { InputStream, Terminal } from './screen/terminal.js';

/** More than any context holds; refuses `/dev/zero` before memory is full. */
const promptBytesMax = 2 ** 26;

/**
 * Reads the prompt from `argument` or `file` (`-`: stdin), without a last line break.
 * @throws PilotfishError `usage` when there is no prompt, two, or an unreadable one;
 *   `prompt-empty`, `prompt-too-long`; `cancelled` when the user stops the reading.
 */
export async function readPrompt(
  argument: string | undefined,
  file: string | undefined,
  terminal: Terminal,
): Promise<string> {
  if (argument !== undefined && file !== undefined) {
    throw usageError('the prompt is given twice, as an argument and with --file');
  }
  const text =
    argument ?? withoutLastBreak(await readText(sourceOf(file, terminal), terminal.signal));
  if (text === '') throw new PilotfishError('prompt-empty', 'the prompt is empty');
  return text;
}

const withoutLastBreak = (text: string): string => text.replace(/\r?\n$/, '');

interface Source {
  readonly name: string;
  readonly stream: InputStream;
}

function sourceOf(file: string | undefined, terminal: Terminal): Source {
  if (file !== undefined && file !== '-') return { name: file, stream: createReadStream(file) };
  const { in: stream } = terminal;
  if (stream === undefined || stream.isTTY) {
    throw usageError('there is no prompt; give one as an argument, with --file, or through a pipe');
  }
  return { name: 'the piped prompt', stream };
}

async function readText({ name, stream }: Source, signal: AbortSignal): Promise<string> {
  const stop = (): unknown => stream.destroy();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const bytes = await readBytes(name, stream);
    if (!signal.aborted) return decode(name, bytes);
  } catch (reason) {
    if (reason instanceof PilotfishError) throw reason;
    if (!signal.aborted) throw usageError(`cannot read ${name}: ${messageOf(reason)}`);
  } finally {
    signal.removeEventListener('abort', stop);
  }
  throw new PilotfishError('cancelled', 'reading the prompt was stopped');
}

const messageOf = (reason: unknown): string => {
  const { code, message } = reason as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such file';
  return code === 'EISDIR' ? 'it is a folder' : message;
};

async function readBytes(name: string, stream: InputStream): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > promptBytesMax) {
      throw new PilotfishError('prompt-too-long', `${name} is longer than ${promptBytesMax} bytes`);
    }
  }
  return Buffer.concat(chunks);
}

function decode(name: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw usageError(`${name} is not UTF-8 text`);
  }
}
