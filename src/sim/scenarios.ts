// Provides the scenarios that ship: a swarm of small, dense, hostile runs for the properties, and a
// mixed fleet for scale. The fleet's numbers are round figures of the kind that papers report, not
// measurements of ours.

import { modes, schemes } from '../protocol/frame.js';
import type { DeviceKind, LinkModel, Scenario } from './scenario.js';

/** A link of so many milliseconds each way that carries anything. */
export const delayLink = (latencyMs: number, overheadBytes = 0): LinkModel => ({
  latencyMs,
  jitterMs: 0,
  upBytesPerMs: 1e6,
  downBytesPerMs: 1e6,
  overheadBytes,
});

const swarmDevice: DeviceKind = {
  name: 'swarm',
  weight: 3,
  drafter: 'engine',
  divergence: [0, 1],
  draftContext: [60, 256],
  draft: {
    startMs: [0, 5],
    tokenMs: [1, 30],
    rowShare: [0, 1],
    contextMs: [0, 0.05],
    feedMs: [0, 0.5],
  },
  link: {
    latencyMs: [0.5, 80],
    jitterMs: [0, 40],
    upBytesPerMs: [2, 2_000],
    downBytesPerMs: [2, 2_000],
    overheadBytes: 70,
  },
  clockRate: [0.9, 1.1],
  patienceMs: [50, 1_000],
  awayMaxMs: [4_000, 60_000],
  verdictTimeoutMs: [200, 1_000],
  linkTimeoutMs: [800, 2_500],
  pingMs: [200, 600],
  backoffMinMs: [10, 100],
  backoffMaxMs: [200, 800],
  cover: { padShare: 0.25, padBytes: 64, aggregateShare: 0.25, aggregateMs: [10, 120] },
};

/** Few devices, few slots, short answers, and something going wrong all the time. */
export const swarm: Scenario = {
  name: 'swarm',
  durationMs: 12_000,
  graceMs: 90_000,
  serverCount: [1, 2],
  server: {
    cover: { padShare: 0.1, padBytes: 128, aggregateShare: 0.1, aggregateMs: [10, 60] },
    slotCount: [1, 6],
    contextLength: [96, 256],
    passTokensMax: [24, 96],
    passRowsMax: [8, 48],
    connectionsMax: [8, 32],
    sessionsMax: [8, 64],
    swapBytesMax: [0, 6_000],
    slotQuantumTokens: [1, 16],
    resumeMs: [500, 8_000],
    silenceMs: [1_500, 5_000],
    retryAfterMs: [50, 500],
    draftTokensMax: [4, 32],
    windowTokensMax: [8, 256],
    static: { share: 0.15, count: [2, 4], waitMs: [5, 40] },
    pass: { fixedMs: 12, tokenMs: 0.3, rowMs: 0.1, tokenContextMs: 0.0005 },
    passNoise: [0, 0.5],
    swapTokenMs: 0.01,
    exit: { share: 0.5, place: [0, 1], agreement: [0, 1] },
    drafting: {
      share: 0.8,
      divergence: [0, 0.6],
      pass: { fixedMs: 2, tokenMs: 0.1, rowMs: 0.05, tokenContextMs: 0 },
      suffixShare: 0.5,
      suffixBytesMax: [0, 20_000],
      fixedLength: [0, 6],
    },
  },
  deviceCount: [2, 5],
  devices: [
    swarmDevice,
    { ...swarmDevice, name: 'look-up', weight: 1, drafter: 'suffix' },
    { ...swarmDevice, name: 'plain', weight: 0.5, drafter: 'none' },
  ],
  work: {
    everyMs: [1_200, 3_000],
    countMax: [3, 7],
    promptTokens: [1, 60],
    sharedPromptShare: 0.4,
    answerTokens: [1, 40],
    longShare: 0.04,
    longTokens: [80, 200],
    schemes,
    modes,
    fallbacks: ['wait', 'wait', 'provisional', 'draft-only', 'fail'],
    temperature: [0, 1.5],
    windowMax: [1, 256],
    draftLengthMax: [1, 12],
    penaltyShare: 0.25,
    endShare: 0.3,
    filterShare: 0.3,
    cutShare: 0.5,
  },
  faults: {
    cut: 30,
    'half-open': 6,
    stall: 44,
    'slow-link': 22,
    outage: 7,
    storm: 4,
    repeat: 110,
    'false-hint': 60,
    'device-crash': 4,
    'slow-device': 18,
    'clock-skew': 24,
    'drafter-failure': 6,
    cancel: 4,
    'server-crash': 5,
    drain: 2.5,
    'engine-error': 40,
    'slow-pass': 20,
    'server-drafter-failure': 10,
    'server-drafter-slow': 10,
    'server-drafter-wrong': 10,
    crowd: 2,
    'spoilt-image': 20,
    'lost-slot': 12,
  },
  offShare: 0.3,
};

