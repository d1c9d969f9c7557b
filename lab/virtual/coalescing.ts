// Measures what holding drafts back costs and saves in race: messages and time per token, by the
// time of sending and the round trip. One device and one server in virtual time, no faults; exact
// for a seed, on any machine.

import type { Sending } from '../../src/device/core/coalesce.js';
import { sendings } from '../../src/device/core/coalesce.js';
import { aheadOff } from '../../src/device/core/drafting/ahead/ahead-budget.js';
import { mean } from '../../src/math/statistics.js';
import type { DeviceKind, Scenario } from '../../src/sim/scenario.js';
import { delayLink, swarm } from '../../src/sim/scenarios.js';
import { simulate } from '../../src/sim/simulate.js';

/** Irregularity of the world, which the margin is for. */
export interface LinkVariation {
  readonly jitterMs: number;
  /** Most by which a pass takes longer, as a share. */
  readonly passNoise: number;
}

export interface CoalescingRow extends LinkVariation {
  readonly roundTripMs: number;
  readonly sending: Sending;
  /** From one token of an answer to the next. */
  readonly tokenMs: number;
  /** All of the connection, pings included, for each token committed. */
  readonly upMessages: number;
  readonly upBytes: number;
  readonly passes: number;
  readonly acceptanceRate: number;
}

export const coalescingGrid = {
  draftMs: 8,
  passMs: 30,
  divergence: 0.15,
  roundTripsMs: [5, 20, 50, 100],
  straying: [
    { jitterMs: 0, passNoise: 0 },
    { jitterMs: 4, passNoise: 0.1 },
  ],
} as const;

const answerTokens = 200;

/**
 * Plays the grid.
 *
 * @param seedCount runs of a cell, each of a few answers of 200 tokens.
 * @param onRow called with each row as it is done.
 */
export function compareSendings(
  seedCount: number,
  onRow: (row: CoalescingRow) => void = () => undefined,
): CoalescingRow[] {
  const rows: CoalescingRow[] = [];
  for (const straying of coalescingGrid.straying) {
    for (const roundTripMs of coalescingGrid.roundTripsMs) {
      for (const sending of sendings) {
        const row = play(roundTripMs, straying, sending, seedCount);
        rows.push(row);
        onRow(row);
      }
    }
  }
  return rows;
}

function play(
  roundTripMs: number,
  straying: LinkVariation,
  sending: Sending,
  seedCount: number,
): CoalescingRow {
  const scenario = scenarioOf(roundTripMs, straying, sending);
  const reports = Array.from({ length: seedCount }, (_, seed) =>
    simulate(scenario, seed + 1, { checks: [] }),
  );
  const sum = (name: 'tokenCount' | 'upMessageCount' | 'upBytes' | 'passCount'): number =>
    reports.reduce((total, { counts }) => total + counts[name], 0);
  const tested = reports.reduce((total, { counts }) => total + counts.testedCount, 0);
  const accepted = reports.reduce((total, { counts }) => total + counts.acceptedCount, 0);
  const tokens = sum('tokenCount');
  return {
    ...straying,
    roundTripMs,
    sending,
    tokenMs: mean(reports.flatMap(({ tokenMs }) => tokenMs)),
    upMessages: sum('upMessageCount') / tokens,
    upBytes: sum('upBytes') / tokens,
    passes: sum('passCount') / tokens,
    acceptanceRate: accepted / tested,
  };
}

function scenarioOf(roundTripMs: number, straying: LinkVariation, sending: Sending): Scenario {
  const { draftMs, passMs, divergence } = coalescingGrid;
  const { jitterMs, passNoise } = straying;
  const device: DeviceKind = {
    ...swarm.devices[0]!,
    drafter: 'engine',
    divergence,
    draftContext: 512,
    draft: { startMs: 0, tokenMs: draftMs, contextMs: 0, feedMs: 0 },
    link: { ...delayLink(roundTripMs / 2), jitterMs },
    clockRate: 1,
    verdictTimeoutMs: 5_000,
    linkTimeoutMs: 10_000,
    pingMs: 2_000,
    // Branches change how many tokens come at once; this comparison is about the time of sending.
    ahead: aheadOff,
    sending,
  };
  return {
    ...swarm,
    name: `race, ${sending}`,
    durationMs: 30_000,
    serverCount: 1,
    deviceCount: 1,
    devices: [device],
    server: {
      ...swarm.server,
      slotCount: 4,
      contextLength: 512,
      passTokensMax: 128,
      passRowsMax: 64,
      silenceMs: 60_000,
      draftTokensMax: 32,
      windowTokensMax: 64,
      static: { ...swarm.server.static, share: 0 },
      pass: { fixedMs: passMs, tokenMs: 0, rowMs: 0, tokenContextMs: 0 },
      passNoise,
    },
    work: {
      ...swarm.work,
      // Far enough apart that no answer meets the one before it.
      everyMs: 10_000,
      countMax: 3,
      promptTokens: 3,
      answerTokens,
      longShare: 0,
      schemes: ['coupled'],
      modes: ['race'],
      fallbacks: ['wait'],
      temperature: 1,
      windowMax: 64,
      draftLengthMax: 16,
      penaltyShare: 0,
      endShare: 0,
      filterShare: 0,
    },
    faults: {},
  };
}
