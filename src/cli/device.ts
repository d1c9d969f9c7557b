// `pilotfish device`: keeps one draft model and one connection, and writes answers for programs on this machine, which
// ask by JSON lines on stdin or on a local socket.

import { chmod, unlink } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import type { Command } from 'commander';
import { PilotfishError } from '../base/error.js';
import { type Client, connect, serveLines } from '../device/index.js';
import { flag, wholeNumber } from './flags.js';
import { addLinkFlags, connectOptions, type LinkOptions, loadDrafting } from './run/link-flags.js';
import type { Terminal } from './terminal.js';

// Each paragraph is one line: help wraps it to the terminal.
const description = `Keeps a draft model loaded and one connection to a server, and writes answers for programs on this machine.

  echo '{"id":1,"prompt":"The old clock","maxTokens":40,"temperature":0.8}' | pilotfish device
  pilotfish device --socket /run/user/1000/pilotfish.sock

One JSON request a line, one JSON event a line in answer: token, confirmed, retracted, rest, end, error. Requests carry id, prompt or ids or messages, maxTokens, and what changes the law: temperature, topK, topP, minP, repetitionPenalty, presencePenalty, frequencyPenalty, logitBias, seed; also scheme, mode, fallback. {"id":1,"cancel":true} ends one. Several may run at once.`;

interface DeviceOptions extends LinkOptions {
  readonly slots: number;
  readonly socket?: string;
}

export function addDevice(
  program: Command,
  terminal: Terminal,
  exit: (code: number) => void,
): void {
  const command = program
    .command('device')
    .summary('draft for programs on this machine')
    .description(description)
    .addOption(flag('--socket <path>', 'serve a local socket instead of stdin'))
    .addOption(
      flag(
        '-np, --slots <n>',
        'answers that can draft at once',
        wholeNumber('--slots', 1, 256),
      ).default(4),
    );
  addLinkFlags(command);
  command.action(async () => {
    await serveDevice(command.opts<DeviceOptions>(), terminal);
    exit(0);
  });
}

async function serveDevice(options: DeviceOptions, terminal: Terminal): Promise<void> {
  const drafting = await loadDrafting(options, options.slots, terminal.env);
  try {
    const client = await connect(connectOptions(options, drafting, terminal));
    try {
      if (options.socket === undefined) await serveStdin(client, terminal);
      else await serveSocket(client, options.socket, terminal);
    } finally {
      await client.close();
    }
  } finally {
    await drafting.engine.close();
  }
}

async function serveStdin(client: Client, { in: input, out, signal }: Terminal): Promise<void> {
  if (input === undefined) throw new PilotfishError('usage', 'there is no input; give --socket');
  const stop = (): unknown => input.destroy();
  signal.addEventListener('abort', stop, { once: true });
  try {
    await serveLines(client, { input, write: (line) => out.write(line) }, signal);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function serveSocket(client: Client, path: string, { err, signal }: Terminal): Promise<void> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    const gone = new AbortController();
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      gone.abort();
    });
    const write = (line: string): unknown => socket.write(line);
    void serveLines(client, { input: socket, write }, gone.signal).finally(() => socket.end());
  });
  await listen(server, path);
  // Whoever may write here may spend the key: the owner alone.
  await chmod(path, 0o600);
  err.write(`pilotfish: device ready on ${path}\n`);
  await aborted(signal);
  for (const socket of sockets) socket.destroy();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  await unlink(path).catch(() => undefined);
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new PilotfishError('usage', `cannot listen on ${path}: ${cause.message}`, { cause }));
    });
    server.listen(path, resolve);
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
