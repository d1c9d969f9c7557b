// Starts llama.cpp's own server, or Pilotfish's with or without a device, as processes; waits until
// they answer, and reads what they use. Leaves none behind, whatever ends this process.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { PilotfishError } from '../../src/base/error.js';
import { freePort, plainEnvironment } from '../../src/cli/processes/cli-process.suite.js';
import { findLibrary, llamaVersion } from '../../src/engine/llama/library.js';

export type PeerWay =
  | { readonly kind: 'llama'; readonly flags: readonly string[] }
  /** Plain streaming. */
  | { readonly kind: 'serve' }
  /** A device on the same machine, asked over its HTTP API. */
  | { readonly kind: 'race'; readonly draft: string };

export interface PeerSetUp {
  readonly modelPath: string;
  readonly slots: number;
  /** Tokens of each slot. */
  readonly context: number;
  readonly threads: number;
  /** Pilotfish has not seen the model file before. */
  readonly isFirstStart: boolean;
}

export interface PeerServer {
  readonly kind: PeerWay['kind'];
  readonly port: number;
  /** Its name in requests. */
  readonly model: string;
  readonly agent: Agent;
  /** From its start to its first answer that it is ready. */
  readonly readyMs: number;
  readonly pids: readonly number[];
  /** A process of its that has ended by itself, as an error; null: all run. */
  failure(): PilotfishError | null;
  stop(): Promise<void>;
}

const pilotfish = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const readyMsMax = 120_000;
const lookMs = 5;

/** The libraries that Pilotfish loads come first, so that both compute alike. */
const llamaEnvironment = (path: string): Record<string, string> => {
  const before = process.env['LD_LIBRARY_PATH'] ?? '';
  const folders = [findLibrary().folder, dirname(path), before];
  return { LD_LIBRARY_PATH: folders.filter((folder) => folder !== '').join(':') };
};

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

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
/** Of processes that have ended. */
let endedCpuSeconds = 0;

/** @param llamaServer path of llama.cpp's server. @throws `engine-failed` where one ends early. */
export async function startPeer(
  llamaServer: string,
  way: PeerWay,
  setUp: PeerSetUp,
): Promise<PeerServer> {
  const startedMs = performance.now();
  const cache = setUp.isFirstStart ? mkdtempSync(join(tmpdir(), 'pilotfish-peer-')) : null;
  const ports = [await freePort(), await freePort()] as const;
  const children: PeerProcess[] = [];
  const agent = new Agent({ keepAlive: way.kind !== 'llama' });
  const stop = async (): Promise<void> => {
    agent.destroy();
    // A device before its server.
    for (const child of children.toReversed()) await endProcess(child);
    if (cache !== null) rmSync(cache, { recursive: true, force: true });
  };
  try {
    // A device looks for its server at once.
    for (const { command, env, port } of commandsOf(llamaServer, way, setUp, ports)) {
      const child = startProcess(command, { ...env, ...(cache && { XDG_CACHE_HOME: cache }) });
      children.push(child);
      await untilReady(port, child);
    }
    const port = ports[children.length - 1]!;
    const readyMs = performance.now() - startedMs;
    const models = await (await fetch(`http://127.0.0.1:${port}/v1/models`)).json();
    const { data } = models as { data: readonly { id: string }[] };
    const pids = children.map(({ pid }) => pid!);
    const failure = () => children.map(failureOf).find((one) => one !== null) ?? null;
    return { kind: way.kind, port, model: data[0]!.id, agent, readyMs, pids, failure, stop };
  } catch (reason) {
    await stop();
    throw reason;
  }
}

function commandsOf(
  llamaServer: string,
  way: PeerWay,
  { modelPath, slots, context, threads }: PeerSetUp,
  [port, devicePort]: readonly [number, number],
) {
  const both = ['-m', modelPath, '-np', `${slots}`, '-t', `${threads}`, '--port', `${port}`];
  if (way.kind === 'llama') {
    // One cache for all slots, as in Pilotfish; its context is that of all of them.
    const own = ['-c', `${slots * context}`, '--kv-unified', ...way.flags];
    const command = [llamaServer, ...both, ...own];
    return [{ command, env: llamaEnvironment(llamaServer), port }];
  }
  const node = [process.execPath, pilotfish];
  const serve = { command: [...node, 'serve', ...both, '-c', `${context}`], env: {}, port };
  if (way.kind === 'serve') return [serve];
  const link = ['--server', `127.0.0.1:${port}`, '--http', `${devicePort}`];
  const draft = ['-md', way.draft, ...(way.draft === 'ngram' ? [] : ['-t', '1'])];
  return [serve, { command: [...node, 'device', ...link, ...draft], env: {}, port: devicePort }];
}

/** Its stderr is kept for the error of a process that ends early. */
interface PeerProcess extends ChildProcess {
  said?: string;
}

function startProcess([file, ...args]: readonly string[], env: Record<string, string>) {
  // In its own process group: the keyboard's Ctrl-C is for its parent.
  const child: PeerProcess = spawn(file!, args, {
    ...{ env: { ...plainEnvironment(), ...env }, detached: true },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    child.said = `${child.said ?? ''}${text}`.slice(-2000);
  });
  return child;
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode !== null || signalCode !== null;

function failureOf(child: PeerProcess): PilotfishError | null {
  const { exitCode, signalCode, said = '' } = child;
  if (!hasEnded(child)) return null;
  const how = `a server ended with ${signalCode ?? exitCode}: ${said.trim()}`;
  return new PilotfishError('engine-failed', how);
}

async function endProcess(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  endedCpuSeconds += cpuSecondsOf([child.pid!]);
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(timer);
}

async function untilReady(port: number, child: PeerProcess): Promise<void> {
  const untilMs = performance.now() + readyMsMax;
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => null);
    await answer?.arrayBuffer();
    if (answer?.ok) return;
    const late = performance.now() > untilMs ? 'a server does not get ready' : null;
    const failure = failureOf(child) ?? (late && new PilotfishError('engine-failed', late));
    if (failure !== null) throw failure;
    await sleep(lookMs);
  }
}

/** USER_HZ, the same on every Linux that Node runs on. */
const ticksPerSecond = 100;
const readProc = (path: string): string => readFileSync(`/proc/${path}`, 'utf8');
const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);

/** Processor time of processes and of their children that have ended. */
export const cpuSecondsOf = (pids: readonly number[]): number =>
  sum(pids.map((pid) => cpuTicks(readProc(`${pid}/stat`)))) / ticksPerSecond;

/** Fields 14 to 17 of proc(5): utime, stime, cutime, cstime. The name may hold blanks. */
function cpuTicks(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return sum(fields.slice(11, 15).map(Number));
}

/** Resident memory, its peak, and threads, of all processes of a server. */
export function holdingOf({ pids }: PeerServer) {
  const texts = pids.map((pid) => readProc(`${pid}/status`));
  const read = (name: string): number =>
    sum(texts.map((text) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)![1])));
  return {
    residentMiB: read('VmRSS') / 1024,
    peakMiB: read('VmHWM') / 1024,
    threads: read('Threads'),
  };
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
  const { user: own, system: ownSystem } = process.cpuUsage();
  const children = cpuSecondsOf(
    [...running].filter((one) => !hasEnded(one)).map(({ pid }) => pid!),
  );
  return busy - (own + ownSystem) / 1e6 - children - endedCpuSeconds;
}
