// Plans what users ask for: requests with prompts, lengths, laws, schemes and modes, drawn from the
// seed before the run. Every request has its own seed, by which engine operations are traced back
// to it.

import type { StopRule } from '../device/core/drafting/stop-rule.js';
import type { GenerateRequest } from '../device/core/event.js';
import { plainSampling, type Sampling } from '../math/sampling.js';
import { schemeTraits } from '../math/scheme.js';
import { isOffered } from '../protocol/frame.js';
import { Random } from './random.js';
import type { Scenario, Workload } from './scenario.js';
import type { Ask } from './sim-answer.js';
import { toyLetters } from './toy.js';

/** Beginnings that prompts share, and their length. */
const sharedCount = 3;
const sharedLength = 24;

/** All requests of a run, in order of time. @param deviceCount as drawn for the run. */
export function planAsks(scenario: Scenario, seed: number, deviceCount: number): Ask[] {
  const { work, durationMs } = scenario;
  const asks: Omit<Ask, 'id'>[] = [];
  for (let device = 0; device < deviceCount; device++) {
    const random = new Random(seed, 'asks', device);
    const everyMs = random.within(work.everyMs);
    const countMax = random.wholeWithin(work.countMax);
    let atMs = random.next() * Math.min(everyMs, durationMs);
    for (let count = 0; count < countMax && atMs < durationMs; count++) {
      asks.push({ device, atMs, request: requestOf(work, seed, random) });
      atMs += random.exponential(everyMs);
    }
  }
  asks.sort((a, b) => a.atMs - b.atMs || a.device - b.device);
  return asks.map((ask, id) => seeded({ ...ask, id }, seed));
}

/**
 * Plans requests that come all at once.
 *
 * @param firstId of the first.
 * @param name of the event, for the chance.
 */
export function planBurst(
  { work, seed }: { readonly work: Workload; readonly seed: number },
  devices: readonly number[],
  atMs: number,
  firstId: number,
  name: number,
): Ask[] {
  const random = new Random(seed, 'crowd', name);
  return devices.map((device, index) =>
    seeded({ id: firstId + index, device, atMs, request: requestOf(work, seed, random) }, seed),
  );
}

function seeded(ask: Ask, seed: number): Ask {
  const unique = (BigInt(seed) << 32n) + BigInt(ask.id);
  return { ...ask, request: { ...ask.request, seed: unique & 0xffff_ffff_ffff_ffffn } };
}

function requestOf(work: Workload, seed: number, random: Random): GenerateRequest {
  const offers = work.schemes.flatMap((scheme) =>
    work.modes.filter((mode) => isOffered(scheme, mode)).map((mode) => ({ scheme, mode })),
  );
  const { scheme, mode } = random.pick(offers);
  const isCut = schemeTraits[scheme].residualBy === 'device' && random.happens(work.cutShare);
  return {
    prompt: { kind: 'ids', ids: promptOf(work, seed, random) },
    sampling: samplingOf(work, random),
    seed: 0n,
    scheme,
    mode,
    tokensMax: random.wholeWithin(
      random.happens(work.longShare) ? work.longTokens : work.answerTokens,
    ),
    windowMax: random.wholeWithin(work.windowMax),
    cut: isCut ? random.pick([{ keepMax: 3 }, { tailMassMax: 0.1 }]) : null,
    stopRule: stopRuleOf(work, random),
    fallback: random.pick(work.fallbacks),
  };
}

function promptOf(work: Workload, seed: number, random: Random): Int32Array {
  const length = random.wholeWithin(work.promptTokens);
  const shared = new Random(seed, 'shared', random.below(sharedCount));
  const isShared = random.happens(work.sharedPromptShare);
  const begin = isShared ? toyLetters(shared, Math.min(sharedLength, length)) : [];
  return Int32Array.from([...begin, ...toyLetters(random, length - begin.length)]);
}

function samplingOf(work: Workload, random: Random): Sampling {
  const isFiltered = random.happens(work.filterShare);
  const isPenal = random.happens(work.penaltyShare);
  const endBias = random.happens(work.endShare) ? 0.5 : -Infinity;
  return {
    ...plainSampling,
    temperature: random.within(work.temperature),
    ...(isFiltered && { topK: 6, topP: 0.95, minP: 0.01 }),
    ...(isPenal && { repetitionPenalty: 1.2, presencePenalty: 0.3, frequencyPenalty: 0.2 }),
    logitBias: new Map([[1, endBias]]),
  };
}

function stopRuleOf(work: Workload, random: Random): StopRule {
  const draftLengthMax = random.wholeWithin(work.draftLengthMax);
  const kind = random.pick(['fixed', 'confidence', 'gain', 'adaptive'] as const);
  return kind === 'confidence'
    ? { kind, draftLengthMax, confidenceMin: 0.4 }
    : { kind, draftLengthMax };
}
