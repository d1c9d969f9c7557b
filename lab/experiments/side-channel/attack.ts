// Attacks a link that it cannot read, by features of what is seen and by other answers to the same
// prompts. Simple attackers: what they find out is the least that can be.

import { mean } from '../../../src/math/statistics.js';
import type { SeenMessage } from '../../../src/sim/index.js';

/** What is seen of one answer, and what was asked. */
export interface Trace {
  readonly prompt: number;
  readonly seen: readonly SeenMessage[];
}

type Vector = readonly number[];

/** Messages of each way, and bins of time, that an attacker looks at. */
const messageCount = 48;
const binCount = 60;
const binMs = 50;
/** Below this a feature is a constant, rounded. */
const varianceMin = 1e-9;

const views: { readonly [name: string]: (seen: readonly SeenMessage[]) => Vector } = {
  lengths: (seen) => bothVariants(seen, (messages) => messages.map(({ byteCount }) => byteCount)),
  distances: (seen) => bothVariants(seen, distancesOf),
  bytesByTime: (seen) => [...bytesByTime(seen, 'up'), ...bytesByTime(seen, 'down')],
  totals: totalsOf,
};

/** How an attacker compares: with the middle of each prompt's answers, or with each answer. */
const manners = ['middle', 'nearest'] as const;

function bothVariants(
  seen: readonly SeenMessage[],
  values: (messages: readonly SeenMessage[]) => number[],
): Vector {
  return (['up', 'down'] as const).flatMap((wanted) => {
    const found = values(seen.filter(({ direction }) => direction === wanted));
    return Array.from({ length: messageCount }, (_, index) => found[index] ?? 0);
  });
}

const distancesOf = (messages: readonly SeenMessage[]): number[] =>
  messages.slice(1).map(({ atMs }, index) => atMs - messages[index]!.atMs);

function bytesByTime(seen: readonly SeenMessage[], wanted: SeenMessage['direction']): number[] {
  const bins = new Array<number>(binCount).fill(0);
  const startMs = seen[0]?.atMs ?? 0;
  for (const { atMs, direction, byteCount } of seen) {
    const bin = Math.floor((atMs - startMs) / binMs);
    if (direction === wanted && bin < binCount) bins[bin]! += byteCount;
  }
  return bins;
}

function totalsOf(seen: readonly SeenMessage[]): Vector {
  const of = (wanted: SeenMessage['direction']): number[] => {
    const messages = seen.filter(({ direction }) => direction === wanted);
    return [messages.length, messages.reduce((sum, { byteCount }) => sum + byteCount, 0)];
  };
  return [...of('up'), ...of('down'), (seen.at(-1)?.atMs ?? 0) - (seen[0]?.atMs ?? 0)];
}

/**
 * Has every attacker name the prompt of each answer, taught by all answers of other folds.
 *
 * @param traces of each prompt, the same number. @param foldCount left out in turns, >= 2.
 * @returns the share that the best attacker names.
 */
export function attack(traces: readonly Trace[], foldCount: number): number {
  const folds = foldsOf(traces, foldCount);
  const shares = Object.values(views).flatMap((featuresOf) => {
    const known = traces.map(({ prompt, seen }) => ({ prompt, point: featuresOf(seen) }));
    return manners.map((manner) => rightShareOf(known, folds, manner));
  });
  return Math.max(...shares);
}

/** The turn of each answer among those of its prompt says its fold. */
function foldsOf(traces: readonly Trace[], foldCount: number): number[] {
  const turns = new Map<number, number>();
  return traces.map(({ prompt }) => {
    const turn = turns.get(prompt) ?? 0;
    turns.set(prompt, turn + 1);
    return turn % foldCount;
  });
}

interface Known {
  readonly prompt: number;
  readonly point: Vector;
}

function rightShareOf(
  all: readonly Known[],
  folds: readonly number[],
  manner: (typeof manners)[number],
): number {
  let rightCount = 0;
  for (const fold of new Set(folds)) {
    const known = all.filter((_, index) => folds[index] !== fold);
    const candidates = manner === 'middle' ? middlesOf(known) : known;
    const scale = scaleOf(known);
    const asked = all.filter((_, index) => folds[index] === fold);
    for (const { prompt, point } of asked) {
      if (nearest(candidates, point, scale) === prompt) rightCount++;
    }
  }
  return rightCount / all.length;
}

/** The prompt of whatever is closest; features weigh by `scale`. */
function nearest(candidates: readonly Known[], point: Vector, scale: Vector): number {
  let best = { prompt: -1, distance: Infinity };
  for (const { prompt, point: other } of candidates) {
    let distance = 0;
    for (let index = 0; index < point.length; index++) {
      distance += ((point[index]! - other[index]!) * scale[index]!) ** 2;
    }
    if (distance < best.distance) best = { prompt, distance };
  }
  return best.prompt;
}

/** One over the spread of each feature; 0 where it says nothing. */
function scaleOf(known: readonly Known[]): number[] {
  return known[0]!.point.map((_, index) => {
    const values = known.map(({ point }) => point[index]!);
    const middle = mean(values);
    const variance = mean(values.map((value) => (value - middle) ** 2));
    return variance > varianceMin ? 1 / Math.sqrt(variance) : 0;
  });
}

function middlesOf(known: readonly Known[]): Known[] {
  return [...new Set(known.map(({ prompt }) => prompt))].map((wanted) => {
    const points = known.filter(({ prompt }) => prompt === wanted).map(({ point }) => point);
    return {
      prompt: wanted,
      point: points[0]!.map((_, index) => mean(points.map((point) => point[index]!))),
    };
  });
}

/** Fano's inequality: bits that such a share tells at least. @returns in [0, log2 promptCount]. */
export function bitsLearnt(rightShare: number, promptCount: number): number {
  const wrong = 1 - rightShare;
  const entropy = (share: number): number =>
    share <= 0 || share >= 1 ? 0 : -share * Math.log2(share) - (1 - share) * Math.log2(1 - share);
  const left = entropy(wrong) + wrong * Math.log2(promptCount - 1);
  return Math.max(0, Math.log2(promptCount) - left);
}
