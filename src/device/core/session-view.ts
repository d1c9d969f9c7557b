// Defines the read-only view of an answer that planners get. The session satisfies it and applies
// what they return.

import type { Welcome } from '../../protocol/frame.js';
import type { SessionState } from '../../protocol/session-state.js';
import type { ChainView } from './draft-chain.js';
import type { RunView } from './drafting/draft-runner.js';
import type { TimingsView } from './drafting/timings.js';
import type { GenerateRequest } from './event.js';
import type { Committed } from './reconcile.js';
import type { DeviceCoreSettings } from './settings.js';

export interface SessionView {
  readonly request: GenerateRequest;
  readonly settings: DeviceCoreSettings;
  readonly startedMs: number;
  readonly link: LinkView;
  readonly timings: TimingsView;
  /** The session on the wire; null while there is none. */
  readonly wire: { readonly id: number; readonly state: SessionState } | null;
  /** Null until the prompt's ids are known. */
  readonly text: SessionTextView | null;
  readonly drafting: RunView;
  /** `split`: the residual token that the server lacks; open while the whole law is needed. */
  readonly residual: { readonly token: number | null; readonly isOpen: boolean } | null;
  /** Position after the last token that the answer may have, once the prompt is known. */
  readonly endMax: number;
  /** Granted by the server; 0 before. */
  readonly windowMax: number;
  /** The server's last word on how long drafts should be. */
  readonly advisedDraftLength: number | null;
  readonly lastVerdictMs: number | null;
  readonly lastSendMs: number | null;
  /** Verdict time-outs in a row. */
  readonly timeouts: number;
  /** Whether an answer to a draft is outstanding. */
  readonly isAwaiting: boolean;
  readonly isOver: boolean;
  /** Tokens that may be drafted now: a few now and then while drafting rests, else Infinity. */
  readonly draftAllowance: number;
}

/** The connection as planners read it. */
export interface LinkView {
  /** The server's offer while the link is up, else null. */
  readonly welcome: Welcome | null;
  /** Since when it is down; null while up. */
  readonly downSinceMs: number | null;
  /** Since when no link has been of use, and none stands; null while one does. */
  readonly awaySinceMs: number | null;
  /** The next moment at which drafts leave; null: whenever they like. */
  readonly flushMs: number | null;
}

export interface SessionTextView {
  readonly promptLength: number;
  /** The committed tokens, prompt included. */
  readonly log: Committed;
  readonly chain: ChainView;
}
