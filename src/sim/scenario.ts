// Defines a simulation as plain data that JSON can hold: networks, costs of computing, devices,
// work, faults. A run is a function of a scenario and a seed; ranges are drawn from the seed.

import type { Sending } from '../device/core/coalesce.js';
import type { AheadBudget } from '../device/core/drafting/ahead/ahead-budget.js';
import type { GenerateRequest } from '../device/core/event.js';
import type { PassCost } from '../math/pass-time.js';
import type { Mode, Scheme } from '../protocol/frame.js';
import type { NumberRange } from './random.js';

export interface Stall {
  /** Of the messages of one way, in [0, 1]. */
  readonly share: number;
  readonly ms: number;
}

/** A link to a server. Bytes per millisecond are kilobytes per second. */
export interface LinkModel {
  /** Each way. */
  readonly latencyMs: NumberRange;
  /** Added to a message, uniform in [0, this); messages of one way never overtake each other. */
  readonly jitterMs: NumberRange;
  /**
   * Messages that arrive so much later, and hold up those behind them: a loss, as TCP's reader sees
   * it. Default: none.
   */
  readonly stall?: Stall;
  readonly upBytesPerMs: NumberRange;
  readonly downBytesPerMs: NumberRange;
  /** Of the layers below, for each message. */
  readonly overheadBytes: number;
}

/** Time of a drafted token: start + token + context * length of the text. */
export interface DraftCost {
  /** Once for each run, before its first token. */
  readonly startMs: NumberRange;
  readonly tokenMs: NumberRange;
  /**
   * For each further sequence in a pass, as a share of tokenMs, in [0, 1]. Default: 1, side by side
   * gains nothing.
   */
  readonly rowShare?: NumberRange;
  /** For each token of the text behind which it drafts. */
  readonly contextMs: NumberRange;
  /** For each token that has to be fed first. */
  readonly feedMs: NumberRange;
}

/** How many pad, and how many let frames leave on a flush timer. */
export interface ShapingModel {
  readonly padShare: number;
  readonly padBytes: number;
  readonly aggregateShare: number;
  readonly aggregateMs: NumberRange;
}

export const drafterKinds = ['engine', 'suffix', 'none'] as const;

export interface DeviceKind {
  readonly name: string;
  /** Share of the fleet. */
  readonly weight: number;
  readonly drafter: (typeof drafterKinds)[number];
  /** Distance of the draft model from the target: see ScriptedModelOptions. */
  readonly divergence: NumberRange;
  readonly draftContext: NumberRange;
  readonly draft: DraftCost;
  readonly link: LinkModel;
  /** Rate of its clock. */
  readonly clockRate: NumberRange;
  readonly patienceMs: NumberRange;
  readonly awayMaxMs: NumberRange;
  readonly verdictTimeoutMs: NumberRange;
  readonly linkTimeoutMs: NumberRange;
  readonly pingMs: NumberRange;
  readonly backoffMinMs: NumberRange;
  readonly backoffMaxMs: NumberRange;
  /** When its drafts leave in race. Default: as shipped. */
  readonly sending?: Sending;
  /** Budget of drafting ahead. Default: drawn, from nothing to more than is shipped. */
  readonly ahead?: AheadBudget;
  /** Default: none asks for any. */
  readonly cover?: ShapingModel;
  /** The device with this index is of this kind, not of a drawn one. Default: none is. */
  readonly index?: number;
  /** Drafts as it likes: it does not hear how long drafts should be. Default: it obeys. */
  readonly ignoresAdvice?: boolean;
}