/**
 * The swarm, but every server drafts with a model and a look-up, and its draft model fails, is late
 * or writes nonsense all the time.
 */
export const drafts: Scenario = {
  ...swarm,
  name: 'drafts',
  serverCount: 1,
  server: {
    ...swarm.server,
    static: { ...swarm.server.static, share: 0.05 },
    drafting: {
      ...swarm.server.drafting!,
      share: 1,
      contextShare: [0.2, 1],
      suffixShare: 1,
      fixedLength: [1, 8],
    },
  },
  work: {
    ...swarm.work,
    schemes: ['greedy', 'coupled'],
    modes: ['auto', 'co-located'],
    answerTokens: [1, 60],
  },
  faults: {
    ...swarm.faults,
    // Servers that are up draft more.
    'server-crash': 2,
    drain: 1,
    outage: 3,
    storm: 1,
    // Three failures in a row switch the model off.
    'server-drafter-failure': 40,
    'server-drafter-slow': 200,
    'server-drafter-wrong': 200,
  },
  offShare: 0.1,
};

const phone: DeviceKind = {
  ...swarmDevice,
  name: 'phone',
  weight: 5,
  divergence: [0.2, 0.5],
  draftContext: 256,
  draft: { startMs: 2, tokenMs: [10, 25], contextMs: 0, feedMs: 0.5 },
  link: {
    latencyMs: [15, 40],
    jitterMs: [5, 30],
    upBytesPerMs: [100, 1_000],
    downBytesPerMs: [500, 5_000],
    overheadBytes: 70,
  },
  clockRate: [0.9999, 1.0001],
  patienceMs: 2_000,
  awayMaxMs: 240_000,
  verdictTimeoutMs: 2_000,
  linkTimeoutMs: 10_000,
  pingMs: 5_000,
  backoffMinMs: 200,
  backoffMaxMs: 10_000,
};

const board: DeviceKind = {
  ...phone,
  name: 'board',
  weight: 3,
  divergence: [0.4, 0.9],
  draft: { startMs: 5, tokenMs: [40, 90], contextMs: 0, feedMs: 3 },
  link: { ...phone.link, latencyMs: [3, 15], jitterMs: [1, 10] },
};

/**
 * Phones, small boards, look-up and plain clients, each asking now and then; a few faults among
 * many devices.
 */
export function fleet(deviceCount: number): Scenario {
  return {
    ...swarm,
    name: `fleet-${deviceCount}`,
    durationMs: 30_000,
    graceMs: 300_000,
    serverCount: 1,
    server: {
      ...swarm.server,
      slotCount: 256,
      contextLength: 256,
      passTokensMax: 2_048,
      passRowsMax: 1_024,
      connectionsMax: 65_536,
      sessionsMax: 65_536,
      swapBytesMax: 2 ** 28,
      slotQuantumTokens: 32,
      resumeMs: 30_000,
      silenceMs: 60_000,
      retryAfterMs: 1_000,
      draftTokensMax: 32,
      windowTokensMax: 64,
      static: { share: 0, count: 8, waitMs: 20 },
      exit: { ...swarm.server.exit, share: 0 },
      pass: { fixedMs: 8, tokenMs: 0.01, rowMs: 0.005, tokenContextMs: 0 },
      passNoise: 0.1,
    },
    deviceCount,
    devices: [
      phone,
      board,
      { ...phone, name: 'look-up', weight: 1, drafter: 'suffix' },
      { ...phone, name: 'plain', weight: 1, drafter: 'none' },
    ],
    work: {
      ...swarm.work,
      everyMs: 30_000,
      countMax: 1,
      promptTokens: [8, 60],
      answerTokens: [16, 40],
      longShare: 0,
      fallbacks: ['wait'],
      temperature: [0, 1],
      windowMax: 32,
      draftLengthMax: 8,
      penaltyShare: 0.05,
    },
    faults: {
      cut: deviceCount / 50,
      'half-open': deviceCount / 500,
      stall: deviceCount / 50,
      'device-crash': deviceCount / 500,
      'clock-skew': deviceCount / 500,
    },
    offShare: 0,
  };
}
