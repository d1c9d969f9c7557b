// Defines what the early-exit experiment compares: how a device drafts ahead, in which mode, over
// which link and pace; and runs one variant in virtual time.

import {
  type AheadBudget,
  aheadDefaults,
} from '../../../src/device/core/drafting/ahead/ahead-budget.js';
import type { Mode, Scheme } from '../../../src/protocol/frame.js';
import type { ServiceFigures } from '../../../src/sim/index.js';
import { bundledTextLaw } from '../../bundled-texts.js';
import { seedsOf } from '../fixture.js';
import type { ModelFixture } from '../model-fixture.js';
import type { VirtualExit } from '../virtual-models.js';

/** What is drafted while a verdict is awaited. */
export const aheadKinds = ['none', 'own', 'branches', 'hints', 'all', 'oracle'] as const;
export type AheadKind = (typeof aheadKinds)[number];

export interface DraftPace {
  readonly draftMs: number;
  /** Of a further branch in the same pass of the draft model, in units of draftMs. */
  readonly rowShare: number;
}

export interface Variant {
  readonly pace: DraftPace & { readonly passMs: number };
  readonly scheme: Scheme;
  readonly mode: Mode;
  readonly roundTripMs: number;
  readonly draftLength: number;
  readonly ahead: AheadKind;
  readonly exit: VirtualExit;
  readonly budget: Pick<AheadBudget, 'tokensMax' | 'chanceMin'>;
}

/** How many texts of which seed. */
export interface Texts {
  readonly count: number;
  readonly seed: number;
}

/** A link that delays, and carries anything. */
const still = { jitterMs: 0, upBytesPerMs: 1e6, downBytesPerMs: 1e6, overheadBytes: 0 };

const off: AheadBudget = { ...aheadDefaults, tokensMax: 0 };

/** What a device may draft ahead. */
export function budgetOf({ ahead, budget }: Pick<Variant, 'ahead' | 'budget'>): AheadBudget {
  const on: AheadBudget = { ...aheadDefaults, ...budget, inRace: true };
  switch (ahead) {
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

function exitOf({ ahead, exit }: Variant): VirtualExit {
  if (ahead === 'oracle') return 'oracle';
  return ahead === 'hints' || ahead === 'all' ? exit : null;
}

/** [texts] the same under every variant of a scheme. */
export function runVariant(
  fixture: ModelFixture,
  variant: Variant,
  { count, seed }: Texts,
): readonly ServiceFigures[] {
  const { pace: times, scheme, mode, roundTripMs, draftLength } = variant;
  const asked = {
    ...{ ...times, scheme, mode, exit: exitOf(variant), ahead: budgetOf(variant), passNoise: 0 },
    stopRule: { kind: 'fixed', draftLengthMax: draftLength },
    link: { ...still, latencyMs: roundTripMs / 2 },
    law: scheme === 'greedy' ? { temperature: 0 } : bundledTextLaw,
  } as const;
  return seedsOf(seed, count).map((one) => fixture.run(asked, one));
}
