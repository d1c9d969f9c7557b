// Chance for proofs: runs a program once for every sequence of answers it can get, and says how likely each was. Turns
// any scheme that meets chance through `Chance` into its exact law. For small programs only: time is the number of
// branches.

import { assert } from '../base/assert.js';
import type { Chance } from './chance.js';

/** One way a program can go. */
export interface ChanceBranch<T> {
  readonly value: T;
  /** Its probability, > 0; those of all branches sum to 1. */
  readonly weight: number;
}

/** One question on the way: which of its answers this run takes. */
interface Question {
  /** Answers of probability above 0, with that probability. */
  readonly answers: readonly { readonly index: number; readonly prob: number }[];
  taken: number;
}

/**
 * Every branch of a program. Runs it anew for each branch, steered by the answers taken so far, like an odometer whose
 * last wheel turns first.
 *
 * @param run deterministic but for the chance it is given; leaves no trace outside its result.
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

/** Turns to the next path; false when all are done. Questions behind the turned one will be asked anew. */
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
