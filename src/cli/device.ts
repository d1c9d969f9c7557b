// Defines `pilotfish device`: keeps one draft model and one connection, and writes answers for
// programs on this machine. They ask by JSON lines on stdin or a local socket, or over HTTP.

import { chmod, unlink } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import type { Command } from 'commander';
import { closeGently, createGuardedServer } from '../access/index.js';
import { listenOn } from '../access/listen.js';
import { PilotfishError } from '../base/error.js';
import type { Client } from '../device/index.js';
import { serveLines } from '../device/line-service.js';
import { addFlags, addGroup, flag, usageError, wholeNumber } from './flags/flags.js';
import { type HttpOptions, httpFlags, internalErrorNote } from './flags/http-flags.js';
import {
  addLinkFlags,
  checkLinkFlags,
  type DraftingClient,
  draftOptions,
  type LinkOptions,
  withClient,
} from './flags/link-flags.js';
import {
  insecureFlag,
  listenFlagsOf,
  noKeyFlag,
  type OpenAccess,
  openAccessOf,
} from './flags/listen-flags.js';
import { serverUrl } from './flags/server-address.js';
import { shapingOf } from './flags/shaping-flags.js';
import { keepMemorySmall } from './memory/memory-keeper.js';
import { packageVersion } from './package-root.js';
import { type Exit, type Terminal, whenAborted } from './screen/terminal.js';
import { noteTo } from './screen/text-view.js';
import { visible, visibleJson } from './screen/visible.js';

// Each paragraph is one line: help wraps it to the terminal.
const description = `Keeps a draft model loaded and a connection to a server open, and writes answers for programs on this machine.

  echo '{"id":1,"prompt":"The old clock","maxTokens":40,"temperature":0.8}' | pilotfish device
  pilotfish device --socket /run/user/1000/pilotfish.sock
  pilotfish device --http
  curl localhost:7434/v1/completions -H 'content-type: application/json' -d '{"model":"llama-stories-target-9m","prompt":"The old clock","max_tokens":40}'

Each line of input is one JSON request, each line of output one JSON event: token, confirmed, retracted, rest, end or error. A request has id, prompt (or ids or messages), maxTokens and stop. Sampling: temperature, topK, topP, minP, repetitionPenalty, presencePenalty, frequencyPenalty, logitBias, seed. Also format, topLogprobs, scheme, mode, fallback. Any other field is an error. {"id":1,"cancel":true} ends a request. Several requests may run at once.

With --http it serves OpenAI's API: /v1/chat/completions, /v1/completions, /v1/models, and /metrics. It listens on this machine only; --http-host changes that and needs --http-keys and TLS. GET /v1/models names the model.

stdout has only events. Ctrl-D, or the end of the input, lets running answers finish; Ctrl-C ends them.`;

interface DeviceOptions extends LinkOptions, HttpOptions {
  readonly slots: number;
  readonly socket?: string;
  readonly http?: number;
  readonly httpHost: string;
  readonly httpKeys?: string | true;
  readonly httpTlsCert?: string;
  readonly httpTlsKey?: string;
  readonly httpTlsClientCa?: string;
  readonly insecureOpenToNetwork?: boolean;
}

/** One above the server's default. */
const httpPortDefault = 7434;

export function addDevice(program: Command, terminal: Terminal, exit: Exit): void {
  const command = program
    .command('device')
    .summary('draft for programs on this machine')
    .description(description);
  addFlags(command, [
    flag('--socket <path>', 'listen on a local socket instead of stdin'),
    flag('-np, --slots <n>', 'most answers that draft at once', wholeNumber(1, 256)).default(4),
  ]);
  addLinkFlags(command);
  addGroup(command, 'HTTP', deviceHttpFlags());
  command.action(async () => {
    checkLinkFlags(command.opts<DeviceOptions>(), command);
    await serveDevice(command.opts<DeviceOptions>(), terminal);
    exit(0);
  });
}

function deviceHttpFlags() {
  const port = wholeNumber(0, 65_535);
  return [
    // As a string: the preset goes through the parser like any other value.
    flag('--http [port]', "serve OpenAI's API over HTTP instead of JSON lines", port).preset(
      `${httpPortDefault}`,
    ),
    flag('--http-host <address>', 'address to listen on').default('127.0.0.1'),
    ...listenFlagsOf('--http-'),
    insecureFlag(),
    noKeyFlag('--http-key', 'use --http-keys with `pilotfish keys create`'),
    ...httpFlags(),
  ];
}

async function serveDevice(options: DeviceOptions, terminal: Terminal): Promise<void> {
  const httpAccess = options.http === undefined ? null : await openHttpAccess(options, terminal);
  try {
    await serveWith(httpAccess, options, terminal);
  } finally {
    httpAccess?.close();
  }
}

