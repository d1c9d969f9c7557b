// Builds frozen views of an answer for planner tests: a planner that writes to one throws.

import type { DraftedToken } from '../../engine/engine.js';
import type { ChainView } from './draft-chain.js';
import { request, settings, welcome } from './link-fixture.suite.js';
import type { SessionView } from './session-view.js';

export const drafted = (position: number, token = 2, confidence: number | null = null) =>
  ({ position, token, confidence, law: null, prob: null }) satisfies DraftedToken;

/** A chain of `length` tokens after a prompt of three, none of them sent. */
export function chainOf(length: number, changes: Partial<ChainView> = {}): ChainView {
  const tokens = Array.from({ length }, (_, index) => drafted(3 + index));
  return {
    base: 3,
    end: 3 + length,
    length,
    sentTo: 3,
    aheadCount: 0,
    epoch: 0,
    nextEpoch: 0,
    beginsEpoch: true,
    tokens: (from, to) => tokens.slice(from - 3, to - 3),
    at: (position) => tokens[position - 3] ?? null,
    ...changes,
  };
}

export const meanOf = (value: number | null) => ({ count: 1, mean: value, deviation: 0 });

export function viewOf(changes: Partial<SessionView> = {}, chain = chainOf(0)): SessionView {
  const log = { length: 3, at: (position: number) => [0, 3, 5][position]! };
  return deepFrozen({
    request: { ...request, mode: 'pipeline', tokensMax: 100, ...changes.request },
    settings,
    startedMs: 0,
    link: { welcome, downSinceMs: null, awaySinceMs: null, flushMs: null },
    timings: {
      draft: meanOf(null),
      pass: meanOf(null),
      verify: meanOf(null),
      queue: meanOf(null),
      roundTrip: meanOf(null),
      draftPass: { cost: (rowCount: number) => rowCount },
      acceptanceRate: 0.6,
      roundTimes: null,
    },
    wire: { id: 0, state: 'open' },
    text: { promptLength: 3, log, chain },
    drafting: {
      growths: [],
      isRunning: false,
      chainMayGrow: true,
      isBroken: false,
      absentCount: 0,
    },
    residual: null,
    endMax: 103,
    windowMax: 32,
    advisedDraftLength: null,
    lastVerdictMs: null,
    lastSendMs: null,
    timeouts: 0,
    isAwaiting: false,
    isOver: false,
    draftAllowance: Infinity,
    ...changes,
  });
}

/** Plain objects and arrays only: buffers cannot be frozen. */
function deepFrozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  for (const inner of Object.values(value)) deepFrozen(inner);
  return Object.freeze(value);
}
