// Measures what one abuser does to fifteen honest devices: by many sessions, long prompts, false
// drafts, short rounds, opens, and all at once. With a key for each device, and one for all.

import { countEstimate, type Estimate, exact } from '../../src/math/estimate.js';
import { quantile } from '../../src/math/statistics.js';
import type { Mode } from '../../src/protocol/frame.js';
import type { Abuser, Service, ServiceFigures } from '../../src/sim/index.js';
import { linkProfiles } from '../../src/sim/profiles/link-profiles.js';
import { serverProfiles } from '../../src/sim/profiles/server-profiles.js';
import type { Experiment, ExperimentContext } from '../report/experiment.js';
import { figure } from '../report/figures.js';
import type { Measured } from '../report/text.js';
import { combinations, deviceOf, pick, resultWhere, runAll, seedsOf } from './fixture.js';

const honestCount = 15;
const answerTokens = 64;
/** The honest may be slower by this factor at the 95th percentile. */
const promised = 1.25;
const modes: readonly Mode[] = ['race', 'stop-and-wait', 'stream'];
const every: readonly Mode[] = ['race', 'pipeline', 'stop-and-wait', 'stream'];
const promptTokens = 1_800;
const short = { promptTokens: 16, openEveryMs: 1_000, draftTokens: 1 } as const;

/** Each takes as much of one thing as it can get. */
const abuses = {
  everything: { sessions: 32, modes: every, promptTokens, openEveryMs: 500, draftTokens: 16 },
  sessions: { ...short, sessions: 60, modes: ['stream'] },
  'long prompts': { ...short, sessions: 4, modes: ['stream'], promptTokens, openEveryMs: 50 },
  'false drafts': { ...short, sessions: 4, modes: ['pipeline', 'race'], draftTokens: 16 },
  rounds: { ...short, sessions: 60, modes: ['stop-and-wait'] },
  opens: { ...short, sessions: 1, modes: ['stream'], openEveryMs: 5 },
} as const satisfies Record<string, Abuser>;
const abuseNames = Object.keys(abuses) as (keyof typeof abuses)[];
const alone = 'none';
const oneKey = 'everything, one key for all';

const variants = combinations({ mode: modes, abuse: [alone, ...abuseNames, oneKey] as const });
type Variant = (typeof variants)[number];

export const fairnessExperiment: Experiment = { id: 'fairness', minutes: 4, run };

async function run({ isQuick, seed, play, note }: ExperimentContext): Promise<Measured> {
  const seeds = seedsOf(seed, isQuick ? 1 : 5);
  const runs = await runAll(variants, async (variant) => {
    const service = serviceOf(variant);
    const figures = await Promise.all(seeds.map((one) => play(service, one)));
    note(`${variant.mode}, ${variant.abuse}`);
    return figures;
  });
  const latency = runs.map(({ variant: { mode, abuse }, result }) => {
    const before = resultWhere(runs, { mode, abuse: alone });
    const ratios = result.map((figures, index) => ratioOf(figures, before[index]!));
    const isWhole = ratios.every((ratio) => ratio !== null);
    return {
      ...{ mode, with: abuse },
      answered: countEstimate(result.map(({ tokenMs }) => tokenMs.length)),
      tokenMs: p95(result, ({ tokenMs }) => tokenMs),
      // To that of the same mode without an abuser, seed by seed.
      ratio: overSeeds(ratios),
      worst: isWhole ? exact(Math.max(...ratios.map(Number))) : null,
      gapMs: p95(result, ({ gapMs }) => gapMs),
      firstMs: p95(result, ({ firstTokenMs }) => firstTokenMs),
    };
  });
  const keyed = latency.filter((row) => row.with !== alone && row.with !== oneKey);
  const worst = figure(Math.max(...keyed.map((row) => row.worst?.value ?? Infinity)));
  return { values: { ...settings, worst }, tables: { latency } };
}

function serviceOf({ mode, abuse }: Variant): Service {
  const abuser = abuse === alone ? null : abuses[abuse === oneKey ? 'everything' : abuse];
  const link = linkProfiles['5g'];
  return {
    deviceCount: honestCount,
    devices: [deviceOf({ name: 'honest', draftMs: 8, acceptance: 0.7, link })],
    scheme: 'coupled',
    mode,
    stopRule: { kind: 'adaptive', draftLengthMax: 16 },
    pass: serverProfiles.memory.pass,
    passNoise: 0.05,
    slotCount: honestCount + 1,
    staticBatch: null,
    promptTokens: answerTokens,
    answerTokens,
    // Room for the abuser's prompts; the same server for all variants.
    contextTokens: promptTokens + 100,
    hasKeys: abuse !== oneKey,
    ...(abuser && { abuser }),
  };
}

/** Of one run; null: no answer ended. */
const p95Of = (samples: readonly number[]): number | null =>
  samples.length === 0 ? null : quantile(samples, 0.95);

/** 95th percentiles over the answers, or tokens, of each run. */
const p95 = (
  runs: readonly ServiceFigures[],
  samples: (figures: ServiceFigures) => readonly number[],
): Estimate | null => overSeeds(runs.map((figures) => p95Of(samples(figures))));

/** Seeds are the samples; null where one of them has none. */
function overSeeds(values: readonly (number | null)[]): Estimate | null {
  const known = values.filter((one) => one !== null);
  return known.length < values.length ? null : countEstimate(known);
}

function ratioOf(figures: ServiceFigures, before: ServiceFigures): number | null {
  const [withAbuser, without] = [p95Of(figures.tokenMs), p95Of(before.tokenMs)];
  return withAbuser === null || without === null ? null : withAbuser / without;
}

const settings = {
  ...{ honestCount, answerTokens, promised, promptTokens, slotCount: honestCount + 1 },
  everything: pick(abuses.everything, 'sessions', 'draftTokens', 'openEveryMs'),
  streams: abuses.sessions.sessions,
  promptEveryMs: abuses['long prompts'].openEveryMs,
  falseDrafts: pick(abuses['false drafts'], 'sessions', 'draftTokens'),
  rounds: abuses.rounds.sessions,
  openEveryMs: abuses.opens.openEveryMs,
};
