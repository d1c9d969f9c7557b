// Starts real processes that can be ended, stopped and restarted at any moment: a server, a device
// with JSON lines, a device with an HTTP API, or another program. Leaves no process behind, and can
// check that none is left.

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

/** The command as installed; it is run, not imported. */
const script = fileURLToPath(new URL('../main.js', import.meta.url));

/** A process that takes longer to end never does. */
const endMsMax = 20_000;
/** Marks a process, and all that it starts, by a variable in its environment. */
const markName = 'CHAOS_MARK';

export interface CliProcessOptions {
  /** Command that starts the process elsewhere, such as in another network namespace. */
  readonly launcher?: readonly string[];
  /** Default: pilotfish. */
  readonly program?: readonly string[];
  /** Beside the plain environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Finds the process and its children among those of the machine: see `processesOf`. */
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

/** This process's environment without variables of pilotfish, or of models outside the package. */
export function plainEnvironment(): Record<string, string> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(HF_|PILOTFISH_|FORCE_COLOR)/.test(name),
  );
  return { ...(Object.fromEntries(inherited) as Record<string, string>), HF_HOME: '/nonexistent' };
}

/** Ids of the processes with this mark, without zombies; null where the system does not tell. */
export function processesOf(mark: string): number[] | null {
  let pids: string[];
  try {
    pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return null;
  }
  return pids.filter((pid) => environmentOf(pid).includes(`${markName}=${mark}`)).map(Number);
}

/** Empty for a process that has ended or belongs to another user. */
function environmentOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    return '';
  }
}

/** Running processes. Every end of this process ends them too, except SIGKILL. */
const running = new Set<ChildProcessWithoutNullStreams>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Ids of all that run now. */
export const runningProcesses = (): number[] => Array.from(running, ({ pid }) => pid!);

/** A command that runs, or will run. */
export class CliProcess {
  readonly #args: readonly string[];
  readonly #options: CliProcessOptions;
  #child: ChildProcessWithoutNullStreams | null = null;

  constructor(args: readonly string[], options: CliProcessOptions) {
    this.#args = args;
    this.#options = options;
  }

  protected spawn(): ChildProcessWithoutNullStreams {
    const { launcher = [], program = [process.execPath, script], env: own, mark } = this.#options;
    const [command, ...rest] = [...launcher, ...program, ...this.#args];
    const marked = mark !== undefined && { [markName]: mark };
    const env = { ...plainEnvironment(), ...own, ...marked };
    // In its own process group: the keyboard's Ctrl-C is for its parent.
    const child = spawn(command!, rest, { env, detached: true });
    // A test may write to a process that was killed.
    child.stdin.on('error', () => undefined);
    running.add(child);
    child.once('exit', () => running.delete(child));
    this.#child = child;
    return child;
  }

  protected get child(): ChildProcessWithoutNullStreams | null {
    return this.#child;
  }

  /** Only while it runs or after it ran. */
  get pid(): number {
    return this.#child!.pid!;
  }

  /** Its signal or exit code; null before its end. */
  get ending(): NodeJS.Signals | number | null {
    return this.#child?.signalCode ?? this.#child?.exitCode ?? null;
  }

  /** Stops or continues it, or asks it to end without waiting. */
  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  /** Resolves when it has ended. @param name a signal that ends it. */
  async end(name: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === null || this.ending !== null) return;
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

/** `pilotfish serve`, restartable on the same port. */
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
  /** In the last event. */
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

/** `pilotfish device --http`: serves OpenAI's clients, with a server that verifies. */
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
