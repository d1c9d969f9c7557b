// One server and many devices that all write at once, in virtual time and without faults: what users and server see in
// one mode. The shipped cores decide everything; passes, drafts and messages take the times they are said to.

import { type AheadBudget, aheadDefaults } from '../device/core/ahead.js';
import type { TellEffect } from '../device/core/event.js';
import type { Statistics } from '../device/core/statistics.js';
import type { StopRule } from '../device/core/stop-rule.js';
import { type PassCost, passMsOf } from '../math/pass-time.js';
import { plainSampling, type Sampling } from '../math/sampling.js';
import type { Mode, Scheme } from '../protocol/frame.js';
import { shapeOf } from '../server/core/pass-builder.js';
import type { Answer, Ask } from './answer.js';
import type { Models } from './models.js';
import type { Observer } from './observer.js';
import { Random } from './random.js';
import type { DeviceKind, LinkModel, Scenario, ServerModel } from './scenario.js';
import { swarm } from './scenarios.js';
import { type Report, runPlan } from './simulate.js';
import { toyVocabulary } from './toy.js';

export interface ServiceDevice {
  readonly name: string;
  /** Of the fleet, in any unit. */
  readonly share: number;
  /** For a drafted token; null: it has nothing to draft with. */
  readonly draftMs: number | null;
  /** Of its draft from the target, in [0, 1]: `divergenceFor` has it for an acceptance rate. */
  readonly divergence: number;
  readonly link: LinkModel;
  /** Default: as shipped. */
  readonly ahead?: AheadBudget;
}

/** One device more, which takes all that it can get for as long as the others write. */
export interface Abuser {
  /** That it keeps open, each in the next of its modes. */
  readonly sessions: number;
  readonly modes: readonly Mode[];
  /** Of each; it opens another every so often, beyond what it may have open. */
  readonly promptTokens: number;
  readonly openEveryMs: number;
  /** As many as the server takes in a round. */
  readonly draftTokens: number;
}

export interface Service {
  readonly deviceCount: number;
  readonly devices: readonly ServiceDevice[];
  readonly scheme: Scheme;
  readonly mode: Mode;
  readonly stopRule: StopRule;
  readonly pass: PassCost;
  /** A pass takes longer by this share at most. */
  readonly passNoise: number;
  /** Sessions whose caches the target holds at once. */
  readonly slotCount: number;
  /** Drafts of so many sessions are waited for, at most so long; null: continuous batching. */
  readonly staticBatch: { readonly count: number; readonly waitMs: number } | null;
  readonly promptTokens: number;
  /** Of each device's one answer. */
  readonly answerTokens: number;
  /** Of a pass, after which the target's early exit tells hints, and how often it is right; default: it has none. */
  readonly exit?: { readonly place: number; readonly agreement: number };
  /** Behind the others; default: none. */
  readonly abuser?: Abuser;
  /** Whether each device, the abuser too, shows a key of its own; default: none is asked for. */
  readonly hasKeys?: boolean;
  /** Most tokens of a session beyond what the answers need; default: little. */
  readonly contextTokens?: number;
  /** Default: the toys, prompts of letters, their laws as they are. */
  readonly real?: RealService;
}

/** Models that are not toys, what they are asked, and how they sample. */
export interface RealService {
  readonly models: Models;
  /** [n >= 1] ids; devices take them in turns. */
  readonly prompts: readonly Int32Array[];
  readonly sampling: Sampling;
}

/** Of all devices together unless said otherwise; times in milliseconds. */
export interface ServiceFigures {
  /** [answers] from asking to the first token. */
  readonly firstTokenMs: readonly number[];
  /** [answers] from token to token, the mean of each answer. */
  readonly tokenMs: readonly number[];
  readonly tokensPerSecond: number;
  /** Share of the time in which the target computes. */
  readonly busyShare: number;
  /** For each committed token. */
  readonly passes: number;
  readonly rows: number;
  readonly drafted: number;
  readonly upMessages: number;
  readonly downMessages: number;
  readonly upBytes: number;
  readonly downBytes: number;
  /** Of the tested drafts; null where none was tested. */
  readonly acceptedShare: number | null;
  /** Drafts tested for each pass of a session. */
  readonly draftLength: number;
  /** [tokens] from one token of an answer to the next, those of the abuser apart; within a verdict 0. */
  readonly gapMs: readonly number[];
  /** [answers] ids, and what the devices counted, in the order in which they ended. */
  readonly texts: readonly (readonly number[])[];
  readonly statistics: readonly Statistics[];
}

