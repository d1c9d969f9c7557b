// Draws the settings of each server and device from the ranges of a scenario. Each machine has its
// own random stream.

import { PilotfishError } from '../base/error.js';
import { unlimited } from '../base/key-grant.js';
import {
  type AheadBudget,
  aheadDefaults,
  aheadOff,
} from '../device/core/drafting/ahead/ahead-budget.js';
import type { DeviceCoreSettings as DeviceSettings } from '../device/core/settings.js';
import { draftSlotsMax } from '../device/drafter/draft-slots.js';
import type { Vocabulary } from '../engine/vocabulary.js';
import type { PassCost } from '../math/pass-time.js';
import { modes, noShaping, schemes, type TrafficShaping } from '../protocol/frame.js';
import { limits } from '../protocol/limits.js';
import { versionMax, versionMin } from '../protocol/version.js';
import {
  type Batching,
  noServerDrafting,
  type ServerDrafting,
  type ServerCoreSettings as ServerSettings,
} from '../server/core/settings.js';
import type { LinkModels } from './link.js';
import { Random } from './random.js';
import type { DeviceKind, Scenario, ServerModel, ShapingModel } from './scenario.js';
import type { DrafterModel } from './sim-drafter.js';
import type { EngineModel } from './sim-engine.js';
import { toyFormats } from './toy.js';

export interface ServerPlan {
  readonly settings: Omit<ServerSettings, 'randomBytes'>;
  readonly engine: EngineModel;
  /** null: no draft model. */
  readonly drafter: ServerDrafterModel | null;
  /** Whether each device shows a key of its own. */
  readonly hasKeys: boolean;
}

/** The draft model beside a target. */
export interface ServerDrafterModel {
  readonly divergence: number;
  readonly pass: PassCost;
}

export interface DevicePlan {
  readonly kind: DeviceKind;
  readonly settings: Omit<DeviceSettings, 'chance'>;
  readonly drafter: DrafterModel | null;
  readonly link: LinkModels;
  readonly clockRate: number;
}

/**
 * Plans all servers of a run alike: a device that fails over must find the same model and the same
 * limits.
 */
export function planServer({ server }: Scenario, seed: number, vocabulary: Vocabulary): ServerPlan {
  const random = new Random(seed, 'server');
  const passRowsMax = random.wholeWithin(server.passRowsMax);
  const exit = exitOf(server, new Random(seed, 'exit'));
  const model = {
    modelName: 'scripted',
    fingerprint: vocabulary.fingerprint,
    vocabSize: vocabulary.size,
    endOfText: vocabulary.endOfText,
    slotCount: random.wholeWithin(server.slotCount),
    contextLength: random.wholeWithin(server.contextLength),
    passTokensMax: Math.max(passRowsMax, random.wholeWithin(server.passTokensMax)),
    passRowsMax,
    hasExit: exit !== null,
  };
  const { drafting, drafter } = draftingOf(server, model, new Random(seed, 'server-drafts'));
  const settings = {
    model,
    schemes,
    modes,
    limits: offeredLimits(server, random),
    versionMin,
    versionMax,
    connectionsMax: random.wholeWithin(server.connectionsMax),
    sessionsMax: random.wholeWithin(server.sessionsMax),
    keyLimits: unlimited,
    shaping: shapingOf(server.cover, new Random(seed, 'cover')),
    batching: batchingOf(server, random),
    drafting,
    tokenMsMax: Infinity,
    passMsMax: 1_000,
    prefillShare: 0.25,
    prefillMsMax: 100,
    slotQuantumTokens: random.wholeWithin(server.slotQuantumTokens),
    swapBytesMax: random.wholeWithin(server.swapBytesMax),
    sharesPrefixesAcrossKeys: false,
    retryAfterMs: random.wholeWithin(server.retryAfterMs),
    acceptsKey: () => true,
    tokenize: () => {
      throw new PilotfishError('prompt-empty', 'simulated prompts are ids');
    },
    checkFormat: (schema: string) => toyFormats.check(schema),
    differingBlock: () => null,
    seesPictures: false,
  };
  const passNoise = random.within(server.passNoise);
  return {
    settings,
    engine: { pass: server.pass, passNoise, swapTokenMs: server.swapTokenMs, exit },
    drafter,
    hasKeys: server.hasKeys ?? false,
  };
}

function draftingOf(
  { drafting: model }: ServerModel,
  { slotCount, contextLength }: Pick<ServerSettings['model'], 'slotCount' | 'contextLength'>,
  random: Random,
): { drafting: ServerDrafting; drafter: ServerDrafterModel | null } {
  if (model === undefined) return { drafting: noServerDrafting, drafter: null };
  const { share, suffixShare, pass } = model;
  const divergence = random.within(model.divergence);
  const suffixBytesMax = random.wholeWithin(model.suffixBytesMax);
  const fixedLength = random.wholeWithin(model.fixedLength);
  const hasModel = random.happens(share);
  const contextShare = random.within(model.contextShare ?? 1);
  const draftContext = Math.max(1, Math.round(contextShare * contextLength));
  return {
    drafting: {
      model: hasModel ? { slotCount, contextLength: draftContext } : null,
      suffixBytesMax: random.happens(suffixShare) ? suffixBytesMax : null,
      fixedLength,
    },
    drafter: hasModel ? { divergence, pass } : null,
  };
}

