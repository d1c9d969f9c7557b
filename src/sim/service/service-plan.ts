// Plans the scenario of a service and the requests of its devices: a fleet without faults that
// begins nearly at once, and optionally one device more that takes all it can get.

import { aheadDefaults } from '../../device/core/drafting/ahead/ahead-budget.js';
import { bannedEnd } from '../../engine/scripted-vocabulary.js';
import { noShaping, type TrafficShaping } from '../../protocol/frame.js';
import { Random } from '../random.js';
import type {
  DeviceKind,
  Scenario,
  ServerDraftModel,
  ServerModel,
  ShapingModel,
} from '../scenario.js';
import { swarm } from '../scenarios.js';
import type { Ask } from '../sim-answer.js';
import { toyLetters } from '../toy.js';
import type { RunPlan } from '../world.js';
import type { Abuser, CoDrafter, Service, ServiceDevice } from './service.js';

/** Devices begin within this time of each other. */
const spreadMs = 500;
/** Longer than any run: no time-out may fire. */
const foreverMs = 1e7;
const contextMargin = 128;
/** Longer than the others need: an abuser never stops asking. */
const abuseMs = 12_000;
const abuserAheadMs = 2_000;
/** No draft predicts this text better than chance. */
const worstDivergence = 1;
const windowMax = 64;
/** Sessions of an abuser that a server takes beside those of the others. */
const sessionsOfAbuserMax = 64;
/** Most tokens and rows of a pass for each session in it. */
const rowsOfSession = 17;
const prefillMin = 512;

/** @param seed of prompts and text. */
export function servicePlan(service: Service, seed: number): RunPlan {
  const { abuser, deviceCount, real } = service;
  return {
    scenario: scenarioOf(service),
    seed,
    deviceCount: deviceCount + (abuser ? 1 : 0),
    asks: [...(abuser ? abuserAsks(service, abuser, seed) : []), ...asksOf(service, seed)],
    faults: [],
    ...(real && { models: real.models }),
  };
}

function asksOf(service: Service, seed: number): Ask[] {
  const { deviceCount, scheme, mode, stopRule, answerTokens, promptTokens, real } = service;
  const random = new Random(seed, 'service');
  // An abuser starts before the others, so the server has learnt the cost of passes.
  const warmMs = service.abuser ? abuserAheadMs : 0;
  const asks = Array.from({ length: deviceCount }, (_, device): Ask => {
    const prompts = real?.prompts ?? [Int32Array.from(toyLetters(random, promptTokens))];
    const ids = prompts[(seed + device) % prompts.length]!;
    const request = {
      prompt: { kind: 'ids', ids } as const,
      sampling: real?.sampling ?? bannedEnd,
      seed: (BigInt(seed) << 32n) + BigInt(device),
      scheme,
      mode,
      tokensMax: answerTokens,
      windowMax,
      cut: null,
      stopRule,
      fallback: 'wait' as const,
    };
    return { id: device, device, atMs: warmMs + random.next() * spreadMs, request };
  });
  return asks.sort((a, b) => a.atMs - b.atMs);
}

function scenarioOf(service: Service): Scenario {
  const { mode, promptTokens, answerTokens, abuser, contextTokens = 0 } = service;
  const deviceCount = service.deviceCount + (abuser ? 1 : 0);
  const contextLength = promptTokens + answerTokens + contextMargin + contextTokens;
  const shaping = shapingOf(service.shaping);
  const devices = service.devices.map((device) => ({
    ...kindOf(device, contextLength),
    cover: shaping,
  }));
  return {
    ...swarm,
    name: `service, ${mode}`,
    durationMs: abuser ? abuseMs : foreverMs,
    graceMs: abuser ? 0 : foreverMs,
    serverCount: 1,
    server: serverOf(service, contextLength),
    deviceCount,
    devices: abuser ? [...devices, abuserKind(service, contextLength)] : devices,
    faults: {},
    offShare: 0,
  };
}

/** Of every device. */
function shapingOf({ padBytes, aggregateMs }: TrafficShaping = noShaping): ShapingModel {
  const shares = { padShare: padBytes > 0 ? 1 : 0, aggregateShare: aggregateMs > 0 ? 1 : 0 };
  return { ...shares, padBytes, aggregateMs };
}

