// Lists the modes of a session with what each asks of both ends. The words are those of the wire,
// in the order of their numbers there.

import { type Scheme, schemeTraits } from '../math/scheme.js';

/**
 * When the server computes, and who drafts. auto: drafts come from the device, from the server's
 * draft model or from a look-up, whichever is there; the server verifies them or steps. race: the
 * server verifies the device's drafts that have arrived, else steps. pipeline: it verifies drafts
 * as they arrive, many outstanding. stop-and-wait: the device waits for each verdict. co-located:
 * the server drafts a fixed number of tokens each round, the device none. stream: no drafts.
 */
export const modes = ['race', 'pipeline', 'stop-and-wait', 'stream', 'auto', 'co-located'] as const;
/** One of `modes`: `race`, `pipeline`, `stop-and-wait`, `stream`, `auto` or `co-located`. */
export type Mode = (typeof modes)[number];

interface ModeTraits {
  /** Whether the token at a position must not depend on the end that computed it, nor on drafts. */
  readonly needsSharedPick: boolean;
  /** Whether the device may send drafts. */
  readonly takesDrafts: boolean;
  /** Whether the server writes on when no draft has come. */
  readonly writesUnasked: boolean;
  /** Whether verdicts say where their tokens came from. */
  readonly tellsSources: boolean;
  /** Version of the protocol that brought it. */
  readonly since: number;
}

const always = { needsSharedPick: false, tellsSources: false, since: 1 };

export const modeTraits: { readonly [mode in Mode]: ModeTraits } = {
  race: { ...always, needsSharedPick: true, takesDrafts: true, writesUnasked: true },
  pipeline: { ...always, takesDrafts: true, writesUnasked: false },
  'stop-and-wait': { ...always, takesDrafts: true, writesUnasked: false },
  stream: { ...always, takesDrafts: false, writesUnasked: true },
  auto: {
    ...{ needsSharedPick: true, takesDrafts: true, writesUnasked: true },
    ...{ tellsSources: true, since: 4 },
  },
  'co-located': {
    ...{ needsSharedPick: true, takesDrafts: false, writesUnasked: true },
    ...{ tellsSources: true, since: 4 },
  },
};

/**
 * Whether a scheme may run in a mode: in race, auto and co-located the token at a position must not
 * depend on which end computed it.
 *
 * @example
 * ```ts
 * import { isOffered } from 'pilotfish/protocol';
 *
 * isOffered('coupled', 'auto'); // = true
 * isOffered('split', 'race'); // = false
 * ```
 */
export function isOffered(scheme: Scheme, mode: Mode): boolean {
  return !modeTraits[mode].needsSharedPick || schemeTraits[scheme].pick !== 'law';
}
