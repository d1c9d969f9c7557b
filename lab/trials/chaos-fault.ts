// Lists what is struck in a chaos run and how, and what comes of it.

import type { Mode, Scheme } from '../../src/protocol/frame.js';

/**
 * From when a process is back until the answer goes on: a device's start with its model, and its
 * longest wait to dial.
 */
export const recoveryMsMax = 30_000;

/** What is struck, and how: the processes by signals, the link by a reset. */
export const chaosFaults = [
  ...(['server', 'device', 'gateway'] as const).flatMap((target) =>
    (['SIGKILL', 'SIGTERM', 'SIGSTOP'] as const).map((by) => ({ target, by })),
  ),
  { target: 'connections', by: 'reset' },
] as const;
export type ChaosFault = (typeof chaosFaults)[number];

export interface StrikeRun {
  readonly strike: ChaosFault;
  readonly scheme: Scheme;
  readonly mode: Mode;
  /** Answers that were being written, and that it concerned. */
  readonly openCount: number;
  /** From when all was back until each of them went on that had not ended until then. */
  readonly recoveryMs: readonly number[];
}
