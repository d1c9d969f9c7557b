// Who is struck in a chaos run and how, and what comes of it.

import type { Mode, Scheme } from '../../src/protocol/frame.js';

/** From when a victim is back until the answer goes on: a device's start with its model, and its longest wait to dial. */
export const recoveryMsMax = 30_000;

/** Whom, and how: the processes by signals, the link by a reset. */
export const strikes = [
  ...(['server', 'device', 'gateway'] as const).flatMap((victim) =>
    (['SIGKILL', 'SIGTERM', 'SIGSTOP'] as const).map((way) => ({ victim, way })),
  ),
  { victim: 'connections', way: 'reset' },
] as const;
export type Strike = (typeof strikes)[number];

/** What came of one. */
export interface Struck {
  readonly strike: Strike;
  readonly scheme: Scheme;
  readonly mode: Mode;
  /** Answers that were being written, and that it concerned. */
  readonly openCount: number;
  /** From when the victim was back until each of them went on that had not ended until then. */
  readonly recoveryMs: readonly number[];
}

export interface Chaos {
  readonly struck: readonly Struck[];
  readonly tokenCount: number;
  /** What was left, by name: zeros, or null where the system does not tell. */
  readonly left: Readonly<Record<string, number | null>>;
}
