// Plants one bug for each checker: a checker that misses its own proves nothing. Bugs sit where a
// core hands over its output, so that shipped code needs no hooks.

import type { ServerFrame } from '../protocol/frame.js';
import type { CheckName } from './check/checker.js';
import { type Tampering, untampered } from './tampering.js';

export interface Canary {
  readonly what: string;
  readonly tampering: Tampering;
}

const canary = (what: string, changes: Partial<Tampering>): Canary => ({
  what,
  tampering: { ...untampered, ...changes },
});

/** Replaces the last token by another letter of the alphabet. */
function misspelt(frame: ServerFrame): ServerFrame {
  if (frame.kind !== 'verdict' || frame.tokens.length === 0) return frame;
  const tokens = frame.tokens.slice();
  const last = tokens.length - 1;
  tokens[last] = 2 + ((tokens[last]! + 1) % 14);
  return { ...frame, tokens };
}

/** The bug that each checker must find. */
export const canaries: { readonly [check in CheckName]: Canary } = {
  exactness: canary('a server says another token than its model chose', { frame: misspelt }),
  verdicts: canary('a server says another token than it drew', { frame: misspelt }),
  continuity: canary('a device loses a token that it should tell', {
    tell: (effect) =>
      effect.kind === 'tokens' && effect.tokens.length > 1
        ? { ...effect, tokens: effect.tokens.slice(1) }
        : effect,
  }),
  liveness: canary('a server never says the last verdict', {
    frame: (frame) => (frame.kind === 'verdict' && frame.end !== null ? null : frame),
  }),
  conduct: canary('a server builds on drafts that were not sent', {
    frame: (frame) => (frame.kind === 'verdict' ? { ...frame, from: frame.from + 1_000 } : frame),
  }),
  slots: canary('an engine does not roll back', {
    skips: ({ kind }) => kind === 'truncate',
  }),
  tokens: canary('a server counts accepted drafts twice', {
    frame: (frame) =>
      frame.kind === 'verdict' ? { ...frame, acceptedCount: 2 * frame.acceptedCount } : frame,
  }),
  bounds: canary('a server offers longer drafts than it takes', {
    frame: (frame) =>
      frame.kind === 'welcome'
        ? { ...frame, limits: { ...frame.limits, draftTokens: 256, windowTokens: 1024 } }
        : frame,
  }),
};
