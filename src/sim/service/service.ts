// Defines a service: one server and many devices that generate at once in one mode, optionally one
// abuser, and the figures that come out.

import type { AheadBudget } from '../../device/core/drafting/ahead/ahead-budget.js';
import type { StopRule } from '../../device/core/drafting/stop-rule.js';
import type { Statistics } from '../../device/core/statistics.js';
import type { PassCost } from '../../math/pass-time.js';
import type { Sampling } from '../../math/sampling.js';
import type { Mode, Scheme, TrafficShaping } from '../../protocol/frame.js';
import type { Models } from '../models.js';
import type { LinkModel } from '../scenario.js';

export interface ServiceDevice {
  readonly name: string;
  /** Of the fleet, in any unit. */
  readonly share: number;
  /** For a drafted token; null: it has nothing to draft with. */
  readonly draftMs: number | null;
  /** See DraftCost. */
  readonly rowShare?: number;
  /** Of its draft from the target, in [0, 1]: divergenceFor has it for an acceptance rate. */
  readonly divergence: number;
  readonly link: LinkModel;
  /** Default: as shipped. */
  readonly ahead?: AheadBudget;
  /** Ignores the server's advice on draft lengths; default: it does not. */
  readonly ignoresAdvice?: boolean;
}

/** An extra device that takes all it can get while the others generate. */
export interface Abuser {
  /** Sessions that it keeps open, each in the next of its modes. */
  readonly sessions: number;
  readonly modes: readonly Mode[];
  /** Of each; it opens another every so often, beyond what it may have open. */
  readonly promptTokens: number;
  readonly openEveryMs: number;
  /** As many as the server takes in a round. */
  readonly draftTokens: number;
}

/** A draft model beside the target. */
export interface CoDrafter {
  /** Of one step over a row, and what each further row adds. */
  readonly stepMs: number;
  readonly rowMs: number;
  readonly divergence: number;
  /** Tokens drafted each round in mode co-located. */
  readonly fixedLength: number;
}

export interface Service {
  readonly deviceCount: number;
  readonly devices: readonly ServiceDevice[];
  readonly scheme: Scheme;
  readonly mode: Mode;
  readonly stopRule: StopRule;
  readonly pass: PassCost;
  /** A pass takes longer by this share at most. */
  readonly passNoise: number;
  /** Sessions whose caches the target holds at once. */
  readonly slotCount: number;
  /**
   * The server waits for drafts of so many sessions, at most so long; null: continuous batching.
   */
  readonly staticBatch: { readonly count: number; readonly waitMs: number } | null;
  /** The server's own draft model; default: none. */
  readonly coDrafter?: CoDrafter;
  readonly promptTokens: number;
  /** Of each device's one answer. */
  readonly answerTokens: number;
  /**
   * Of a pass, after which the target's early exit tells hints, and how often it is right; default:
   * it has none.
   */
  readonly exit?: { readonly place: number; readonly agreement: number };
  /** Behind the others; default: none. */
  readonly abuser?: Abuser;
  /** Whether each device, the abuser too, shows a key of its own; default: none is asked for. */
  readonly hasKeys?: boolean;
  /** Most tokens of a session beyond what the answers need; default: little. */
  readonly contextTokens?: number;
  /** Padding and aggregation of every device; default: none. */
  readonly shaping?: TrafficShaping;
  /** Whether the figures include every message as an observer sees it; default: no. */
  readonly isTapped?: boolean;
  /** Default: the toys, prompts of letters, their laws as they are. */
  readonly real?: RealService;
}

/** Models that are not toys, what they are asked, and how they sample. */
export interface RealService {
  readonly models: Models;
  /** [n >= 1] ids; devices take them in turns. */
  readonly prompts: readonly Int32Array[];
  readonly sampling: Sampling;
}

/** Of all devices together unless said otherwise; times in milliseconds. */
export interface ServiceFigures {
  /** [answers] from asking to the first token. */
  readonly firstTokenMs: readonly number[];
  /** [answers] from token to token, the mean of each answer. */
  readonly tokenMs: readonly number[];
  readonly tokensPerSecond: number;
  /** Share of the time in which the target computes. */
  readonly busyShare: number;
  /** For each committed token. */
  readonly passes: number;
  readonly rows: number;
  readonly drafted: number;
  readonly upMessages: number;
  readonly downMessages: number;
  readonly upBytes: number;
  readonly downBytes: number;
  /** Of the tested drafts; null where none was tested. */
  readonly acceptedShare: number | null;
  /** Drafts tested for each pass of a session. */
  readonly draftLength: number;
  /**
   * [tokens] from one token of an answer to the next, those of the abuser apart; within a verdict
   * 0.
   */
  readonly gapMs: readonly number[];
  /** [answers] ids and statistics, in the order in which the answers ended. */
  readonly texts: readonly (readonly number[])[];
  readonly statistics: readonly Statistics[];
  /**
   * [messages] of all devices in the order of time, where tapped; beside the device, so that what
   * comes down has arrived.
   */
  readonly seen: readonly SeenMessage[];
}

/** A message as an observer of the network sees it. */
export interface SeenMessage {
  readonly atMs: number;
  readonly direction: 'up' | 'down';
  readonly byteCount: number;
}
