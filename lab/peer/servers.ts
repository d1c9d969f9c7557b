// Starts llama.cpp's own server, or Pilotfish's with or without a device, as processes; waits until
// they answer, and reads what they use. Leaves none behind, whatever ends this process.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PilotfishError } from '../../src/base/error.js';
import {
  CliProcess,
  type CliProcessOptions,
  freePort,
  plainEnvironment,
  runningProcesses,
} from '../../src/cli/processes/cli-process.suite.js';
import { findLibrary, llamaVersion } from '../../src/engine/llama/library.js';

export interface PeerWay {
  /** `device` is one on the same machine as a plain server, asked over its HTTP API. */
  readonly kind: 'llama' | 'serve' | 'device';
  /** Of llama-server, of the server, or of the device. */
  readonly flags: readonly string[];
}

export interface PeerSetUp {
  readonly slots: number;
  /** Tokens of each slot. */
  readonly context: number;
  readonly threads: number;
  /** Pilotfish has not seen the model file before. */
  readonly isFirstStart: boolean;
}

interface PeerFiles {
  /** llama.cpp's own. */
  readonly llamaServer: string;
  readonly modelPath: string;
}

/** The libraries that Pilotfish loads come first, so that both compute alike. */
function llamaEnvironment(path: string): Record<string, string> {
  const folders = [findLibrary().folder, dirname(path), process.env['LD_LIBRARY_PATH']];
  return { LD_LIBRARY_PATH: folders.filter(Boolean).join(':') };
}

/** @throws PilotfishError `usage` where it is not there, does not run, or is of another version. */
export function checkLlamaServer(path: string): void {
  const refuse = (why: string): PilotfishError =>
    new PilotfishError('usage', `--llama-server ${path} ${why}`);
  const file = statSync(path, { throwIfNoEntry: false });
  if (file === undefined) throw refuse('is not there');
  if (!file.isFile() || (file.mode & 0o111) === 0) throw refuse('is not executable');
  const env = { ...plainEnvironment(), ...llamaEnvironment(path) };
  const options = { env, encoding: 'utf8', timeout: 20_000 } as const;
  const { stdout, stderr, status, error } = spawnSync(path, ['--version'], options);
  const said = `${stdout ?? ''}${stderr ?? ''}`.trim();
  if (status !== 0) throw refuse(`does not run (${status ?? error?.message}): ${said}`);
  const [, version] = /^version: (\d+\.\d+\.\d+)/m.exec(said) ?? [];
  if (version === undefined)
    throw refuse(`tells no version of the form x.y.z: ${said.slice(0, 80)}`);
  if (version !== llamaVersion)
    throw refuse(`is of llama.cpp ${version}, and Pilotfish loads ${llamaVersion}`);
}

class PeerProcess extends CliProcess {
  /** The end of what it wrote to stderr. */
  said = '';

  start(): void {
    const { stdout, stderr } = this.spawn();
    stdout.resume();
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.said = `${this.said}${text}`.slice(-2000);
    });
  }
}

const readyMsMax = 120_000;
const lookMs = 5;
const failed = (why: string): PilotfishError => new PilotfishError('engine-failed', why);

/** Answers requests, and is to be stopped. */
export class PeerServer {
  readonly kind: PeerWay['kind'];
  readonly agent: Agent;
  port = 0;
  /** Its name in requests. */
  model = '';
  /** From its start to its first answer that it is ready. */
  readyMs = 0;
  readonly #processes: PeerProcess[] = [];
  /** Of Pilotfish, where it is a first start. */
  readonly #cache: string | null;

  private constructor({ kind }: PeerWay, { isFirstStart }: PeerSetUp) {
    this.kind = kind;
    // llama-server ends the connection behind a streamed answer.
    this.agent = new Agent({ keepAlive: kind !== 'llama' });
    this.#cache = isFirstStart ? mkdtempSync(join(tmpdir(), 'pilotfish-peer-')) : null;
  }

  /** @throws PilotfishError `engine-failed` where it ends, or is not ready in time. */
  static async start(way: PeerWay, setUp: PeerSetUp & PeerFiles): Promise<PeerServer> {
    const startedMs = performance.now();
    const server = new PeerServer(way, setUp);
    try {
      await server.#serve(way, setUp);
      server.readyMs = performance.now() - startedMs;
      const models = await (await fetch(`http://127.0.0.1:${server.port}/v1/models`)).json();
      server.model = (models as { data: readonly { id: string }[] }).data[0]!.id;
      return server;
    } catch (reason) {
      await server.stop();
      throw reason;
    }
  }

