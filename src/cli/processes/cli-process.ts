// Real processes to be ended, stopped and started again at any moment: a server, a device that answers JSON lines, and a
// device with an HTTP door. Leaves no process behind, and can tell whether one is left.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { assert } from '../../base/assert.js';
import { PilotfishError } from '../../base/error.js';
import type { Statistics } from '../../device/index.js';

/** The command as it is installed; run, not imported. */
const script = fileURLToPath(new URL('../main.js', import.meta.url));

/** A process that was told to end and has not by then never does. */
const endMsMax = 20_000;
/** Names whoever started a process, in the environment of it and of all that it starts. */
const markName = 'CHAOS_MARK';

export interface CliProcessOptions {
  /** Command that starts the process somewhere else, such as another network namespace. */
  readonly launcher?: readonly string[];
  /** Finds the process, and whatever it starts, among those of the machine: see `processesOf`. */
  readonly mark?: string;
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

/** This process's environment without what steers pilotfish, or finds models that are not in the package. */
export function plainEnvironment(): Record<string, string> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(HF_|PILOTFISH_|FORCE_COLOR)/.test(name),
  );
  return { ...(Object.fromEntries(inherited) as Record<string, string>), HF_HOME: '/nonexistent' };
}

/** Numbers of the processes with this mark, zombies apart; null where the system does not tell. */
export function processesOf(mark: string): number[] | null {
  let pids: string[];
  try {
    pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return null;
  }
  return pids.filter((pid) => environmentOf(pid).includes(`${markName}=${mark}`)).map(Number);
}

/** Gone in between, or somebody else's: nothing. */
function environmentOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    return '';
  }
}

/** Those that run: whatever ends this process takes them along, but for a SIGKILL. */
const running = new Set<ChildProcessWithoutNullStreams>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A command that runs, or will. */
export class CliProcess {
  readonly #args: readonly string[];
  readonly #options: CliProcessOptions;
  #child: ChildProcessWithoutNullStreams | null = null;

  constructor(args: readonly string[], options: CliProcessOptions) {
    this.#args = args;
    this.#options = options;
  }

  protected spawn(): ChildProcessWithoutNullStreams {
    const { launcher = [], mark } = this.#options;
    const [command, ...rest] = [...launcher, process.execPath, script, ...this.#args];
    const env = { ...plainEnvironment(), ...(mark !== undefined && { [markName]: mark }) };
    // In a group of its own: the keyboard's Ctrl-C is for whoever started it.
    const child = spawn(command!, rest, { env, detached: true });
    // Writing to a process that was killed is part of the trial.
    child.stdin.on('error', () => undefined);
    running.add(child);
    child.once('exit', () => running.delete(child));
    this.#child = child;
    return child;
  }

  protected get child(): ChildProcessWithoutNullStreams | null {
    return this.#child;
  }

  /** Stops or continues it, or tells it to end without waiting for that. */
  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  /** Resolves when it has ended. @param name a signal that ends it. */
  async end(name: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(name);
    const timer = new AbortController();
    const late = sleep(endMsMax, 'late', { signal: timer.signal }).catch(() => undefined);
    const first = await Promise.race([exited, late]);
    timer.abort();
    assert(first !== 'late', `a process goes on ${endMsMax} ms after ${name}`);
  }

  kill(): Promise<void> {
    return this.end('SIGKILL');
  }
}

/** `pilotfish serve`, started as often as wanted, always on one port. */
export class CliServer extends CliProcess {
  constructor(port: number, args: readonly string[], options: CliProcessOptions = {}) {
    super(['serve', '--port', `${port}`, ...args], options);
  }

  /** Resolves when it listens. @throws PilotfishError `engine-failed` where it ends instead. */
  async start(): Promise<void> {
    const child = this.spawn();
    let said = '';
    child.stderr.on('data', (text) => {
      said += text;
    });
    const ended = once(child, 'exit').then(() =>
      Promise.reject(new PilotfishError('engine-failed', `the server ended: ${said}`)),
    );
    await Promise.race([once(child.stdout, 'data'), ended]);
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
export class CliDevice extends CliProcess {
  readonly #onEvent: (event: LineEvent) => void;

  constructor(
    server: string,
    args: readonly string[],
    onEvent: (event: LineEvent) => void,
    options: CliProcessOptions = {},
  ) {
    super(['device', '--server', server, ...args], options);
    this.#onEvent = onEvent;
  }

  start(): void {
    const child = this.spawn();
    child.stderr.resume();
    createInterface({ input: child.stdout }).on('line', (line) => {
      // The last line of a killed process may be cut short.
      if (child === this.child && line.endsWith('}')) this.#onEvent(JSON.parse(line));
    });
  }

  ask(request: object): void {
    this.child!.stdin.write(`${JSON.stringify(request)}\n`);
  }
}

/** `pilotfish device --http`: answers OpenAI's clients, and has a server verify. */
export class CliGateway extends CliProcess {
  constructor(
    port: number,
    server: string,
    args: readonly string[],
    options: CliProcessOptions = {},
  ) {
    super(['device', '--server', server, '--http', `${port}`, ...args], options);
  }

  start(): void {
    const child = this.spawn();
    child.stderr.resume();
    child.stdout.resume();
  }
}
