// `pilotfish device`: keeps one draft model and one connection, and writes answers for programs on this machine, which
// ask by JSON lines on stdin or on a local socket.

import { chmod, unlink } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import type { Command } from 'commander';
import { PilotfishError } from '../base/error.js';
import { type Client, connect, serveLines } from '../device/index.js';
import { flag, wholeNumber } from './flags.js';
import {
  addLinkFlags,
  checkLinkFlags,
  connectOptions,
  type LinkOptions,
  loadDrafting,
} from './run/link-flags.js';
import { LinkReport } from './run/link-report.js';
import { serverUrl } from './server-address.js';
import type { Terminal } from './terminal.js';
import { noteTo } from './text-view.js';

// Each paragraph is one line: help wraps it to the terminal.
const description = `Keeps a draft model loaded and one connection to a server, and writes answers for programs on this machine.

  echo '{"id":1,"prompt":"The old clock","maxTokens":40,"temperature":0.8}' | pilotfish device
  pilotfish device --socket /run/user/1000/pilotfish.sock

One JSON request a line, one JSON event a line in answer: token, confirmed, retracted, rest, end, error. Requests carry id, prompt or ids or messages, maxTokens, stop, and what changes the law: temperature, topK, topP, minP, repetitionPenalty, presencePenalty, frequencyPenalty, logitBias, seed; also scheme, mode, fallback. Any other field is answered with an error. {"id":1,"cancel":true} ends one. Several may run at once.

stdout carries events alone. Ctrl-D, or the end of what is piped in, lets running answers finish; Ctrl-C ends them.`;

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
    checkLinkFlags(command.opts<DeviceOptions>(), command);
    await serveDevice(command.opts<DeviceOptions>(), terminal);
    exit(0);
  });
}

async function serveDevice(options: DeviceOptions, terminal: Terminal): Promise<void> {
  const drafting = await loadDrafting(options, options.slots, terminal);
  const note = noteTo(terminal);
  try {
    const policy = { ...options, drafts: drafting.name.kind === 'model' };
    const report = new LinkReport(policy, terminal.signal, note);
    const client = await connect(connectOptions(options, drafting, report, terminal.signal));
    const drafter = drafting.name.kind === 'model' ? drafting.engine.info.modelName : options.draft;
    const what = `device ready: ${drafter} drafts for ${client.modelName ?? 'the server'} at ${serverUrl(options.server)}`;
    try {
      if (options.socket === undefined) {
        note(what);
        await serveStdin(client, terminal);
      } else
        await serveSocket(client, options.socket, terminal, () =>
          note(`${what}, on ${options.socket}`),
        );
    } finally {
      await client.close();
    }
  } finally {
    await drafting.engine.close();
  }
}

const example = '{"id":1,"prompt":"The old clock","maxTokens":40}';

async function serveStdin(client: Client, terminal: Terminal): Promise<void> {
  const { in: input, out, signal } = terminal;
  if (input === undefined) throw new PilotfishError('usage', 'there is no input; give --socket');
  if (input.isTTY) {
    terminal.err.write(`One JSON request a line, such as ${example}; Ctrl-D ends.\n`);
  }
  const stop = (): unknown => input.destroy();
  signal.addEventListener('abort', stop, { once: true });
  try {
    await serveLines(client, { input, write: (line) => out.write(line) }, signal);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function serveSocket(
  client: Client,
  path: string,
  { signal }: Terminal,
  onReady: () => void,
): Promise<void> {
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
  onReady();
  await aborted(signal);
  for (const socket of sockets) socket.destroy();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  await unlink(path).catch(() => undefined);
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const why =
        (cause as NodeJS.ErrnoException).code === 'EADDRINUSE'
          ? 'there is such a file or socket already; remove it if no device serves it'
          : cause.message;
      const message = `cannot listen on ${path}: ${why}`;
      reject(new PilotfishError('address-unavailable', message, { cause }));
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