  async #serve({ kind, flags }: PeerWay, setUp: PeerSetUp & PeerFiles): Promise<void> {
    const { llamaServer, modelPath, slots, context, threads } = setUp;
    const port = await freePort();
    const shared = ['-m', modelPath, '-np', `${slots}`, '-t', `${threads}`, '--port', `${port}`];
    if (kind === 'llama') {
      // One cache for all slots, as in Pilotfish; its context is that of all of them.
      const ofAll = ['-c', `${slots * context}`, '--kv-unified'];
      const options = { program: [llamaServer], env: llamaEnvironment(llamaServer) };
      return this.#run(port, [...shared, ...ofAll, ...flags], options);
    }
    const own = kind === 'serve' ? flags : [];
    await this.#run(port, ['serve', ...shared, '-c', `${context}`, ...own]);
    if (kind === 'serve') return;
    // A device looks for its server at once.
    const devicePort = await freePort();
    const link = ['--server', `127.0.0.1:${port}`, '--http', `${devicePort}`];
    await this.#run(devicePort, ['device', ...link, ...flags]);
  }

  /** Returns when the port answers, which is the one to be asked. */
  async #run(port: number, args: readonly string[], options: CliProcessOptions = {}) {
    const env = { ...options.env, ...(this.#cache !== null && { XDG_CACHE_HOME: this.#cache }) };
    const started = new PeerProcess(args, { ...options, env });
    this.#processes.push(started);
    started.start();
    this.port = port;
    const untilMs = performance.now() + readyMsMax;
    for (let isReady = false; !isReady; ) {
      await sleep(lookMs);
      const answer = await fetch(`http://127.0.0.1:${this.port}/health`).catch(() => null);
      await answer?.arrayBuffer();
      isReady = answer?.ok === true;
      if (performance.now() > untilMs) throw failed('a server does not get ready');
      // Even behind an answer: another program may have had the port first.
      this.check();
    }
  }

  /** @throws PilotfishError `engine-failed` where one of its processes has ended by itself. */
  check(): void {
    const one = this.#processes.find(({ ending }) => ending !== null);
    if (one !== undefined) throw failed(`a server ended with ${one.ending}: ${one.said.trim()}`);
  }

  /** Processor time so far. */
  cpuSeconds(): number {
    return cpuSecondsOf(this.#processes.map(({ pid }) => pid));
  }

  /** Of all its processes; memory in KiB. @param name in /proc/pid/status. */
  holding(name: 'VmRSS' | 'VmHWM' | 'Threads'): number {
    const line = new RegExp(`^${name}:\\s+(\\d+)`, 'm');
    const texts = this.#processes.map(({ pid }) => readProc(`${pid}/status`));
    return sum(texts.map((text) => Number(line.exec(text)![1])));
  }

  async stop(): Promise<void> {
    this.agent.destroy();
    // A device before its server.
    for (const one of this.#processes.toReversed())
      await one.end('SIGTERM').catch(() => one.kill());
    if (this.#cache !== null) rmSync(this.#cache, { recursive: true, force: true });
  }
}

/** USER_HZ, the same on every Linux that Node runs on. */
const ticksPerSecond = 100;
const readProc = (path: string): string => readFileSync(`/proc/${path}`, 'utf8');
const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);

/** Processor time of processes and of their children that have ended. */
const cpuSecondsOf = (pids: readonly number[]): number =>
  sum(pids.map((pid) => cpuTicks(readProc(`${pid}/stat`)))) / ticksPerSecond;

/** Fields 14 to 17 of proc(5): utime, stime, cutime, cstime. The name may hold blanks. */
function cpuTicks(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return sum(fields.slice(11, 15).map(Number));
}

/** Begins to read the load of all other processes. @returns what tells it: mean cores since. */
export function foreignLoad(): () => number {
  const [foreign, sinceMs] = [foreignSeconds(), performance.now()];
  return () => Math.max(0, (1000 * (foreignSeconds() - foreign)) / (performance.now() - sinceMs));
}

function foreignSeconds(): number {
  // user nice system idle iowait irq softirq steal
  const [user, nice, system, , , ...rest] = readProc('stat').split('\n')[0]!.split(/\s+/).slice(1);
  const busy = sum([user, nice, system, ...rest.slice(0, 3)].map(Number)) / ticksPerSecond;
  return busy - cpuSecondsOf([process.pid, ...runningProcesses()]);
}
