// What judging one row costs, by scheme: the SIMD kernel against the float64 reference, turn by turn on the same rows.
// A row's work is loading it and what the scheme then asks. Rows are random: flat ones, and ones spread as a model's.

import { createKernel } from '../../src/engine/kernel/kernel.js';
import { type RowMath, referenceRowMath } from '../../src/engine/row-math.js';
import { agreementToken } from '../../src/math/agreement.js';
import { keyedChance } from '../../src/math/chance.js';
import { type Law, pointLaw, probOf } from '../../src/math/law.js';
import { noiseKey, uniform } from '../../src/math/noise.js';
import { residual } from '../../src/math/residual.js';
import { plainSampling, type Sampling } from '../../src/math/sampling.js';
import { measurePaired } from '../paired.js';

export interface RowTiming {
  readonly scheme: string;
  readonly vocabSize: number;
  readonly rowKind: RowKind;
  /** Median nanoseconds per row; of this machine at this hour. */
  readonly kernelNs: number;
  readonly referenceNs: number;
  /** How many times faster the kernel is: median of the turns, and its 95 % interval. */
  readonly ratio: number;
  readonly ratioLow: number;
  readonly ratioHigh: number;
}

type RowKind = 'flat' | 'peaked';

const vocabSizes = [4096, 32_000, 151_936];
/** Standard deviation of normal logits. */
const spreads: Record<RowKind, number> = { flat: 1, peaked: 4 };
const rowsPerTurn = 4;
const turns = 12;
/** Tokens to go through before timing, so that the kernel runs as optimised code. */
const warmUpTokens = 4_000_000;

const unfiltered: Sampling = { ...plainSampling, temperature: 0.8 };
const topK40: Sampling = { ...unfiltered, topK: 40 };
const topP: Sampling = { ...unfiltered, topP: 0.95 };
const minP: Sampling = { ...unfiltered, minP: 0.05 };

const keys = {
  race: noiseKey(1n, 'race'),
  accept: noiseKey(1n, 'accept'),
  target: noiseKey(1n, 'target'),
};
const draftLaw: Law = pointLaw(1);

/** What each scheme asks of a loaded row; `position` differs from row to row. */
const schemes: Record<string, (math: RowMath, position: number) => unknown> = {
  greedy: (math) => math.argmax(),
  'coupled, top-k 40': (math, position) => math.coupledToken(topK40, keys.race, position),
  'coupled, no filter': (math, position) => math.coupledToken(unfiltered, keys.race, position),
  'coupled, top-p 0.95': (math, position) => math.coupledToken(topP, keys.race, position),
  'coupled, min-p 0.05': (math, position) => math.coupledToken(minP, keys.race, position),
  'agreement, top-k 40': (math, position) => drawn(math.law(topK40), position),
  'agreement, no filter': (math, position) => drawn(math.law(unfiltered), position),
  'split, no filter': (math) => probOf(math.law(unfiltered), 1),
  'full, no filter, rejected': (math) => residual(math.law(unfiltered), draftLaw),
  confidence: (math) => math.softmaxProb(1),
};

function drawn(law: Law, position: number): number {
  return agreementToken(law, keyedChance(keys.accept, keys.target, position));
}

/**
 * Times every scheme, vocabulary and kind of row. About a minute.
 *
 * @param print gets a line for each as it goes.
 */
export async function benchRows(print: (line: string) => void): Promise<readonly RowTiming[]> {
  const timings: RowTiming[] = [];
  for (const vocabSize of vocabSizes) {
    const kernel = createKernel(vocabSize);
    const reference = referenceRowMath(vocabSize);
    for (const rowKind of ['flat', 'peaked'] as const) {
      const rows = Array.from({ length: rowsPerTurn }, (_, seed) =>
        rowOf(rowKind, vocabSize, seed),
      );
      for (const [scheme, ask] of Object.entries(schemes)) {
        const timing = await timeScheme({ kernel, reference, rows, ask });
        timings.push({ scheme, vocabSize, rowKind, ...timing });
        print(lineOf(timings.at(-1)!));
      }
    }
  }
  return timings;
}

interface SchemeWork {
  readonly kernel: RowMath;
  readonly reference: RowMath;
  readonly rows: readonly Float32Array[];
  readonly ask: (math: RowMath, position: number) => unknown;
}

async function timeScheme({ kernel, reference, rows, ask }: SchemeWork) {
  let position = 0;
  const judge = (math: RowMath): void => {
    for (const row of rows) {
      math.load(row, unfiltered, null, null);
      ask(math, position++);
    }
  };
  const warmUpTurns = Math.ceil(warmUpTokens / (kernel.vocabSize * rows.length));
  for (let turn = 0; turn < warmUpTurns; turn++) judge(kernel);
  const paired = await measurePaired({
    baseline: () => judge(reference),
    subject: () => judge(kernel),
    turns,
  });
  const nsPerRow = (ms: number): number => (ms * 1e6) / rows.length;
  return {
    kernelNs: nsPerRow(paired.subjectMs),
    referenceNs: nsPerRow(paired.baselineMs),
    ratio: paired.median,
    ratioLow: paired.low,
    ratioHigh: paired.high,
  };
}

/** [vocabSize] normal logits, a function of the seed. */
function rowOf(rowKind: RowKind, vocabSize: number, seed: number): Float32Array {
  const key = noiseKey(BigInt(seed), 'draft');
  return Float32Array.from({ length: vocabSize }, (_, id) => {
    const radius = Math.sqrt(-2 * Math.log(uniform(key, 0, id)));
    return spreads[rowKind] * radius * Math.cos(2 * Math.PI * uniform(key, 1, id));
  });
}

function lineOf(timing: RowTiming): string {
  const ns = (value: number): string => `${Math.round(value).toLocaleString('en')} ns`.padStart(15);
  return [
    timing.scheme.padEnd(26),
    `${timing.vocabSize}`.padStart(7),
    timing.rowKind.padEnd(7),
    `kernel${ns(timing.kernelNs)}`,
    `reference${ns(timing.referenceNs)}`,
    `${timing.ratio.toFixed(1)}x [${timing.ratioLow.toFixed(1)}, ${timing.ratioHigh.toFixed(1)}]`,
  ].join('  ');
}
