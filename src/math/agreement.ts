// Verifies drafts by scheme `agreement`: the target draws its own token and accepts drafts while
// they equal it. Exact for any drafts, but accepts fewer; for devices without the shared noise.
// Source: the verification of SpecExec, arXiv 2406.02532.

import type { Chance } from './chance.js';
import { drawToken } from './draw-token.js';
import type { Law } from './law.js';
import { acceptWhileEqual, testsAll, type Verification } from './verification.js';

/** The target's own token at one row. @param chance of the target's stream at that position. */
export function agreementToken(law: Law, chance: Chance): number {
  return drawToken(law, chance);
}

/**
 * Verifies drafts of any origin: they are accepted while they equal the tokens that the target
 * draws for itself. SpecExec, arXiv 2406.02532.
 *
 * @param targetTokenAt a token drawn from the target law at row 0 .. draftCount (`drawToken`);
 *   called in order, up to the first difference.
 * @param drafts [draftCount] ids.
 * @param mayTest see MayTest; default: every draft is tested.
 * @returns a residual token is the target's own at the first difference.
 *
 * @example
 * ```ts
 * import { verifyAgreement } from 'pilotfish/math';
 *
 * const target = [7, 3, 9];
 * const { acceptedCount, final } = verifyAgreement((row) => target[row]!, Int32Array.of(7, 4));
 * acceptedCount; // = 1
 * final; // = { kind: 'residual', token: 3 }
 * ```
 */
export function verifyAgreement(
  targetTokenAt: (row: number) => number,
  drafts: Int32Array,
  mayTest = testsAll,
): Verification {
  return acceptWhileEqual(targetTokenAt, drafts, mayTest);
}
