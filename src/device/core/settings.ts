// Defines what the device core is told once: the drafter's properties, its time-outs, and its
// source of chance. Holds no defaults; the shell fills them in.

import type { TrafficShaping } from '../../protocol/frame.js';
import type { Sending } from './coalesce.js';
import type { AheadBudget } from './drafting/ahead/ahead-budget.js';

/** Time-outs and pauses of a device, in milliseconds. */
export interface Timing {
  /** How long the target may be away before the fallback policy acts. */
  readonly disconnectGraceMs: number;
  /** Downtime of the link after which answers that need the target fail; Infinity: never. */
  readonly awayMaxMs: number;
  /** Drafts without a verdict are sent again after this; doubles with each time in a row. */
  readonly verdictTimeoutMs: number;
  /** Time-out of pings and of the handshake, after which the link counts as lost. */
  readonly linkTimeoutMs: number;
  /** How often the round trip is measured while answers are generated. */
  readonly pingMs: number;
  /** First and longest wait before the link is dialled again. */
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
}

export interface DeviceCoreSettings extends Timing {
  readonly key: string;
  readonly name: string;
  /** Vocabulary of the drafter and the user's text; null: ids are trusted. */
  readonly vocabulary: DeviceVocabulary | null;
  /** Null: there is no drafter. */
  readonly drafter: DrafterFacts | null;
  /** Tokens that end a text; a draft does not go beyond them. */
  readonly endOfText: ReadonlySet<number>;
  /** Keep dialling even if no server was ever reached: answers can start on drafts. */
  readonly keepsTrying: boolean;
  /** How much is drafted beyond the chain; aheadOff: nothing. */
  readonly ahead: AheadBudget;
  /** When drafts leave in race. Default: margin; the others are for comparisons. */
  readonly sending?: Sending;
  /** Hides lengths and times of messages; the server may ask for more. */
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
