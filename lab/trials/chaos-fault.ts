// Who is struck in a chaos run and how, and what comes of it.

import type { Mode, Scheme } from '../../src/protocol/frame.js';

/** From when a victim is back until the answer goes on: a device's start with its model, and its longest wait to dial. */
export const recoveryMsMax = 30_000;

/** Whom, and how: the processes by signals, the link by a reset. */
export const chaosFaults = [
  ...(['server', 'device', 'gateway'] as const).flatMap((process) =>
    (['SIGKILL', 'SIGTERM', 'SIGSTOP'] as const).map((variant) => ({
      victim: process,
      way: variant,
    })),
  ),
  { victim: 'connections', way: 'reset' },
] as const;
export type ChaosFault = (typeof chaosFaults)[number];

/** What came of one. */
export interface FaultResult {
  readonly strike: ChaosFault;
  readonly scheme: Scheme;
  readonly mode: Mode;
  /** Answers that were being written, and that it concerned. */
  readonly openCount: number;
  /** From when the victim was back until each of them went on that had not ended until then. */
  readonly recoveryMs: readonly number[];
}

export interface ChaosResult {
  readonly struck: readonly FaultResult[];
  readonly tokenCount: number;
  /** What was left, by name: zeros, or null where the system does not tell. */
  readonly left: Readonly<Record<string, number | null>>;
}