export interface ServerModel {
  /** Whether each device shows a key of its own. Default: no key is asked for. */
  readonly hasKeys?: boolean;
  /** Of the runs. Default: none asks for any. */
  readonly cover?: ShapingModel;
  readonly slotCount: NumberRange;
  readonly contextLength: NumberRange;
  readonly passTokensMax: NumberRange;
  readonly passRowsMax: NumberRange;
  readonly connectionsMax: NumberRange;
  readonly sessionsMax: NumberRange;
  readonly swapBytesMax: NumberRange;
  readonly slotQuantumTokens: NumberRange;
  readonly resumeMs: NumberRange;
  readonly silenceMs: NumberRange;
  readonly retryAfterMs: NumberRange;
  readonly draftTokensMax: NumberRange;
  readonly windowTokensMax: NumberRange;
  /**
   * Share of the runs that batch as SLED does, with this count and wait; the others batch
   * continuously.
   */
  readonly static: {
    readonly share: number;
    readonly count: NumberRange;
    readonly waitMs: NumberRange;
  };
  /**
   * Milliseconds of a pass: by hand, from measured passes (`passCostFrom`), or as a server's /stats
   * has it (`core.passCost`).
   */
  readonly pass: PassCost;
  /** Each pass takes this much longer at most, as a share, uniform. */
  readonly passNoise: NumberRange;
  /** Milliseconds of saving or restoring a slot, for each token it holds. */
  readonly swapTokenMs: number;
  /** Default: they draft nothing. */
  readonly drafting?: ServerDraftModel;
  /**
   * Share of the runs whose target has an early exit, after which share of a pass, and how often it
   * is right.
   */
  readonly exit: {
    readonly share: number;
    readonly place: NumberRange;
    readonly agreement: NumberRange;
  };
}

/** What the servers of a run draft themselves. */
export interface ServerDraftModel {
  /** Share of the runs with a draft model beside the target. */
  readonly share: number;
  /** How far it is from the target, as `DeviceKind.divergence`. */
  readonly divergence: NumberRange;
  /** Its context as a share of the target's. Default: as long. */
  readonly contextShare?: NumberRange;
  /** Milliseconds of one of its passes. */
  readonly pass: PassCost;
  /** Share of the runs in which drafts are looked up, in texts of so many bytes a key. */
  readonly suffixShare: number;
  readonly suffixBytesMax: NumberRange;
  /** Tokens that it drafts each round in mode `co-located`. */
  readonly fixedLength: NumberRange;
}

export interface Workload {
  /** Mean time between two requests of one device. */
  readonly everyMs: NumberRange;
  /** Requests of a device at most. */
  readonly countMax: NumberRange;
  readonly promptTokens: NumberRange;
  /** Share of the prompts that begin like others. */
  readonly sharedPromptShare: number;
  readonly answerTokens: NumberRange;
  /** Share of the answers that are long, and how long. */
  readonly longShare: number;
  readonly longTokens: NumberRange;
  readonly schemes: readonly Scheme[];
  readonly modes: readonly Mode[];
  readonly fallbacks: readonly GenerateRequest['fallback'][];
  readonly temperature: NumberRange;
  readonly windowMax: NumberRange;
  readonly draftLengthMax: NumberRange;
  /**
   * Share of the requests with penalties, with an end token that may come up, and with a filter.
   */
  readonly penaltyShare: number;
  readonly endShare: number;
  readonly filterShare: number;
  /** Share of the `split` requests whose laws are cut. */
  readonly cutShare: number;
}

/** Everything that can go wrong; fault-plan.ts says how each does. */
export const faultKinds = [
  'cut',
  'half-open',
  'stall',
  'slow-link',
  'outage',
  'storm',
  'repeat',
  'false-hint',
  'device-crash',
  'slow-device',
  'clock-skew',
  'drafter-failure',
  'cancel',
  'server-crash',
  'drain',
  'engine-error',
  'slow-pass',
  'crowd',
  'server-drafter-failure',
  'server-drafter-slow',
  'server-drafter-wrong',
  'spoilt-image',
  'lost-slot',
] as const;
export type FaultKind = (typeof faultKinds)[number];

export interface Scenario {
  readonly name: string;
  /** Requests are made and faults begin in [0, this). */
  readonly durationMs: number;
  /** A request must have ended so long after it was made and after the last fault was over. */
  readonly graceMs: number;
  readonly serverCount: NumberRange;
  readonly server: ServerModel;
  readonly deviceCount: NumberRange;
  readonly devices: readonly DeviceKind[];
  readonly work: Workload;
  /** How many of each kind a run has on average, before the swarm; absent: none. */
  readonly faults: { readonly [kind in FaultKind]?: number };
  /** Chance that a run leaves a kind of fault out altogether (swarm testing, Groce et al. 2012). */
  readonly offShare: number;
}
