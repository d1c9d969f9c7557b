// A server process that a trial does its worst to: the shipped server with its HTTP door, keys and TLS around the scripted
// engine, and what its process holds. The parent's side of trial-process.ts.

import { readdirSync } from 'node:fs';
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
  /** Null: whoever reaches it may use it. */
  readonly keysPath: string | null;
  /** Null: in clear. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
}

/** What its process holds. */
export interface Holding {
  readonly residentBytes: number;
  /** Live objects: what is left behind two garbage collections. Null: none was asked for. */
  readonly heapBytes: number | null;
  /** Buffers outside the heap, and what else native code counts. */
  readonly externalBytes: number;
  /** Sockets, timers and pipes of the event loop. */
  readonly resourceCount: number;
  /** Open files and sockets of the process; null where the system does not tell. */
  readonly handleCount: number | null;
  /** HTTP requests that are being answered. */
  readonly requestCount: number;
  readonly core: ServerStats['core'];
}

/** What the process answers; the parent counts its handles. */
export type HoldingAnswer = Omit<Holding, 'handleCount'>;
export interface HoldingQuestion {
  /** Collects garbage before it looks. */
  readonly collects: boolean;
}

export interface TrialServer {
  readonly pid: number;
  readonly port: number;
  /** @param collects has it collect its garbage first. */
  holding(collects: boolean): Promise<Holding>;
  stop(): Promise<void>;
}

/** @throws PilotfishError `engine-failed` where the process ends before it listens. */
export async function startTrialServer(spec: TrialSpec): Promise<TrialServer> {
  const script = new URL('./trial-process.js', import.meta.url);
  // The keyboard's Ctrl-C is for the trial, which ends its server in good order.
  const how = { nodeFlags: ['--expose-gc'], isDetached: true };
  type Ready = { readonly port: number };
  const child = await startChild<Ready, HoldingQuestion, HoldingAnswer>(script, spec, how);
  const { pid, ready, ask, stop } = child;
  return {
    pid,
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
