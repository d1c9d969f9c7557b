// Measures what a token costs: energy on the device that drafts, and money for the server that
// verifies, from profiles of both and the work that the shipped cores do in virtual time.

import { type Estimate, scaled } from '../../src/math/estimate.js';
import {
  type DeviceName,
  deviceProfiles,
  draftMsOf,
} from '../../src/sim/profiles/device-profiles.js';
import { linkProfiles } from '../../src/sim/profiles/link-profiles.js';
import {
  dollarsPerMillion,
  priceProfiles,
  serverProfiles,
} from '../../src/sim/profiles/server-profiles.js';
import {
  race,
  type ServiceResult,
  serve,
  stopAndWait,
  stream,
} from '../../src/sim/service/serve.js';
import type { Experiment, ExperimentContext } from '../report/experiment.js';
import { type Measured, rowWhere } from '../report/text.js';
import { combinations, fixtureOf, runAll, seedsOf } from './fixture.js';

const draftMillions = 135;
const deviceCount = 16;
const wait = 'stop-and-wait, 4 drafted';
const servings = { stream, [wait]: stopAndWait(4), race } as const;

const variants = combinations({
  device: Object.keys(deviceProfiles) as DeviceName[],
  mode: ['stream', wait, 'race'] as const,
});

export const costExperiment: Experiment = { id: 'cost', minutes: 1, run };

async function run({ isQuick, seed, play, note }: ExperimentContext): Promise<Measured> {
  const runs = await runAll(variants, async ({ device, mode }) => {
    const fixture = fixtureOf({
      ...{ deviceCount, name: device, draftMs: draftMsOf(deviceProfiles[device], draftMillions) },
      ...{ acceptance: 0.7, link: linkProfiles['5g'], pass: serverProfiles.memory.pass },
      ...{ answerTokens: 96, seeds: seedsOf(seed, isQuick ? 2 : 6) },
    });
    const served = await serve(play, fixture, servings[mode]);
    note(`${deviceProfiles[device].name}, ${mode}`);
    return served;
  });
  const costs = runs.map(({ variant: { device, mode }, result }) => {
    const { name, draftWatts, ...profile } = deviceProfiles[device];
    const draftMs = draftMsOf(profile, draftMillions);
    return {
      ...{ device: name, way: mode, draftMs, tokenMs: result.tokenMs, drafted: result.drafted },
      // Joules that drafting takes; the device's own idling is left out.
      joules: scaled(result.drafted, (draftMs * draftWatts) / 1_000),
      a100: dollarsOf(result, 'a100'),
      rtx4090: dollarsOf(result, 'rtx-4090'),
    };
  });
  const orin = (way: keyof typeof servings) =>
    rowWhere(costs, { device: deviceProfiles['orin-nano'].name, way });
  return {
    values: {
      ...{ deviceCount, draftMillions, devices: deviceText, prices: priceText },
      race: { joules: orin('race').joules, dollars: orin('race').a100 },
      wait: { joules: orin(wait).joules, dollars: orin(wait).a100 },
      stream: { dollars: orin('stream').a100 },
    },
    tables: { costs },
  };
}

/** More tokens a second cost less: the ends change places. */
function dollarsOf(
  { tokensPerSecond }: ServiceResult,
  price: keyof typeof priceProfiles,
): Estimate {
  const at = (rate: number): number => dollarsPerMillion(priceProfiles[price], rate);
  const { value, low, high } = tokensPerSecond;
  return { value: at(value), low: at(high), high: at(low) };
}

const deviceText = Object.values(deviceProfiles)
  .map(
    ({ name, tokenMs, model, speedSource, draftWatts, powerSource }) =>
      `${name}: ${tokenMs} ms for ${model} (${speedSource}), ${draftWatts} W (${powerSource})`,
  )
  .join('; ');

const priceText = Object.values(priceProfiles)
  .map(({ name, dollarsAnHour, source }) => `${name} $${dollarsAnHour} an hour (${source})`)
  .join('; ');
