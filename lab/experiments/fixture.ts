// Defines variants (what is compared), fixtures (what variants share) and runs (a variant with its
// result), and builds fixtures of scripted devices in virtual time.

import { type Estimate, scaled } from '../../src/math/estimate.js';
import type { PassCost } from '../../src/math/pass-time.js';
import { divergenceFor, type ServiceDevice } from '../../src/sim/index.js';
import { deviceProfiles } from '../../src/sim/profiles/device-profiles.js';
import type { LinkShape } from '../../src/sim/profiles/link-profiles.js';
import { linkModelOf, type ServiceFixture } from '../../src/sim/service/serve.js';

export interface Run<Variant, Result> {
  readonly variant: Variant;
  readonly result: Result;
}

/** Runs all variants at once; results in their order. */
export const runAll = <Variant, Result>(
  variants: readonly Variant[],
  run: (variant: Variant) => Promise<Result>,
): Promise<Run<Variant, Result>[]> =>
  Promise.all(variants.map(async (variant) => ({ variant, result: await run(variant) })));

/** The result of the one variant with these properties. @throws RangeError for none. */
export function resultWhere<Variant extends object, Result>(
  runs: readonly Run<Variant, Result>[],
  wanted: Partial<Variant>,
): Result {
  const names = Object.keys(wanted) as (keyof Variant)[];
  const found = runs.find(({ variant }) => names.every((name) => variant[name] === wanted[name]));
  if (found === undefined) throw new RangeError(`no run of ${JSON.stringify(wanted)}`);
  return found.result;
}

/** Every combination of the values of each property; those of the last change first. */
export const combinations = <Axes extends Readonly<Record<string, readonly unknown[]>>>(
  axes: Axes,
): { readonly [Name in keyof Axes]: Axes[Name][number] }[] =>
  Object.entries(axes).reduce<object[]>(
    (all, [name, values]) =>
      all.flatMap((one) => values.map((value) => ({ ...one, [name]: value }))),
    [{}],
  ) as { readonly [Name in keyof Axes]: Axes[Name][number] }[];

/** Some properties of an object. */
export const pick = <All extends object, Name extends keyof All>(
  all: All,
  ...names: readonly Name[]
): Pick<All, Name> => Object.fromEntries(names.map((name) => [name, all[name]])) as Pick<All, Name>;

/** [count] seeds of one run. @param seed of the command. */
export const seedsOf = (seed: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => seed * 1_000 + index);

interface FixtureDeviceOptions {
  /** Default: device. */
  readonly name?: string;
  readonly draftMs: number;
  /** Of tested drafts. */
  readonly acceptance: number;
  readonly link: LinkShape;
}

export const deviceOf = (options: FixtureDeviceOptions): ServiceDevice => {
  const { name = 'device', draftMs, acceptance, link } = options;
  const divergence = knownDivergence(acceptance);
  return { name, share: 1, draftMs, divergence, link: linkModelOf(link) };
};

/** By acceptance: finding one takes seconds. */
const divergences = new Map<number, number>();

export function knownDivergence(acceptance: number): number {
  const divergence = divergences.get(acceptance) ?? divergenceFor(acceptance);
  divergences.set(acceptance, divergence);
  return divergence;
}

/** A fixture of devices that are all alike. */
export function fixtureOf(
  options: FixtureDeviceOptions &
    Omit<ServiceFixture, 'devices' | 'deviceCount'> & { readonly deviceCount?: number },
): ServiceFixture {
  const { deviceCount = 1, name: _, draftMs, acceptance, link, ...rest } = options;
  return { ...rest, deviceCount, devices: [deviceOf(options)] };
}

/** An estimate and its interval moved. */
export const shifted = ({ value, low, high }: Estimate, by: number): Estimate => ({
  value: value + by,
  low: low + by,
  high: high + by,
});

/** A pass that takes as long whatever its rows. */
export const constantPass = (passMs: number): PassCost => ({
  fixedMs: passMs,
  tokenMs: 0,
  rowMs: 0,
  tokenContextMs: 0,
});

/** Joules that a Jetson Orin Nano Super takes to draft, of a count of drafts or for each token. */
export const draftJoules = (drafted: Estimate, tokenMs: number): Estimate =>
  scaled(drafted, (tokenMs * deviceProfiles['orin-nano'].draftWatts) / 1_000);
