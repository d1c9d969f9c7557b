// One device and one server in virtual time, with the bundled models behind both: the same texts under every way of
// drafting ahead, so that ways differ in time and nothing else.

import { storyPrompts } from '../../../src/cli/demo/openings.js';
import { aheadDefaults } from '../../../src/device/core/drafting/ahead/ahead-budget.js';
import type { AheadBudget } from '../../../src/device/index.js';
import { plainSampling, type Sampling } from '../../../src/math/sampling.js';
import type { Mode, Scheme } from '../../../src/protocol/frame.js';
import { type Service, type ServiceFigures, simulateService } from '../../../src/sim/index.js';
import type { VirtualExit, VirtualModels } from '../virtual-models.js';

/** What is drafted while a verdict is awaited. */
export const exitVariants = ['none', 'own', 'branches', 'hints', 'all', 'oracle'] as const;
export type ExitVariant = (typeof exitVariants)[number];

export interface ExitTimes {
  readonly draftMs: number;
  /** Of a further branch in the same pass of the draft model, in units of draftMs. */
  readonly rowShare: number;
  readonly passMs: number;
}

export interface ExitSetting {
  readonly pace: ExitTimes;
  readonly scheme: Scheme;
  readonly mode: Mode;
  readonly roundTripMs: number;
  readonly draftLength: number;
  readonly way: ExitVariant;
  readonly exit: VirtualExit;
  readonly budget: Pick<AheadBudget, 'tokensMax' | 'chanceMin'>;
}

/** [texts] */
export type ExitResult = readonly ServiceFigures[];

export interface ExitFixture {
  readonly models: VirtualModels;
  readonly textCount: number;
  readonly tokenCount: number;
  readonly seed: number;
}

/** A link that delays, and carries anything. */
const still = { jitterMs: 0, upBytesPerMs: 1e6, downBytesPerMs: 1e6, overheadBytes: 0 };

const off: AheadBudget = { ...aheadDefaults, tokensMax: 0 };

/** What a way gives for being early. */
export function budgetOf({
  way: variant,
  budget,
}: Pick<ExitSetting, 'way' | 'budget'>): AheadBudget {
  const on: AheadBudget = { ...aheadDefaults, ...budget, inRace: true };
  switch (variant) {
    case 'none':
      return { ...off, ownContinuation: false };
    case 'own':
      return off;
    case 'branches':
      return { ...on, usesHints: false };
    case 'hints':
      return { ...on, runnersUpMax: 0, ownContinuation: false };
    default:
      return on;
  }
}

const hasExit = (variant: ExitVariant): boolean =>
  variant === 'hints' || variant === 'all' || variant === 'oracle';

/** Plays the same texts as every other setting does. */
export function play(
  { models, textCount, tokenCount, seed }: ExitFixture,
  setting: ExitSetting,
): ExitResult {
  const { pace: times, scheme, mode, roundTripMs, draftLength, way: variant } = setting;
  const exit = variant === 'oracle' ? 'oracle' : hasExit(variant) ? setting.exit : null;
  const { vocabulary } = models;
  const prompts = storyPrompts.map((text) =>
    vocabulary.tokenize(text, { addBos: true, parseSpecial: false }),
  );
  const service: Service = {
    deviceCount: 1,
    devices: [
      {
        name: 'device',
        share: 1,
        draftMs: times.draftMs,
        rowShare: times.rowShare,
        divergence: 0,
        link: { ...still, latencyMs: roundTripMs / 2 },
        ahead: budgetOf(setting),
      },
    ],
    scheme,
    mode,
    stopRule: { kind: 'fixed', draftLengthMax: draftLength },
    pass: { fixedMs: times.passMs, tokenMs: 0, rowMs: 0, tokenContextMs: 0 },
    passNoise: 0,
    slotCount: 1,
    staticBatch: null,
    promptTokens: Math.max(...prompts.map(({ length }) => length)),
    answerTokens: tokenCount,
    ...(exit !== null && { exit: { place: models.placeOf(exit), agreement: 1 } }),
    real: {
      models: models.with(exit),
      prompts,
      sampling: samplingOf(scheme, vocabulary.endOfText),
    },
  };
  return Array.from({ length: textCount }, (_, index) =>
    simulateService(service, seed * 1_000 + index),
  );
}

/** An end of text is biased away: every text has its full length. */
function samplingOf(scheme: Scheme, endOfText: ReadonlySet<number>): Sampling {
  const logitBias = new Map([...endOfText].map((token) => [token, -Infinity]));
  const law = scheme === 'greedy' ? { temperature: 0 } : { temperature: 0.8, topK: 40 };
  return { ...plainSampling, ...law, logitBias };
}