/** Devices begin within this time of each other. */
const spreadMs = 500;
/** Longer than any run: nothing here is to be given up. */
const foreverMs = 1e7;
const contextMargin = 128;
/** Longer than the others need: what an abuser wants has no end. */
const abuseMs = 12_000;
const abuserAheadMs = 2_000;
/** Which no draft can foretell better than chance. */
const worstDivergence = 1;
const windowMax = 64;
/** Sessions of an abuser that a server takes beside those of the others. */
const sessionsOfAbuserMax = 64;
/** Most tokens and rows of a pass for each session in it. */
const rowsOfSession = 17;
const prefillMin = 512;

/** Plays it once. @param seed of prompts, text, jitter and noise. */
export function playService(service: Service, seed: number): ServiceFigures {
  const scenario = scenarioOf(service);
  const deviceCount = service.deviceCount + (service.abuser ? 1 : 0);
  const meter = new Meter(service);
  const { models } = service.real ?? {};
  const asks = [...abuserAsks(service, seed), ...asksOf(service, seed)];
  const plan = { scenario, seed, deviceCount, asks, faults: [], ...(models && { models }) };
  const report = runPlan(plan, {
    checks: [],
    observe: (now) => [meter.timedBy(now)],
    times: ({ device }) => device < service.deviceCount,
  });
  return figuresOf(report, meter);
}

/** Adds up what the target computed, by what the line says of each pass. */
class Meter implements Observer {
  passCount = 0;
  rowCount = 0;
  segmentCount = 0;
  draftCount = 0;
  busyMs = 0;
  readonly texts: number[][] = [];
  readonly statistics: Statistics[] = [];
  readonly gapMs: number[] = [];
  readonly #cost: PassCost;
  readonly #deviceCount: number;
  readonly #lastTokenMs = new Map<Answer, number>();
  #now: () => number = () => 0;

  constructor({ pass, deviceCount }: Service) {
    this.#cost = pass;
    this.#deviceCount = deviceCount;
  }

  timedBy(now: () => number): this {
    this.#now = now;
    return this;
  }

  onTell(answer: Answer, effect: TellEffect): void {
    const { transcript, device } = answer;
    if (device >= this.#deviceCount) return;
    if (effect.kind === 'tokens') this.#gaps(answer, effect.tokens.length);
    if (transcript.end === null) return;
    this.texts.push(transcript.tokens.map(({ token }) => token));
    this.statistics.push(transcript.end.statistics);
  }

  #gaps(answer: Answer, count: number): void {
    const nowMs = this.#now();
    const lastMs = this.#lastTokenMs.get(answer);
    if (lastMs !== undefined && count > 0) this.gapMs.push(nowMs - lastMs);
    for (let index = 1; index < count; index++) this.gapMs.push(0);
    if (count > 0) this.#lastTokenMs.set(answer, nowMs);
  }

