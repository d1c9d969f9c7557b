// A token drawn from a law. Asks chance once.

import type { Chance } from './chance.js';
import { type Law, tokenAt } from './law.js';
import { sumOf } from './sum.js';

/** One of the tokens of probability above 0, each as likely as the law says. */
export function drawToken(law: Law, chance: Chance): number {
  return tokenAt(law, chance.draw(law.probs, sumOf(law.probs)));
}
