// Runs `pilotfish device` in a process of its own and talks to it by JSON lines, as any program
// would. The keyboard's Ctrl-C does not reach it, and it ends with its parent.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type ErrorCode, errorTable, PilotfishError } from '../../base/error.js';
import type { Statistics, TokenOrigin } from '../../device/index.js';
import { type Environment, whenAborted } from '../screen/terminal.js';

const script = fileURLToPath(new URL('../main.js', import.meta.url));
/** Longest wait for a device that hangs at the end. */
const closeMsMax = 3_000;

/** One request of the JSON lines; see `pilotfish help device`. */
export interface DeviceRequest {
  readonly prompt: string;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  /** In [0, 2^64), decimal. */
  readonly seed: string;
  readonly mode: string;
}

/** The answer, with the device's statistics. */
export interface DeviceAnswer {
  readonly text: string;
  readonly tokens: readonly number[];
  readonly statistics: Statistics;
}

export type OnToken = (origin: TokenOrigin, text: string) => void;

interface LineEvent {
  readonly id: number;
  readonly event: string;
  readonly text?: string;
  readonly token?: number;
  readonly origin?: TokenOrigin;
  readonly statistics?: Statistics;
  readonly code?: string;
  readonly message?: string;
}

export class DeviceProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  /** Ends the device with this process; one that serves HTTP would not notice. */
  readonly #onExit = (): unknown => this.#child.kill('SIGKILL');
  readonly #listeners = new Map<number, (event: LineEvent) => void>();
  readonly #ended: Promise<unknown>;
  /** Rejects when the process ends, or the caller stops. */
  readonly #cut: Promise<never>;
  #stderr = '';
  #nextId = 1;

  private constructor(args: readonly string[], env: Environment, signal: AbortSignal) {
    this.#child = spawn(process.execPath, [script, 'device', ...args], {
      env: withoutOwnNames(env),
      detached: true,
    });
    process.once('exit', this.#onExit);
    this.#child.stdin.on('error', () => undefined);
    this.#ended = once(this.#child, 'exit');
    const failed = this.#ended.then(() => {
      throw new PilotfishError('engine-failed', `a device ended: ${this.#stderr.trim()}`);
    });
    this.#cut = Promise.race([failed, cancelledBy(signal)]);
    this.#cut.catch(() => undefined);
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const event = JSON.parse(line) as LineEvent;
      this.#listeners.get(event.id)?.(event);
    });
  }

  /** Resolves once the device has connected. @param signal ends what is running, also in `ask`. */
  static async start(
    args: readonly string[],
    env: Environment,
    signal: AbortSignal,
  ): Promise<DeviceProcess> {
    const device = new DeviceProcess(args, env, signal);
    const ready = new Promise<void>((resolve) => {
      device.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
        device.#stderr += text;
        if (/device ready: .*\n/.test(device.#stderr)) resolve();
      });
    });
    try {
      await Promise.race([ready, device.#cut]);
      return device;
    } catch (reason) {
      await device.close();
      throw reason;
    }
  }

  /** URL of its HTTP API; null where it has none. */
  get httpUrl(): string | null {
    return / on (http:\/\/\S+)/.exec(this.#stderr)?.[1] ?? null;
  }

  /** Writes one answer. @throws the device's error, `engine-failed` or `cancelled`. */
  async ask(request: DeviceRequest, onToken?: OnToken): Promise<DeviceAnswer> {
    const id = this.#nextId++;
    const written = new Promise<DeviceAnswer>((resolve, reject) => {
      const tokens: number[] = [];
      let text = '';
      this.#listeners.set(id, (event) => {
        text += event.text ?? '';
        if (event.event === 'token') {
          tokens.push(event.token!);
          onToken?.(event.origin!, event.text!);
        } else if (event.event === 'end') resolve({ text, tokens, statistics: event.statistics! });
        else if (event.event === 'error') reject(errorOf(event));
      });
    });
    this.#child.stdin.write(`${JSON.stringify({ id, ...request })}\n`);
    try {
      return await Promise.race([written, this.#cut]);
    } finally {
      this.#listeners.delete(id);
    }
  }

  /** Ends the process and waits until it is gone. */
  async close(): Promise<void> {
    process.off('exit', this.#onExit);
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return;
    this.#child.kill('SIGTERM');
    const late = new AbortController();
    const timer = sleep(closeMsMax, undefined, { signal: late.signal })
      .then(() => this.#child.kill('SIGKILL'))
      .catch(() => undefined);
    await this.#ended;
    late.abort();
    await timer;
  }
}

/** The environment without PILOTFISH variables, which would change this device too. */
const withoutOwnNames = (env: Environment): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('PILOTFISH_')));

function errorOf({ code, message }: LineEvent): PilotfishError {
  const known = code !== undefined && code in errorTable ? (code as ErrorCode) : 'engine-failed';
  return new PilotfishError(known, message ?? 'the device failed');
}

async function cancelledBy(signal: AbortSignal): Promise<never> {
  await whenAborted(signal);
  throw new PilotfishError('cancelled', 'stopped by the caller');
}