function serverOf(service: Service, contextLength: number): ServerModel {
  const { deviceCount, slotCount, pass, passNoise, staticBatch } = service;
  const passRowsMax = rowsOfSession * Math.min(slotCount, deviceCount);
  return {
    slotCount,
    contextLength,
    exit: { share: service.exit ? 1 : 0, place: 0, agreement: 0, ...service.exit },
    passRowsMax,
    passTokensMax: Math.max(prefillMin, passRowsMax),
    connectionsMax: deviceCount + 1,
    sessionsMax: deviceCount + sessionsOfAbuserMax,
    hasKeys: service.hasKeys ?? false,
    swapBytesMax: 2 ** 30,
    slotQuantumTokens: 32,
    resumeMs: foreverMs,
    silenceMs: foreverMs,
    retryAfterMs: 1_000,
    draftTokensMax: 16,
    windowTokensMax: windowMax,
    static: staticBatch
      ? { share: 1, ...staticBatch }
      : { share: 0, count: deviceCount, waitMs: 0 },
    pass,
    passNoise,
    swapTokenMs: 0.01,
    ...(service.coDrafter && { drafting: draftingOf(service.coDrafter) }),
  };
}

function draftingOf({ stepMs, rowMs, divergence, fixedLength }: CoDrafter): ServerDraftModel {
  return {
    ...{ share: 1, divergence, fixedLength },
    pass: { fixedMs: stepMs - rowMs, tokenMs: 0, rowMs, tokenContextMs: 0 },
    ...{ suffixShare: 0, suffixBytesMax: 0 },
  };
}

function kindOf(device: ServiceDevice, contextLength: number): DeviceKind {
  const { name, share, draftMs, rowShare = 1, divergence, link } = device;
  return {
    name,
    weight: share,
    drafter: draftMs === null ? 'none' : 'engine',
    divergence,
    draftContext: contextLength,
    draft: { startMs: 0, tokenMs: draftMs ?? 0, rowShare, contextMs: 0, feedMs: 0 },
    link,
    clockRate: 1,
    patienceMs: foreverMs,
    awayMaxMs: foreverMs,
    verdictTimeoutMs: foreverMs,
    linkTimeoutMs: foreverMs,
    pingMs: 5_000,
    backoffMinMs: 100,
    backoffMaxMs: 1_000,
    ahead: device.ahead ?? aheadDefaults,
    ignoresAdvice: device.ignoresAdvice ?? false,
  };
}

/** An abuser drafts as long as it may, unrelated text, at once, and over the best link. */
function abuserKind({ devices, deviceCount }: Service, contextLength: number): DeviceKind {
  const { link } = devices[0]!;
  const timings = { draftMs: 0.01, divergence: worstDivergence, ignoresAdvice: true };
  const device = { name: 'abuser', share: 0, link, ...timings };
  return { ...kindOf(device, contextLength), index: deviceCount };
}

/** Requests that an abuser keeps open, and one more at intervals, refused or not. */
function abuserAsks(service: Service, abuser: Abuser, seed: number): Ask[] {
  const { deviceCount: device, scheme, contextTokens = 0 } = service;
  const random = new Random(seed, 'abuser');
  const more = Math.floor(abuseMs / abuser.openEveryMs);
  return Array.from({ length: abuser.sessions + more }, (_, index): Ask => {
    const ids = Int32Array.from(toyLetters(random, abuser.promptTokens));
    const mode = abuser.modes[index % abuser.modes.length]!;
    const request = {
      prompt: { kind: 'ids', ids } as const,
      sampling: bannedEnd,
      seed: BigInt(index),
      ...{ scheme, mode, windowMax },
      tokensMax: index < abuser.sessions ? contextTokens : 1,
      cut: null,
      stopRule: { kind: 'fixed', draftLengthMax: abuser.draftTokens } as const,
      fallback: 'wait' as const,
    };
    const atMs = Math.max(0, index - abuser.sessions) * abuser.openEveryMs;
    return { id: abuserAnswer(index), device, atMs, request };
  });
}

/** Answers of an abuser are numbered behind those of any fleet. */
const abuserAnswer = (index: number): number => 1_000_000 + index;
