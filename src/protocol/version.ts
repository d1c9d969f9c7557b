// Negotiates the version of the wire, one number. A version adds frames, fields or codes, and a
// sender uses them only on a connection that agreed on it: a receiver skips unknown fields, and a
// law must not change unnoticed.

import type { Hello } from './frame.js';

/** Lowest supported version. */
export const versionMin = 1;
/** Highest supported version. */
export const versionMax = 5;
/** From this version on Open may hold a schema and ask for log-probabilities. */
export const versionOfFormats = 2;
/** From this version on Open may ask for hints. */
export const versionOfHints = 2;
/** From this version on Open may ask for padding and aggregation. */
export const versionOfShaping = 3;
/** From this version on drafts may carry chances. Modes have their own: modeTraits. */
export const versionOfChances = 4;
/** From this version on Open may hold pictures. */
export const versionOfPictures = 5;

/** Name of the WebSocket subprotocol; versions are agreed inside it. */
export const subprotocol = 'pilotfish';

/**
 * The highest version that both sides support, or null.
 *
 * @param hello the versions of the other side, both included.
 *
 * @example
 * ```ts
 * import { negotiateVersion, versionMax } from 'pilotfish/protocol';
 *
 * negotiateVersion({ versionMin: 1, versionMax: 1000 }); // = versionMax
 * negotiateVersion({ versionMin: 999, versionMax: 1000 }); // = null
 * ```
 */
export function negotiateVersion(hello: Pick<Hello, 'versionMin' | 'versionMax'>): number | null {
  const version = Math.min(versionMax, hello.versionMax);
  return version >= Math.max(versionMin, hello.versionMin) ? version : null;
}