  onAnswered: NonNullable<Observer['onAnswered']> = (_server, { operation }) => {
    if (operation.kind !== 'pass') return;
    const shape = shapeOf(operation.segments);
    this.passCount++;
    this.rowCount += shape.rowCount;
    this.busyMs += passMsOf(this.#cost, shape);
    for (const { judge } of operation.segments) {
      if (!judge) continue;
      this.segmentCount++;
      this.draftCount += judge.draftCount;
    }
  };
}

function figuresOf({ counts, ...report }: Report, meter: Meter): ServiceFigures {
  const { tokenMs, firstTokenMs, writingMs } = report;
  const perToken = (count: number): number => count / counts.tokenCount;
  return {
    firstTokenMs,
    tokenMs,
    tokensPerSecond: tokenMs.reduce((sum, ms) => sum + 1_000 / ms, 0),
    busyShare: Math.min(1, meter.busyMs / writingMs),
    passes: perToken(meter.passCount),
    rows: perToken(meter.rowCount),
    drafted: perToken(counts.draftedCount),
    upMessages: perToken(counts.upMessageCount),
    downMessages: perToken(counts.downMessageCount),
    upBytes: perToken(counts.upBytes),
    downBytes: perToken(counts.downBytes),
    acceptedShare: counts.testedCount === 0 ? null : counts.acceptedCount / counts.testedCount,
    draftLength: meter.segmentCount === 0 ? 0 : meter.draftCount / meter.segmentCount,
    gapMs: meter.gapMs,
    texts: meter.texts,
    statistics: meter.statistics,
  };
}

/** Without the toy's end of text, so that every answer has its full length. */
const toySampling: Sampling = { ...plainSampling, logitBias: new Map([[1, -Infinity]]) };

function asksOf(service: Service, seed: number): Ask[] {
  const { deviceCount, scheme, mode, stopRule, answerTokens, promptTokens, real } = service;
  const random = new Random(seed, 'service');
  const letter = (): number => 2 + random.below(toyVocabulary.size - 2);
  // An abuser is there before the others, and the server has learnt what passes cost.
  const warmMs = service.abuser ? abuserAheadMs : 0;
  const asks = Array.from({ length: deviceCount }, (_, device): Ask => {
    const prompts = real?.prompts ?? [Int32Array.from({ length: promptTokens }, letter)];
    const ids = prompts[(seed + device) % prompts.length]!;
    const request = {
      prompt: { kind: 'ids', ids } as const,
      sampling: real?.sampling ?? toySampling,
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
  const devices = service.devices.map((device) => kindOf(device, contextLength));
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
  };
}

function kindOf(device: ServiceDevice, contextLength: number): DeviceKind {
  const { name, share, draftMs, divergence, link } = device;
  return {
    name,
    weight: share,
    drafter: draftMs === null ? 'none' : 'engine',
    divergence,
    draftContext: contextLength,
    draft: { startMs: 0, tokenMs: draftMs ?? 0, contextMs: 0, feedMs: 0 },
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
  };
}

/** Drafts as long as it may, always about something else, at once, and over the best of the links. */
function abuserKind({ devices, deviceCount }: Service, contextLength: number): DeviceKind {
  const { link } = devices[0]!;
  const device = { name: 'abuser', share: 0, draftMs: 0.01, divergence: worstDivergence, link };
  return { ...kindOf(device, contextLength), index: deviceCount, ignoresAdvice: true };
}

/** Those that it keeps, and one more every so often, refused or not. */
function abuserAsks(service: Service, seed: number): Ask[] {
  const { abuser, deviceCount: device, scheme, contextTokens = 0 } = service;
  if (!abuser) return [];
  const random = new Random(seed, 'abuser');
  const letter = (): number => 2 + random.below(toyVocabulary.size - 2);
  const more = Math.floor(abuseMs / abuser.openEveryMs);
  return Array.from({ length: abuser.sessions + more }, (_, index): Ask => {
    const ids = Int32Array.from({ length: abuser.promptTokens }, letter);
    const mode = abuser.modes[index % abuser.modes.length]!;
    const request = {
      prompt: { kind: 'ids', ids } as const,
      sampling: toySampling,
      seed: BigInt(index),
      ...{ scheme, mode, windowMax },
      tokensMax: index < abuser.sessions ? contextTokens : 1,
      cut: null,
      stopRule: { kind: 'fixed', draftLengthMax: abuser.draftTokens } as const,
      fallback: 'wait' as const,
    };
    const atMs = Math.max(0, index - abuser.sessions) * abuser.openEveryMs;
    return { id: deviceOf(index), device, atMs, request };
  });
}

/** Answers of an abuser are numbered behind those of any fleet. */
const deviceOf = (index: number): number => 1_000_000 + index;

/** Tokens that stand for a rate. */
const probeTokens = 300;
const probeTurns = 7;

/** The least rate that drafts of the toy can have: of 28 letters, even unlike laws share some. */
export const acceptanceLeast = 0.42;

/**
 * The divergence at which the toy's drafts are accepted so often under `coupled`, given that all before were.
 *
 * @param acceptanceRate in [acceptanceLeast, 1].
 * @returns in [0, 1], good to about 0.02 of the rate.
 */
export function divergenceFor(acceptanceRate: number): number {
  let [low, high] = [0, 1];
  for (let turn = 0; turn < probeTurns; turn++) {
    const divergence = (low + high) / 2;
    if (rateAt(divergence) > acceptanceRate) low = divergence;
    else high = divergence;
  }
  return (low + high) / 2;
}

/** One draft a round, so that every one is tested behind a right prefix. */
function rateAt(divergence: number): number {
  const link = {
    latencyMs: 1,
    jitterMs: 0,
    upBytesPerMs: 1e6,
    downBytesPerMs: 1e6,
    overheadBytes: 0,
  };
  const figures = playService(
    {
      deviceCount: 1,
      devices: [{ name: 'probe', share: 1, draftMs: 1, divergence, link }],
      scheme: 'coupled',
      mode: 'stop-and-wait',
      stopRule: { kind: 'fixed', draftLengthMax: 1 },
      pass: { fixedMs: 10, tokenMs: 0, rowMs: 0, tokenContextMs: 0 },
      passNoise: 0,
      slotCount: 1,
      staticBatch: null,
      promptTokens: 3,
      answerTokens: probeTokens,
    },
    1,
  );
  return figures.acceptedShare ?? 0;
}