const openHttpAccess = (options: DeviceOptions, terminal: Terminal): Promise<OpenAccess> => {
  const access = {
    host: options.httpHost,
    keys: options.httpKeys,
    tlsCert: options.httpTlsCert,
    tlsKey: options.httpTlsKey,
    tlsClientCa: options.httpTlsClientCa,
    origins: options.httpOrigin,
    insecureOpenToNetwork: options.insecureOpenToNetwork,
  };
  return openAccessOf(access, '--http-', terminal);
};

/** @param httpAccess of the HTTP API; null: no HTTP. */
function serveWith(
  httpAccess: OpenAccess | null,
  options: DeviceOptions,
  terminal: Terminal,
): Promise<void> {
  const needs = { slotCount: options.slots, asksInMessages: false };
  return withClient(options, needs, terminal, async (link) => {
    // With draft-only, the device goes on without the server.
    const refused = options.fallback === 'draft-only' ? [] : [link.report.gaveUp];
    const signal = AbortSignal.any([terminal.signal, ...refused]);
    await serveClients(link, httpAccess, options, endingWith(terminal, signal));
    for (const one of refused) one.throwIfAborted();
  });
}

/** The same terminal, stopped by another signal. Its input is made on first use. */
const endingWith = (terminal: Terminal, signal: AbortSignal): Terminal =>
  Object.create(terminal, { signal: { value: signal } });

/** Serves HTTP and a socket, alone or together; without either, JSON lines on stdin. */
async function serveClients(
  link: DraftingClient,
  httpAccess: OpenAccess | null,
  options: DeviceOptions,
  terminal: Terminal,
): Promise<void> {
  const { client, drafter, engine } = link;
  const note = noteTo(terminal);
  const http = httpAccess === null ? null : await openHttp(link, httpAccess, options, note);
  const announce = (): void => {
    const name = drafter.kind === 'model' ? engine.info.modelName : options.draft;
    const target = visible(client.modelName ?? 'the server', 'all');
    const addresses = [http?.url, options.socket].filter((address) => address !== undefined);
    const where = addresses.length === 0 ? '' : `, on ${addresses.join(', ')}`;
    note(`device ready: ${name} drafts for ${target} at ${serverUrl(options.server)}${where}`);
  };
  const stopKeeping = keepMemorySmall();
  try {
    if (options.socket !== undefined) {
      await serveSocket(client, options.socket, terminal, announce);
      return;
    }
    announce();
    if (http === null) await serveStdin(client, terminal);
    else await whenAborted(terminal.signal);
  } finally {
    stopKeeping();
    await http?.close();
  }
}

/** Running answers may take this long when the device is stopped, as on a server. */
const drainMs = 5_000;

/** Loaded here: no other command needs the HTTP API. */
async function openHttp(
  { client, engine }: DraftingClient,
  { access, tls }: OpenAccess,
  options: DeviceOptions,
  note: (text: string) => void,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const { createHttpApi } = await import('../api/index.js');
  const { DeviceGenerator, deviceMetrics } = await import('../api/backends/index.js');
  const { vocabulary } = engine.info;
  const drafting = draftOptions(options);
  const metrics = deviceMetrics(client);
  const generator = new DeviceGenerator({
    ...{ client, vocabulary, drafting, build: packageVersion(), onOver: metrics.add },
    createdS: Math.floor(Date.now() / 1000),
  });
  const api = await createHttpApi({
    generator,
    metrics: metrics.sources,
    access,
    requestsMax: options.httpRequests,
    shaping: shapingOf(options),
    onMistake: internalErrorNote(note),
  });
  const server = createGuardedServer({ access, tls, request: api.handle });
  const { address, port } = await listenOn(server, options.httpHost, options.http!);
  const host = address.includes(':') ? `[${address}]` : address;
  return {
    url: `${tls === null ? 'http' : 'https'}://${host}:${port}`,
    close: async () => {
      generator.drain();
      if (api.openCount > 0) note('stopping; running answers may finish');
      await api.whenIdle(drainMs);
      await closeGently(server);
      api.close();
    },
  };
}

const example = '{"id":1,"prompt":"The old clock","maxTokens":40}';

async function serveStdin(client: Client, terminal: Terminal): Promise<void> {
  const { in: input, out, signal } = terminal;
  if (input === undefined) throw usageError('there is no input; use --socket');
  if (input.isTTY) {
    terminal.err.write(`One JSON request a line, such as ${example}; Ctrl-D ends.\n`);
  }
  const stop = (): unknown => input.destroy();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const write = (line: string): unknown => out.write(out.isTTY ? visibleJson(line) : line);
    await serveLines(client, { input, write }, signal);
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
  // A program that can write here can use the key, so only the owner may.
  await chmod(path, 0o600);
  onReady();
  await whenAborted(signal);
  for (const socket of sockets) socket.destroy();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  await unlink(path).catch(() => undefined);
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const why =
        (cause as NodeJS.ErrnoException).code === 'EADDRINUSE'
          ? 'the file or socket exists; remove it if no device uses it'
          : cause.message;
      const message = `cannot listen on ${path}: ${why}`;
      reject(new PilotfishError('address-unavailable', message, { cause }));
    });
    server.listen(path, resolve);
  });
}
