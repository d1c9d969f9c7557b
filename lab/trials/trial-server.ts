// Starts the server of a trial as a process: the shipped server with HTTP API, keys and TLS around
// the scripted engine. Tells what its process holds.

import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { assert } from '../../src/base/assert.js';
import { startChild } from '../../src/cli/demo/child.js';
import type { ServerStats } from '../../src/server/index.js';

export interface TrialSpec {
  readonly slotCount: number;
  readonly contextLength: number;
  /** Least time of a pass, so that answers take long enough to be disturbed. */
  readonly passMs: number;
  /** How long sessions outlive their connections. */
  readonly resumeMs: number;
  /** How long a connection may say nothing. */
  readonly silenceMs: number;
  /** Null: no key is asked for. */
  readonly keysPath: string | null;
  /** Null: in clear. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
  /** Most MiB of its heap. Default: Node's. */
  readonly heapMiB?: number;
  /** A bundled model in place of the scripted engine. */
  readonly model?: string;
}

export const MiB = 2 ** 20;

/** What its process holds. */
export interface Holding {
  readonly residentBytes: number;
  /** Live objects: what is left behind two garbage collections. Null: none was asked for. */
  readonly heapBytes: number | null;
  /** Buffers outside the heap, and what else native code counts. */
  readonly externalBytes: number;
  /** Open files and sockets of the process; null where the system does not tell. */
  readonly handleCount: number | null;
  /** HTTP requests that are being answered. */
  readonly requestCount: number;
  /** Of pictures that arrive. */
  readonly pictureBytes: number;
  /** Time of processors since it began. */
  readonly processorMs: number;
  /** By how much its event loop was late since the last question, at the 99.9th percentile. */
  readonly stallMs: number;
  readonly core: ServerStats['core'];
  /** By how much its event loop was late since the last question, as the server measures it. */
  readonly loopDelayMs: ServerStats['process']['loopDelayMs'];
}

/** Live objects, and the buffers that they hold; null without a garbage collection first. */
export const liveBytes = ({
  heapBytes,
  externalBytes,
}: Pick<Holding, 'heapBytes' | 'externalBytes'>): number | null =>
  heapBytes === null ? null : heapBytes + externalBytes;

/** What the process answers; the parent counts its handles. */
export type HoldingAnswer = Omit<Holding, 'handleCount'>;
/** Whether it collects garbage before it looks. */
export type HoldingQuestion = { readonly collects: boolean };

export interface TrialServer {
  readonly port: number;
  /** @param collects has it collect its garbage first. */
  holding(collects: boolean): Promise<Holding>;
  stop(): Promise<void>;
}

/** @throws PilotfishError `engine-failed` where the process ends before it listens. */
export async function startTrialServer(spec: TrialSpec): Promise<TrialServer> {
  const script = new URL('./trial-process.js', import.meta.url);
  // The keyboard's Ctrl-C is for the trial, which ends its server in good order.
  const heap = spec.heapMiB === undefined ? [] : [`--max-old-space-size=${spec.heapMiB}`];
  const how = { nodeFlags: ['--expose-gc', ...heap], isDetached: true };
  type Ready = { readonly port: number };
  const child = await startChild<Ready, HoldingQuestion, HoldingAnswer>(script, spec, how);
  const { pid, ready, ask, stop } = child;
  return {
    port: ready.port,
    holding: async (collects) => ({ ...(await ask({ collects })), handleCount: handlesOf(pid) }),
    stop,
  };
}

function handlesOf(pid: number): number | null {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return null;
  }
}

type Counts<Name extends string> = Readonly<Record<Name, number>>;

/**
 * Waits until every count is at most `most`, at most `msMax`.
 *
 * @returns what was read then. @throws InvariantError with `name` and the counts left.
 */
export async function untilRestored<Read, Name extends string>(
  name: string,
  read: () => Promise<Read>,
  countsOf: (read: Read) => Counts<NoInfer<Name>>,
  most: Counts<Name>,
  msMax: number,
): Promise<Read> {
  const untilMs = performance.now() + msMax;
  for (;;) {
    const now = await read();
    const counts = countsOf(now);
    if ((Object.keys(most) as Name[]).every((one) => counts[one] <= most[one])) return now;
    const [left, bound] = [counts, most].map((one) => JSON.stringify(one));
    assert(performance.now() < untilMs, `${name} left something behind: ${left}, at most ${bound}`);
    await sleep(200);
  }
}

/** Signed by itself for a day; null where openssl is not installed. */
export function trialCertificate(folder: string): { cert: string; key: string } | null {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const subject = ['-subj', '/CN=trial', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '1'];
  try {
    const args = ['req', '-x509', ...curve, ...subject, '-keyout', key, '-out', cert];
    execFileSync('openssl', args, { stdio: 'ignore' });
    return { cert, key };
  } catch {
    return null;
  }
}
