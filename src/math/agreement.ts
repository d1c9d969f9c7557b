// Scheme `agreement`: the target draws its own token and keeps drafts while they equal it. Exact for any drafts, at the
// price of acceptance; for devices without the shared noise. Source: the verification of SpecExec, arXiv 2406.02532.

import type { Chance } from './chance.js';
import { drawToken } from './draw-token.js';
import type { Law } from './law.js';
import { acceptWhileEqual, testsAll, type Verification } from './verification.js';

/** The target's own token at one row. @param chance of the target's stream at that position. */
export function agreementToken(law: Law, chance: Chance): number {
  return drawToken(law, chance);
}

/** Verifies drafts of any origin. @param targetTokenAt `agreementToken` at each row; see acceptWhileEqual. */
export function verifyAgreement(
  targetTokenAt: (row: number) => number,
  drafts: Int32Array,
  mayTest = testsAll,
): Verification {
  return acceptWhileEqual(targetTokenAt, drafts, mayTest);
}
