// Finds the best fixed way to serve a place and compares auto with it. All fixed ways meet in short
// runs; the best few and auto then meet in longer ones with other texts, so that no way wins by the
// luck of the text on which it was chosen.

import { mean } from '../../../src/math/statistics.js';
import type { Service, ServiceFigures } from '../../../src/sim/index.js';
import type { RunService } from '../../../src/sim/service/run-service.js';
import { coDrafterOf, type Place, serviceAt } from './places.js';

/** A fixed way: its name, and how it changes the service. */
interface Way {
  readonly name: string;
  readonly changes: Partial<Service>;
}

export interface PlaceResult {
  readonly place: Place;
  readonly best: string;
  /** Speeds in units of the best fixed way, and of streaming. */
  readonly ofBest: number;
  readonly ofStream: number;
  readonly race: number | null;
  readonly auto: readonly ServiceFigures[];
  /** Messages up for each token: auto, and race where it met auto. */
  readonly raceMessages: number | null;
}

const draftLengths = [1, 2, 3, 4, 6, 8];
const finalists = 3;

function fixedWays(place: Place): Way[] {
  const stopAndWait = (draftLengthMax: number): Way => ({
    name: `stop-and-wait ${draftLengthMax}`,
    changes: { mode: 'stop-and-wait', stopRule: { kind: 'fixed', draftLengthMax } },
  });
  const coLocated = (length: number): Way => ({
    name: `co-located ${length}`,
    changes: { mode: 'co-located', ...coDrafterOf(place, length) },
  });
  return [
    { name: 'streaming', changes: { mode: 'stream' } },
    { name: 'race', changes: { mode: 'race' } },
    { name: 'pipeline', changes: { mode: 'pipeline' } },
    ...draftLengths.map(stopAndWait),
    ...(place.stepMs === null ? [] : draftLengths.map(coLocated)),
  ];
}

/** Tokens of an answer in short and long runs, and the seeds of the long ones. */
function sizeOf({ devices }: Place): { short: number; long: number; seedCount: number } {
  if (devices === 1) return { short: 256, long: 512, seedCount: 3 };
  if (devices <= 4) return { short: 96, long: 320, seedCount: 2 };
  return devices <= 16
    ? { short: 40, long: 160, seedCount: 1 }
    : { short: 16, long: 64, seedCount: 1 };
}

/** @param seed of the texts. */
export async function compareAt(
  play: RunService,
  place: Place,
  seed: number,
): Promise<PlaceResult> {
  const { short, long, seedCount } = sizeOf(place);
  const played = (way: Way, tokens: number, seeds: readonly number[]) => {
    const service = { ...serviceAt(place, tokens), ...way.changes };
    return Promise.all(seeds.map((one) => play(service, one)));
  };
  const screened = await Promise.all(
    fixedWays(place).map(async (way) => ({
      way,
      ms: meanMs(await played(way, short, [seed * 1_000])),
    })),
  );
  screened.sort((a, b) => a.ms - b.ms);
  const kept = screened.slice(0, finalists).map(({ way }) => way);
  const streaming = screened.find(({ way }) => way.name === 'streaming')!.way;
  if (!kept.includes(streaming)) kept.push(streaming);
  const seeds = Array.from({ length: seedCount }, (_, index) => seed * 1_000 + 1 + index);
  const finals = await Promise.all(
    kept.map(async (way) => ({ way, figures: await played(way, long, seeds) })),
  );
  const auto = await played({ name: 'auto', changes: {} }, long, seeds);
  const times = finals.map(({ way, figures }) => ({ name: way.name, ms: meanMs(figures) }));
  const best = times.reduce((one, other) => (other.ms < one.ms ? other : one));
  const autoMs = meanMs(auto);
  const raced = finals.find(({ way }) => way.name === 'race');
  return {
    place,
    best: best.name,
    ofBest: best.ms / autoMs,
    ofStream: times.find(({ name }) => name === 'streaming')!.ms / autoMs,
    race: raced ? meanMs(raced.figures) / autoMs : null,
    auto,
    raceMessages: raced ? mean(raced.figures.map(({ upMessages }) => upMessages)) : null,
  };
}

/** Milliseconds a token, of all answers. */
const meanMs = (figures: readonly ServiceFigures[]): number =>
  mean(figures.flatMap(({ tokenMs }) => tokenMs));
