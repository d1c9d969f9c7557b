// Lists what the gate watches: in virtual time gains, passes, rows, messages and bytes, the same
// everywhere; on the machine ratios of two ways to do the same work.

import { type Estimate, exact } from '../../src/math/estimate.js';
import type { PassCost } from '../../src/math/pass-time.js';
import { mean } from '../../src/math/statistics.js';
import { type Mode, type Scheme, schemes } from '../../src/protocol/frame.js';
import {
  delayLink,
  type Service,
  type ServiceFigures,
  simulateService,
} from '../../src/sim/index.js';
import { serverProfiles } from '../../src/sim/profiles/server-profiles.js';
import { type ApiWork, benchApi } from '../api/api-bench.js';
import { benchPasses } from '../engine/pass-bench.js';
import { benchStack } from '../loop/stack-bench.js';
import type { BenchModels } from '../weights/bench-models.js';
import type { Probe } from './gate.js';
import type { GateReading } from './judge.js';

/** Arithmetic of another platform may turn a tie. */
const exactTolerance = 0.01;
const seeds = [1, 2, 3, 4];
/** Accepts about seven drafts of ten. */
const divergence = 0.25;

interface Place {
  readonly deviceCount: number;
  readonly roundTripMs: number;
  readonly pass: PassCost;
}

const { memory, compute } = serverProfiles;
const places: Readonly<Record<string, Place>> = {
  'one device, round trip 5 ms': { deviceCount: 1, roundTripMs: 5, pass: memory.pass },
  'one device, round trip 50 ms': { deviceCount: 1, roundTripMs: 50, pass: memory.pass },
  'eight devices, round trip 20 ms': { deviceCount: 8, roundTripMs: 20, pass: memory.pass },
  'four devices, bound by arithmetic': { deviceCount: 4, roundTripMs: 20, pass: compute.pass },
};

function serviceOf({ deviceCount, roundTripMs, pass }: Place, mode: Mode, scheme: Scheme): Service {
  const link = delayLink(roundTripMs / 2, 70);
  return {
    deviceCount,
    devices: [{ name: 'device', share: 1, draftMs: 8, divergence, link }],
    scheme,
    mode,
    stopRule:
      mode === 'stop-and-wait'
        ? { kind: 'fixed', draftLengthMax: 4 }
        : { kind: 'adaptive', draftLengthMax: 16 },
    pass,
    passNoise: 0,
    slotCount: deviceCount,
    staticBatch: null,
    promptTokens: 8,
    answerTokens: 128,
  };
}

const run = (place: Place, mode: Mode, scheme: Scheme = 'coupled'): ServiceFigures[] =>
  seeds.map((seed) => simulateService(serviceOf(place, mode, scheme), seed));

const meanOf = (runs: readonly ServiceFigures[], of: (run: ServiceFigures) => number): number =>
  mean(runs.map(of));

const tokenMsOf = ({ tokenMs }: ServiceFigures): number => mean(tokenMs);

/** What a token takes; less is better. */
const counts = {
  passes: ({ passes }) => passes,
  rows: ({ rows }) => rows,
  'messages up': ({ upMessages }) => upMessages,
  'bytes up': ({ upBytes }) => upBytes,
  'bytes down': ({ downBytes }) => downBytes,
} as const satisfies Record<string, (run: ServiceFigures) => number>;

/** @param where of the reading. @param id of each count. */
const countsOf = (
  runs: readonly ServiceFigures[],
  where: string,
  ids: Partial<Record<keyof typeof counts, string>>,
): GateReading[] =>
  Object.entries(ids).map(([name, id]) => ({
    id: `${id}: ${where}`,
    title: `${name} a token, ${where}`,
    value: exact(meanOf(runs, counts[name as keyof typeof counts])),
    isMoreBetter: false,
  }));

const virtualProbe = (name: string, read: () => readonly GateReading[]): Probe => ({
  name,
  isExact: true,
  tolerance: exactTolerance,
  read: () => Promise.resolve(read()),
});

/** Race in one place: its gain, and what its tokens take. */
const placeProbe = (name: string, place: Place): Probe =>
  virtualProbe(`race in virtual time: ${name}`, () => {
    const raced = run(place, 'race');
    const speed = exact(meanOf(run(place, 'stream'), tokenMsOf) / meanOf(raced, tokenMsOf));
    const ids = { passes: 'passes', rows: 'rows', 'messages up': 'messages' };
    return [
      {
        id: `speed: ${name}`,
        title: `race / streaming, ${name}`,
        value: speed,
        isMoreBetter: true,
      },
      ...countsOf(raced, name, ids),
    ];
  });

/** Rounds of four drafts under one scheme: bytes and messages each way. */
const schemeProbe = (scheme: Scheme): Probe =>
  virtualProbe(`bytes of ${scheme} in virtual time`, () => {
    const runs = run(places['one device, round trip 5 ms']!, 'stop-and-wait', scheme);
    const names = ['bytes up', 'bytes down', 'messages up'] as const;
    return countsOf(runs, scheme, Object.fromEntries(names.map((name) => [name, name])));
  });

export const virtualProbes: readonly Probe[] = [
  ...Object.entries(places).map(([name, place]) => placeProbe(name, place)),
  ...schemes.map(schemeProbe),
];

/** Between runs on one machine these ratios move by more than the interval inside a run shows. */
const measuredTolerance = 0.15;
const engineTurns = 16;
const stackTurns = 10;
const apiTurns = 12;

/** @param bench of one row. */
const realProbe = (
  id: string,
  title: string,
  bench: () => Promise<readonly { readonly ratio: Estimate }[]>,
): Probe => ({
  name: title,
  isExact: false,
  tolerance: measuredTolerance,
  read: async () => [{ id, title, value: (await bench())[0]!.ratio, isMoreBetter: true }],
});

const silent = (): void => undefined;

/** Verification through the engine against a bare llama_decode loop of the same batches. */
const engineProbe = (models: BenchModels, name: 'greedy' | 'coupled, top-k 40'): Probe =>
  realProbe(`engine: ${name}`, `engine / bare decode, 4 x 5 tokens, ${name}`, () =>
    benchPasses(models.target(), engineTurns, silent, { name, shape: '4 x 5' }),
  );

/** Rounds through both shells and cores against an echo of as many bytes. */
const stackProbe = (scheme: 'coupled' | 'split'): Probe =>
  realProbe(`stack: ${scheme}`, `stack / echo, rounds of ${scheme}`, () =>
    benchStack(stackTurns, silent, [scheme]),
  );

/** The HTTP API with all under it against a bare server of the same bytes. */
const apiProbe = (name: ApiWork): Probe =>
  realProbe(`door: ${name}`, `HTTP API / bare server, ${name}`, () =>
    benchApi(name, apiTurns).then((row) => [row]),
  );

export const realProbes = (models: BenchModels): readonly Probe[] => [
  engineProbe(models, 'greedy'),
  engineProbe(models, 'coupled, top-k 40'),
  stackProbe('coupled'),
  stackProbe('split'),
  apiProbe('stream of 128 tokens'),
  apiProbe('answer of one token, whole'),
];
