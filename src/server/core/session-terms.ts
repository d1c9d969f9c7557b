// Holds what a session was asked for and granted when it was opened.

import type { SlotConfig } from '../../engine/engine.js';
import type { CutLimit } from '../../math/cut-law.js';
import type { Mode, Scheme, TrafficShaping } from '../../protocol/frame.js';
import type { TokenLog } from '../../protocol/token-log.js';
import type { SessionAddress } from './session-status.js';
import type { Tenant } from './tenants/tenant.js';

export interface SessionTerms {
  readonly scheme: Scheme;
  readonly mode: Mode;
  readonly promptLength: number;
  /** The session ends when the log is this long. */
  readonly lengthMax: number;
  /** Whether `lengthMax` is the end of the context rather than what the device asked for. */
  readonly endsAtContext: boolean;
  /** Tokens that end a text. */
  readonly endOfText: ReadonlySet<number>;
  readonly windowMax: number;
  readonly cut: CutLimit | null;
  /** Whether the device has a use for hints, and the target of this server an exit to make them. */
  readonly wantsHints: boolean;
  /** As the device or the server asks for; kept for a resumption. */
  readonly shaping: TrafficShaping;
  /** Alternatives that log-probabilities come with; null: none come. */
  readonly topLogprobs: number | null;
  readonly config: SlotConfig;
  /** Images of its prompt, which it holds until it is forgotten; null: there are none. */
  readonly hold: number | null;
  /** The tenant that opened it. No other may resume it. */
  readonly tenant: Tenant;
}

export interface NewSession {
  readonly key: number;
  readonly terms: SessionTerms;
  /** Prompt and committed answer; the session's from here on. */
  readonly log: TokenLog;
  /** [32] hex digits. */
  readonly resumeKey: string;
  readonly address: SessionAddress;
}
