// Measures what holding drafts back costs and saves in race: messages and time per token, by the
// time of sending and the round trip. One device and one server in virtual time, no faults; exact
// for a seed, on any machine.

import { sendings } from '../../src/device/core/coalesce.js';
import { aheadOff } from '../../src/device/core/drafting/ahead/ahead-budget.js';
import { mean } from '../../src/math/statistics.js';
import type { DeviceKind, Scenario } from '../../src/sim/scenario.js';
import { delayLink, swarm } from '../../src/sim/scenarios.js';
import { simulate } from '../../src/sim/simulate.js';

const draftMs = 8;
const passMs = 30;
const divergence = 0.15;
const answerTokens = 200;

/** What the margin is for; noise: the most by which a pass takes longer, as a share. */
const strayings = [
  { jitterMs: 0, passNoise: 0 },
  { jitterMs: 4, passNoise: 0.1 },
];
const grid = strayings.flatMap((straying) =>
  [5, 20, 50, 100].flatMap((roundTripMs) =>
    sendings.map((sending) => ({ straying, roundTripMs, sending })),
  ),
);
type Cell = (typeof grid)[number];

/** @param seedCount runs of a cell, each of a few answers. @param onRow told each row. */
export function compareSendings(
  seedCount: number,
  onRow: (row: ReturnType<typeof play>) => void = () => undefined,
) {
  return grid.map((cell) => {
    const row = play(cell, seedCount);
    onRow(row);
    return row;
  });
}

function play(cell: Cell, seedCount: number) {
  const { straying, ...place } = cell;
  const scenario = scenarioOf(cell);
  const reports = Array.from({ length: seedCount }, (_, seed) =>
    simulate(scenario, seed + 1, { checks: [] }),
  );
  const sum = (of: (counts: (typeof reports)[number]['counts']) => number): number =>
    reports.reduce((total, { counts }) => total + of(counts), 0);
  const tokens = sum(({ tokenCount }) => tokenCount);
  return {
    ...{ ...straying, ...place },
    /** From one token of an answer to the next. */
    tokenMs: mean(reports.flatMap(({ tokenMs }) => tokenMs)),
    /** All of the connection, pings included, for each token committed. */
    upMessages: sum(({ upMessageCount }) => upMessageCount) / tokens,
    upBytes: sum(({ upBytes }) => upBytes) / tokens,
    passes: sum(({ passCount }) => passCount) / tokens,
    acceptanceRate:
      sum(({ acceptedCount }) => acceptedCount) / sum(({ testedCount }) => testedCount),
  };
}

function scenarioOf({ roundTripMs, straying, sending }: Cell): Scenario {
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
