// Plays services for experiments: a mode by name, devices, a link, a server and several seeds go
// in; figures with their intervals come out.

import type { StopRule } from '../../device/core/drafting/stop-rule.js';
import type { Estimate } from '../../math/estimate.js';
import { countEstimate, ratioEstimate, scaled } from '../../math/estimate.js';
import type { PassCost } from '../../math/pass-time.js';
import type { Mode, Scheme } from '../../protocol/frame.js';
import type { LinkModel, Service, ServiceDevice, ServiceFigures } from '../index.js';
import type { LinkShape } from '../profiles/link-profiles.js';
import type { RunService } from './run-service.js';

/** How a user is served. */
export interface Serving {
  readonly mode: Mode;
  readonly stopRule: StopRule;
  readonly staticBatch: Service['staticBatch'];
  /** Default: coupled. */
  readonly scheme?: Scheme;
}

const most: StopRule = { kind: 'adaptive', draftLengthMax: 16 };
const plain = { stopRule: most, staticBatch: null } as const;

export const stream: Serving = { mode: 'stream', ...plain };
export const race: Serving = { mode: 'race', ...plain };
export const pipeline: Serving = { mode: 'pipeline', ...plain };

/**
 * Rounds of a fixed length; the device drafts on while it waits.
 *
 * @param draftLength gamma, >= 1.
 */
export const stopAndWait = (draftLength: number): Serving => ({
  mode: 'stop-and-wait',
  stopRule: { kind: 'fixed', draftLengthMax: draftLength },
  staticBatch: null,
});

/**
 * As SLED: drafts end at the first unsure token, the server waits until so many are there. arXiv
 * 2506.09397.
 */
export const sled = (batch: Service['staticBatch']): Serving => ({
  mode: 'stop-and-wait',
  stopRule: { kind: 'confidence', draftLengthMax: 4, confidenceMin: 0.6 },
  staticBatch: batch,
});

export interface ServiceFixture {
  readonly deviceCount: number;
  readonly devices: readonly ServiceDevice[];
  readonly pass: PassCost;
  /** A pass takes up to this share longer; default: enough that seeds differ where texts do not. */
  readonly passNoise?: number;
  readonly answerTokens: number;
  readonly seeds: readonly number[];
}

/** Of all answers of all seeds. */
export interface ServiceResult {
  /** Milliseconds a token: mean over answers, and all of them. */
  readonly tokenMs: Estimate;
  readonly answersMs: readonly number[];
  readonly tokensPerSecond: Estimate;
  /** For each token; seeds are the samples. */
  readonly passes: Estimate;
  readonly rows: Estimate;
  readonly drafted: Estimate;
  readonly upMessages: Estimate;
  readonly upBytes: Estimate;
  /** Of the tested drafts; null: none was tested. */
  readonly acceptedShare: Estimate | null;
  readonly draftLength: Estimate;
}

const usualNoise = 0.05;
/** Sessions that llama.cpp holds at once. */
const slotsMax = 256;
/** Of the layers below, for each message. */
const overheadBytes = 70;

/** Plays every seed of a bed. */
export async function serve(
  play: RunService,
  bed: ServiceFixture,
  serving: Serving,
): Promise<ServiceResult> {
  const { deviceCount, devices, pass, passNoise = usualNoise, answerTokens } = bed;
  const service: Service = {
    deviceCount,
    devices,
    scheme: 'coupled',
    ...serving,
    pass,
    passNoise,
    slotCount: Math.min(deviceCount, slotsMax),
    promptTokens: 8,
    answerTokens,
  };
  return servedOf(await Promise.all(bed.seeds.map((seed) => play(service, seed))), deviceCount);
}

function servedOf(runs: readonly ServiceFigures[], deviceCount: number): ServiceResult {
  const answersMs = runs.flatMap(({ tokenMs }) => tokenMs);
  const of = (value: (run: ServiceFigures) => number): Estimate => countEstimate(runs.map(value));
  const shares = runs.map(({ acceptedShare }) => acceptedShare).filter((one) => one !== null);
  return {
    tokenMs: meanBy(answersMs),
    answersMs,
    tokensPerSecond: scaled(meanBy(answersMs.map((ms) => 1_000 / ms)), deviceCount),
    passes: of(({ passes }) => passes),
    rows: of(({ rows }) => rows),
    drafted: of(({ drafted }) => drafted),
    upMessages: of(({ upMessages }) => upMessages),
    upBytes: of(({ upBytes }) => upBytes),
    acceptedShare: shares.length === 0 ? null : countEstimate(shares),
    draftLength: of(({ draftLength }) => draftLength),
  };
}

/** Bytes a millisecond of a link without a limit. */
const boundlessBytesPerMs = 1e6;

/** A link profile as the simulator has links. */
export function linkModelOf(shape: LinkShape): LinkModel {
  const { roundTripMs, jitterMs, upMbps, downMbps, stallShare, stallMs } = shape;
  const rate = (mbps: number): number => Math.min(boundlessBytesPerMs, 125 * mbps);
  return {
    latencyMs: roundTripMs / 2,
    jitterMs,
    ...(stallShare > 0 && { stall: { share: stallShare, ms: stallMs } }),
    upBytesPerMs: rate(upMbps),
    downBytesPerMs: rate(downMbps),
    overheadBytes,
  };
}

/** Mean of positive numbers; resampled, so that no interval reaches below 0. */
const meanBy = (samples: readonly number[]): Estimate =>
  ratioEstimate(samples.map((part) => ({ part, whole: 1 })));

/**
 * How many times faster `served` was than `baseline`, of the same bed: answers are paired, since a
 * seed gives them the same text in both.
 */
export const speedOf = (served: ServiceResult, baseline: ServiceResult): Estimate =>
  ratioEstimate(
    served.answersMs.map((whole, index) => ({ part: baseline.answersMs[index]!, whole })),
  );
