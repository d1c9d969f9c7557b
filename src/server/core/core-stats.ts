// Counts what the server core does, and defines the snapshot for `pilotfish top` and /stats. Counts
// since the start; quantiles over the recent past.

import type { PassCost, PassTimeError } from '../../math/pass-time.js';
import type { Mode, SourceCounts, TrafficShaping } from '../../protocol/frame.js';
import {
  addTests,
  difference,
  noServerTests,
  noSources,
  type ServerTests,
  sum,
} from './drafting/source-tally.js';
import { type Quantiles, RecentSamples } from './recent-samples.js';
import type { Trust } from './tenants/draft-trust.js';

/** Use of one key. */
export interface TenantStats {
  /** Id of the key; null: callers without a key. */
  readonly id: string | null;
  readonly connectionCount: number;
  readonly sessionCount: number;
  /** Tokens judged or written for it. */
  readonly judgedCount: number;
  readonly committedCount: number;
  /** Refusals because it had used up what it may. */
  readonly refusalCount: number;
  /** Rate of its recent drafts; a guess before there are any. */
  readonly acceptanceRate: number;
  /** Trust in all its sessions together; a new session starts no lower than cut. */
  readonly draftTrust: Trust;
  /** Engine time that it has saved up for a burst. */
  readonly creditMs: number;
}

/** What a server has counted since its start, and quantiles over the recent past. */
export interface CoreStats {
  readonly connectionCount: number;
  readonly sessionCount: number;
  readonly detachedCount: number;
  /** Sessions that are not over, by mode. */
  readonly sessionsByMode: { readonly [mode in Mode]: number };
  /** Sessions that are not over whose drafts are cut to one, or not tested any more. */
  readonly distrusted: { readonly cutCount: number; readonly offCount: number };
  /** Sessions that are not over and have been advised: all, and those advised none. */
  readonly advised: {
    readonly sessionCount: number;
    readonly meanLength: number;
    readonly noneCount: number;
  };
  /** Keys used recently; all callers without a key count as one. */
  readonly accountCount: number;
  /** Those with most judged tokens; at most 16. */
  readonly accounts: readonly TenantStats[];
  readonly slotCount: number;
  readonly slotsOwned: number;
  /** Sessions that have work and are not in the pass in flight. */
  readonly queueLength: number;
  /** Those without a slot. */
  readonly waitingForSlot: number;
  readonly images: {
    readonly count: number;
    /** Images of sessions; the others are of texts that were left. */
    readonly waitingCount: number;
    readonly bytes: number;
  };
  readonly evictionCount: number;
  readonly restoreCount: number;
  readonly sharedTokenCount: number;
  /** Caches that the engine could not save, restore, copy or cut: computed again. */
  readonly lostCacheCount: number;
  readonly passCount: number;
  readonly passFailureCount: number;
  /** Tokens fed and rows judged by all passes. */
  readonly fedCount: number;
  readonly rowCount: number;
  /** Milliseconds in which a pass was in flight. */
  readonly busyMs: number;
  readonly committedCount: number;
  /** Of them, those that were drafted, by what drafted them. */
  readonly sources: SourceCounts;
  /** Draft stages, what the draft model has drafted in them, and how often it has failed. */
  readonly stageCount: number;
  readonly modelDraftedCount: number;
  readonly draftFailureCount: number;
  /** Drafts of devices. */
  readonly testedCount: number;
  readonly acceptedCount: number;
  /** Drafts of the server; those that stood are in `sources`. */
  readonly serverTests: ServerTests;
  /** Sessions in passes that tested drafts of theirs, counted once for each pass. */
  readonly roundCount: number;
  readonly verdictCount: number;
  readonly hintCount: number;
  /** Traffic shaping of every session, and how many connections are shaped. */
  readonly cover: TrafficShaping & { readonly connectionCount: number };
  /** Messages without content, sent so that no flush was empty. */
  readonly coverCount: number;
  readonly failureCount: number;
  /** Of them, sessions whose key had used up what it may. */
  readonly quotaRefusalCount: number;
  /** Sessions judged, tokens fed, milliseconds of a pass. */
  readonly passSessions: Quantiles;
  readonly passTokens: Quantiles;
  readonly passMs: Quantiles;
  /** From the newest tested draft's arrival to its verdict. */
  readonly verdictMs: Quantiles;
  readonly passCost: PassCost;
  readonly passTimeError: PassTimeError;
}

/** The counters that only grow, and the recent past. */
export class Counters {
  passCount = 0;
  passFailureCount = 0;
  fedCount = 0;
  rowCount = 0;
  busyMs = 0;
  committedCount = 0;
  sources: SourceCounts = noSources;
  stageCount = 0;
  modelDraftedCount = 0;
  draftFailureCount = 0;
  testedCount = 0;
  acceptedCount = 0;
  serverTests = noServerTests;
  roundCount = 0;
  verdictCount = 0;
  hintCount = 0;
  coverCount = 0;
  failureCount = 0;
  quotaRefusalCount = 0;
  readonly passSessions = new RecentSamples();
  readonly passTokens = new RecentSamples();
  readonly passMs = new RecentSamples();
  readonly verdictMs = new RecentSamples();

  /** @param before and after, of one session. */
  countSources(before: SourceCounts, after: SourceCounts): void {
    this.sources = sum(this.sources, difference(after, before));
  }

  /** @param before and after, of one session. */
  countTests(before: ServerTests, after: ServerTests): void {
    this.serverTests = addTests(this.serverTests, before, after);
  }

  get snapshot() {
    const { passSessions, passTokens, passMs, verdictMs, ...counts } = this;
    return {
      ...counts,
      passSessions: passSessions.quantiles,
      passTokens: passTokens.quantiles,
      passMs: passMs.quantiles,
      verdictMs: verdictMs.quantiles,
    };
  }
}
