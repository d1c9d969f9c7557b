// Starts the echo server's process and asks it for its processor time.

import { type Child, startChild } from '../../src/cli/demo/child.js';

export interface EchoSpec {
  /** Size of every reply, in bytes. */
  readonly replyBytes: number;
}

export interface EchoReport {
  /** Processor time of the process since it began, all threads. */
  readonly cpuMs: number;
}

/** @returns the process; `ready.port` is where it listens. */
export const startEchoProcess = (
  replyBytes: number,
): Promise<Child<{ readonly port: number }, 'report', EchoReport>> =>
  startChild(new URL('./echo-process.js', import.meta.url), { replyBytes } satisfies EchoSpec);
