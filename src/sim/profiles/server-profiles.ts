// Lists targets for experiments to imitate: what a pass costs by its contents, and what an hour of
// the machine costs. Round figures for each kind of machine; results that use them are called
// simulated or emulated.

import type { PassCost } from '../../math/pass-time.js';

export interface ServerProfile {
  readonly name: string;
  readonly pass: PassCost;
}

/**
 * 30 ms for a pass, the papers' order of size for a large model on one accelerator. Bound by
 * memory, a row more costs next to nothing: 0.05 ms reaches twice the fixed cost at 600 rows. Bound
 * by arithmetic, each row costs half a pass: a small accelerator, a processor, or a batch far
 * beyond the ridge of the roofline.
 */
export const serverProfiles = {
  memory: {
    name: 'bound by memory',
    pass: { fixedMs: 30, tokenMs: 0.02, rowMs: 0.05, tokenContextMs: 0 },
  },
  compute: {
    name: 'bound by arithmetic',
    pass: { fixedMs: 15, tokenMs: 0, rowMs: 15, tokenContextMs: 0 },
  },
} as const satisfies Record<string, ServerProfile>;
export type ServerName = keyof typeof serverProfiles;

export interface PriceProfile {
  readonly name: string;
  readonly dollarsAnHour: number;
  readonly source: string;
}

export const priceProfiles = {
  a100: {
    name: 'A100, rented',
    dollarsAnHour: 4.05,
    source: 'the lower of the prices of SpecEdge, arXiv 2505.17052',
  },
  'rtx-4090': {
    name: 'RTX 4090, rented',
    dollarsAnHour: 0.35,
    source: 'SpecEdge, arXiv 2505.17052',
  },
} as const satisfies Record<string, PriceProfile>;

export type PriceName = keyof typeof priceProfiles;

/** Dollars for a million tokens of a server that writes so many a second. */
export const dollarsPerMillion = (
  { dollarsAnHour }: Pick<PriceProfile, 'dollarsAnHour'>,
  tokensPerSecond: number,
): number => (dollarsAnHour / 3_600 / tokensPerSecond) * 1e6;
