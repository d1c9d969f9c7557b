// What the gate measures on the machine: ratios of two ways of doing the same work, turn by turn, in their quick form.

import { type ApiWork, benchApi } from '../api/api-bench.js';
import { benchPasses } from '../engine/pass-bench.js';
import { benchStack } from '../loop/stack-bench.js';
import type { BenchModels } from '../weights/bench-models.js';
import type { Probe } from './gate.js';

/** Between runs on one machine these ratios move by more than the interval inside a run shows. */
const tolerance = 0.15;
const engineTurns = 16;
const stackTurns = 10;
const apiTurns = 12;

interface Ratio {
  readonly low: number;
  readonly high: number;
}

function probe(id: string, title: string, read: () => Promise<Ratio & { value: number }>): Probe {
  const readings = async () => [{ id, title, value: await read(), isMoreBetter: true }];
  return { name: title, isExact: false, tolerance, read: readings };
}

/** Verification through the engine against a bare llama_decode loop of the same batches, the bundled target. */
const engineProbe = (models: BenchModels, name: 'greedy' | 'coupled, top-k 40'): Probe =>
  probe(`engine: ${name}`, `engine / bare decode, 4 x 5 tokens, ${name}`, async () => {
    const only = { name, shape: '4 x 5' };
    const [row] = await benchPasses(models.target(), engineTurns, () => undefined, only);
    return { value: row!.median, low: row!.low, high: row!.high };
  });

/** Rounds through both shells and cores against an echo of as many bytes. */
const stackProbe = (scheme: 'coupled' | 'split'): Probe =>
  probe(`stack: ${scheme}`, `stack / echo, rounds of ${scheme}`, async () => {
    const [row] = await benchStack(stackTurns, () => undefined, [scheme]);
    return { value: row!.ratio, low: row!.low, high: row!.high };
  });

/** The HTTP door with all under it against a bare server of the same bytes. */
const apiProbe = (name: ApiWork): Probe =>
  probe(`door: ${name}`, `HTTP door / bare server, ${name}`, async () => {
    const [row] = await benchApi(apiTurns, () => undefined, [name]);
    return { value: row!.ratio, low: row!.low, high: row!.high };
  });

export const realProbes = (models: BenchModels): readonly Probe[] => [
  engineProbe(models, 'greedy'),
  engineProbe(models, 'coupled, top-k 40'),
  stackProbe('coupled'),
  stackProbe('split'),
  apiProbe('stream of 128 tokens'),
  apiProbe('answer of one token, whole'),
];
