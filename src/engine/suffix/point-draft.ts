// Turns a guess into drafted tokens. A guess depends on the text alone, so under the ratio schemes
// its law is a point: it is accepted with the target's own probability, and the residual is the
// target's law without it.

import { pointLaw } from '../../math/law.js';
import { type Scheme, schemeTraits } from '../../math/scheme.js';
import type { DraftedToken } from '../engine.js';

/** @param position absolute. */
export function pointDraft(position: number, token: number, scheme: Scheme): DraftedToken {
  const isRatio = schemeTraits[scheme].test === 'ratio';
  return {
    position,
    token,
    confidence: null,
    law: isRatio ? pointLaw(token) : null,
    prob: isRatio ? 1 : null,
  };
}
