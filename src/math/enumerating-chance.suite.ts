// Enumerates chance for proofs: runs a program once for every sequence of answers, and gives each
// result its probability. Turns a scheme that uses `Chance` into its exact law. For small programs
// only: time grows with the number of branches.

import { assert } from '../base/assert.js';
import type { Chance } from './chance.js';

/** One possible run of a program. */
export interface ChanceBranch<T> {
  readonly value: T;
  /** Its probability, > 0; those of all branches sum to 1. */
  readonly weight: number;
}

/** One question of a run, and the answer that the run takes. */
interface Question {
  /** Answers of probability above 0, with that probability. */
  readonly answers: readonly { readonly index: number; readonly prob: number }[];
  taken: number;
}

/**
 * Every branch of a program. Reruns the program for each branch and varies the last answer first,
 * like an odometer.
 *
 * @param run deterministic apart from its chance; has no side effects.
 */
export function allBranches<T>(run: (chance: Chance) => T): ChanceBranch<T>[] {
  const branches: ChanceBranch<T>[] = [];
  const path: Question[] = [];
  do {
    let depth = 0;
    const answer = (probs: ArrayLike<number>): number => {
      if (depth === path.length) path.push(question(probs));
      return takenAnswer(path[depth++]!).index;
    };
    const value = run({
      happens: (probability) => answer([1 - probability, probability]) === 1,
      draw: (weights, total) => answer(weights.map((weight) => weight / total)),
    });
    const weight = path.reduce((product, step) => product * takenAnswer(step).prob, 1);
    branches.push({ value, weight });
  } while (advance(path));
  return branches;
}

function question(probs: ArrayLike<number>): Question {
  const answers = Array.from(probs, (prob, index) => ({ index, prob })).filter(
    ({ prob }) => prob > 0,
  );
  assert(answers.length > 0, `a question with ${probs.length} answers, none possible`);
  return { answers, taken: 0 };
}

function takenAnswer({ answers, taken }: Question): { index: number; prob: number } {
  return answers[taken]!;
}

/**
 * Moves to the next path; false when all are done. Questions after the changed one are asked again.
 */
function advance(path: Question[]): boolean {
  for (let last = path.pop(); last; last = path.pop()) {
    if (last.taken + 1 < last.answers.length) {
      last.taken++;
      path.push(last);
      return true;
    }
  }
  return false;
}
