// Real processes and sockets to be ended at any moment: a server, a device that answers JSON lines, and a proxy between
// them whose connections can be cut. For tests of what survives.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Statistics } from '../../device/index.js';

const script = join(dirname(fileURLToPath(import.meta.url)), '..', 'main.js');

/** @param launcher command that starts the process somewhere else, such as another network namespace. */
function start(
  args: readonly string[],
  launcher: readonly string[],
): ChildProcessWithoutNullStreams {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(HF_|PILOTFISH_|FORCE_COLOR)/.test(name),
  );
  const env = { ...Object.fromEntries(inherited), HF_HOME: '/nonexistent' };
  const [command, ...rest] = [...launcher, process.execPath, script, ...args];
  const child = spawn(command!, rest, { env });
  // Writing to a process that was killed is part of the test.
  child.stdin.on('error', () => undefined);
  return child;
}

async function kill(child: ChildProcessWithoutNullStreams | null): Promise<void> {
  if (child === null || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

/** `pilotfish serve`, started and killed as often as wanted, always on one port. */
export class ServerVictim {
  readonly #args: readonly string[];
  readonly #launcher: readonly string[];
  #child: ChildProcessWithoutNullStreams | null = null;

  constructor(port: number, args: readonly string[], launcher: readonly string[] = []) {
    this.#args = ['serve', '--port', `${port}`, ...args];
    this.#launcher = launcher;
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const child = start(this.#args, this.#launcher);
    this.#child = child;
    let said = '';
    child.stderr.on('data', (text) => {
      said += text;
    });
    await Promise.race([
      once(child.stdout, 'data'),
      once(child, 'exit').then(() => Promise.reject(new Error(`the server ended: ${said}`))),
    ]);
  }

  kill(): Promise<void> {
    return kill(this.#child);
  }
}

export interface LineEvent {
  readonly id: number;
  readonly event: string;
  readonly token?: number;
  readonly tokenCount?: number;
  /** With the end. */
  readonly statistics?: Statistics;
  readonly code?: string;
  readonly message?: string;
}

/** `pilotfish device` on its standard streams. */
export class DeviceVictim {
  readonly #args: readonly string[];
  readonly #launcher: readonly string[];
  readonly #onEvent: (event: LineEvent) => void;
  #child: ChildProcessWithoutNullStreams | null = null;

  constructor(
    server: string,
    args: readonly string[],
    onEvent: (event: LineEvent) => void,
    launcher: readonly string[] = [],
  ) {
    this.#args = ['device', '--server', server, ...args];
    this.#onEvent = onEvent;
    this.#launcher = launcher;
  }

  start(): void {
    const child = start(this.#args, this.#launcher);
    this.#child = child;
    child.stderr.resume();
    createInterface({ input: child.stdout }).on('line', (line) => {
      // The last line of a killed process may be cut short.
      if (child === this.#child && line.endsWith('}')) this.#onEvent(JSON.parse(line));
    });
  }

  ask(request: object): void {
    this.#child!.stdin.write(`${JSON.stringify(request)}\n`);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    await kill(child);
  }
}

/** Passes bytes on between whoever connects and a port, until it is cut. */
export class CutProxy {
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;

  constructor(target: number) {
    this.#target = target;
  }

  async listen(): Promise<string> {
    const server = createServer((near) => this.#join(near, connect(this.#target, '127.0.0.1')));
    this.#server = server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  #join(near: Socket, far: Socket): void {
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(one);
      one.setNoDelay(true);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }

  /** Resets every connection: what is under way is lost. @returns how many. */
  cut(): number {
    const count = this.#sockets.size;
    for (const socket of this.#sockets) socket.resetAndDestroy();
    return count;
  }

  async close(): Promise<void> {
    this.cut();
    this.#server?.close();
  }
}
