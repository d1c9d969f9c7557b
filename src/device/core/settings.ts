// What the device core is told once: the drafter's facts, the patience it has, and the one function by which chance
// comes in. Holds no default; the shell fills them in.

import type { TrafficShaping } from '../../protocol/frame.js';
import type { Sending } from './coalesce.js';
import type { AheadBudget } from './drafting/ahead-cache.js';

/** How long a device waits for what, in milliseconds. */
export interface Timing {
  /** How long the target may be away before the fallback policy acts. */
  readonly disconnectGraceMs: number;
  /** How long the link may be down before an answer that cannot end without the target fails; Infinity: for ever. */
  readonly awayMaxMs: number;
  /** Without an answer for so long, drafts are merged and sent again; doubles with each time in a row. */
  readonly verdictTimeoutMs: number;
  /** Without any message for so long after a ping, the link counts as lost; also the limit of a handshake. */
  readonly linkTimeoutMs: number;
  /** How often the way to the server and back is measured while answers are written. */
  readonly pingMs: number;
  /** First and longest wait before the link is dialled again. */
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
}

export interface DeviceCoreSettings extends Timing {
  readonly key: string;
  readonly name: string;
  /** Of the vocabulary that the drafter and the user's text share; null: ids are taken on trust. */
  readonly vocabulary: DeviceVocabulary | null;
  /** Null: nothing drafts here. */
  readonly drafter: DrafterFacts | null;
  /** Tokens that end a text; a draft does not go beyond them. */
  readonly endOfText: ReadonlySet<number>;
  /** Keep dialling although no server was ever reached: answers can start on drafts. */
  readonly keepsTrying: boolean;
  /** What is drafted beyond the chain, and how much; aheadOff: nothing. */
  readonly ahead: AheadBudget;
  /** When drafts leave in race. Default: margin; the others are for comparisons. */
  readonly sending?: Sending;
  /** What is done against whoever sees lengths and times of messages; the server may want more. */
  readonly shaping: TrafficShaping;
  /** Uniform in [0, 1): keeps a thousand devices from dialling at once. */
  readonly chance: () => number;
}

/** How much a drafter takes. */
export interface DrafterFacts {
  /** Most tokens of a sequence. */
  readonly contextLength: number;
  /** Most sequences that it drafts side by side, >= 1; 1: one after another. */
  readonly sequencesMax: number;
}

export interface DeviceVocabulary {
  readonly size: number;
  readonly fingerprint: string;
  tokenText(token: number): string;
}