function offeredLimits(server: ServerModel, random: Random): ServerSettings['limits'] {
  return {
    frameBytes: limits.frameBytes.value,
    sessions: limits.sessions.value,
    promptTokens: 4_096,
    draftTokens: random.wholeWithin(server.draftTokensMax),
    windowTokens: random.wholeWithin(server.windowTokensMax),
    resumeMs: random.wholeWithin(server.resumeMs),
    silenceMs: random.wholeWithin(server.silenceMs),
  };
}

function batchingOf({ static: sled }: ServerModel, random: Random): Batching {
  if (!random.happens(sled.share)) return { kind: 'continuous' };
  return {
    kind: 'static',
    count: random.wholeWithin(sled.count),
    waitMs: random.within(sled.waitMs),
  };
}

export function planDevice(
  { devices }: Scenario,
  seed: number,
  index: number,
  vocabulary: Vocabulary,
): DevicePlan {
  const random = new Random(seed, 'device', index);
  const drawn = random.weighted(devices);
  const kind = devices.find((one) => one.index === index) ?? drawn;
  const drafter = drafterOf(kind, random, new Random(seed, 'rows', index));
  const settings = {
    key: '',
    name: kind.name,
    vocabulary,
    drafter: drafter && {
      contextLength: drafter.contextLength,
      sequencesMax: drafter.sequencesMax,
    },
    endOfText: vocabulary.endOfText,
    keepsTrying: true,
    disconnectGraceMs: random.within(kind.patienceMs),
    awayMaxMs: random.within(kind.awayMaxMs),
    verdictTimeoutMs: random.within(kind.verdictTimeoutMs),
    linkTimeoutMs: random.within(kind.linkTimeoutMs),
    pingMs: random.within(kind.pingMs),
    backoffMinMs: random.within(kind.backoffMinMs),
    backoffMaxMs: random.within(kind.backoffMaxMs),
    shaping: shapingOf(kind.cover, new Random(seed, 'cover', index)),
    ahead: kind.ahead ?? aheadOf(new Random(seed, 'ahead', index)),
    ...(kind.sending !== undefined && { sending: kind.sending }),
  };
  const clockRate = random.within(kind.clockRate);
  return { kind, settings, drafter, link: linkOf(kind, random), clockRate };
}

/** @param model none: no run has any. */
function shapingOf(model: ShapingModel | undefined, random: Random): TrafficShaping {
  if (model === undefined) return noShaping;
  const { padShare, padBytes, aggregateShare, aggregateMs } = model;
  return {
    padBytes: random.happens(padShare) ? padBytes : 0,
    aggregateMs: random.happens(aggregateShare) ? random.wholeWithin(aggregateMs) : 0,
  };
}

function exitOf({ exit }: Scenario['server'], random: Random): EngineModel['exit'] {
  const place = random.within(exit.place);
  const agreement = random.within(exit.agreement);
  return random.happens(exit.share) ? { place, agreement } : null;
}

/** Some devices save their energy, others hold branches ready, few or many. */
function aheadOf(random: Random): AheadBudget {
  if (random.happens(0.25)) return aheadOff;
  const changes = random.happens(0.5) ? { tokensMax: 48 } : { tokensMax: 96, chanceMin: 0.01 };
  return { ...aheadDefaults, ...changes, inRace: true };
}

const sequencesMax: { readonly [kind in DrafterModel['kind']]: number } = {
  engine: draftSlotsMax,
  suffix: 1,
};

function drafterOf(
  { drafter, draft, ...kind }: DeviceKind,
  random: Random,
  rows: Random,
): DrafterModel | null {
  const model = {
    divergence: random.within(kind.divergence),
    contextLength: random.wholeWithin(kind.draftContext),
    startMs: random.within(draft.startMs),
    tokenMs: random.within(draft.tokenMs),
    contextMs: random.within(draft.contextMs),
    feedMs: random.within(draft.feedMs),
    rowShare: rows.within(draft.rowShare ?? 1),
  };
  if (drafter === 'none') return null;
  return { kind: drafter, ...model, sequencesMax: sequencesMax[drafter] };
}

function linkOf({ link }: DeviceKind, random: Random): LinkModels {
  const latencyMs = random.within(link.latencyMs);
  const jitterMs = random.within(link.jitterMs);
  const { overheadBytes, stall } = link;
  const way = { latencyMs, jitterMs, overheadBytes, ...(stall && { stall }) };
  return {
    up: { ...way, bytesPerMs: random.within(link.upBytesPerMs) },
    down: { ...way, bytesPerMs: random.within(link.downBytesPerMs) },
  };
}
