// Counts what an answer cost and where its tokens came from. Rates are computed from counts at the
// end.

import type { BranchTally } from './drafting/ahead/branch-tally.js';
import type { SpeculationGate } from './drafting/speculation-gate.js';
import type { Timings } from './drafting/timings.js';
import type { TokenOrigin, TokenSource } from './token.js';

/** Of an answer's messages, without the framing below them; counted by the shell. */
export interface ByteCounts {
  readonly upBytes: number;
  readonly downBytes: number;
}

/** What an answer cost and where its tokens came from. */
export interface Statistics extends CoreStatistics, ByteCounts {}

/** Rates are null where nothing was counted; times in milliseconds. */
export interface CoreStatistics {
  readonly tokenCount: number;
  readonly origins: Readonly<Record<Exclude<TokenOrigin, 'provisional'>, number>>;
  /**
   * Tokens by the draft that a pass took each from; together tokenCount. Where the server does not
   * tell (all modes but auto and co-located), `device` is origins.drafted.
   */
  readonly sources: Readonly<Record<TokenSource, number>>;
  /** From the request to the first token told, and to the end. */
  readonly firstTokenMs: number | null;
  readonly totalMs: number;
  readonly tokensPerSecond: number | null;
  readonly draftedCount: number;
  /** Passes of the drafter, whose time and energy follow them: branches share some. */
  readonly draftPassCount: number;
  readonly sentCount: number;
  readonly acceptedCount: number;
  readonly testedCount: number;
  /** accepted / tested. */
  readonly acceptanceRate: number | null;
  /** accepted / drafted. */
  readonly draftEfficiency: number | null;
  readonly verdictCount: number;
  /** Verdicts of which at least one draft was tested. */
  readonly roundCount: number;
  /** Verdicts that reached into the drafted chain, and those of them after which it stood. */
  readonly chainTestedCount: number;
  readonly chainSurvivedCount: number;
  readonly chainSurvival: number | null;
  readonly draftStartCount: number;
  /** Tokens drafted while a verdict was outstanding that became text. */
  readonly aheadUsedCount: number;
  /** Drafted tokens that became text, and those that did not; together all that were drafted. */
  readonly keptCount: number;
  readonly wastedCount: number;
  /** Of the drafted tokens, those of branches; of these, those that became text or chain. */
  readonly branchTokenCount: number;
  readonly branchUsedCount: number;
  /** Chains contradicted or overtaken, by source of the branch that matched, or without one. */
  readonly runnerUpHitCount: number;
  readonly hintHitCount: number;
  readonly branchMissCount: number;
  /** Hints in time, and those dropped because their verdict had come or their chain had gone. */
  readonly hintCount: number;
  readonly lateHintCount: number;
  /** Of those in time, how many named the token that came, at its place, first. */
  readonly hintRightCount: number;
  /** From a hint to its verdict, on average. */
  readonly hintLeadMs: number | null;
  readonly upMessageCount: number;
  readonly downMessageCount: number;
  readonly resendCount: number;
  readonly resumeCount: number;
  /** Drafting paused because it could not beat the server. */
  readonly pauseCount: number;
  readonly pausedMs: number;
  /** The server's newest advice on the draft length; 0: do not draft; null: no advice. */
  readonly advisedDraftLength: number | null;
  readonly provisionalCount: number;
  readonly retractedCount: number;
  readonly draftMs: number | null;
  readonly verifyMs: number | null;
  readonly queueMs: number | null;
  readonly roundTripMs: number | null;
}

export class AnswerTally {
  readonly origins = { drafted: 0, residual: 0, bonus: 0, target: 0 };
  readonly sources = { device: 0, model: 0, suffix: 0 };
  firstTokenMs: number | null = null;
  draftedCount = 0;
  draftPassCount = 0;
  sentCount = 0;
  acceptedCount = 0;
  rejectedCount = 0;
  verdictCount = 0;
  roundCount = 0;
  chainTestedCount = 0;
  chainSurvivedCount = 0;
  draftStartCount = 0;
  aheadUsedCount = 0;
  keptCount = 0;
  wastedCount = 0;
  upMessageCount = 0;
  downMessageCount = 0;
  resendCount = 0;
  resumeCount = 0;
  /** Tokens that were shown unverified, and those taken back. */
  provisionalCount = 0;
  retractedCount = 0;

  get tokenCount(): number {
    return Object.values(this.origins).reduce((sum, count) => sum + count, 0);
  }
}

export interface StatisticsParts {
  readonly tally: AnswerTally;
  readonly timings: Timings;
  readonly speculationGate: SpeculationGate;
  readonly draftPlanner: { readonly tally: Readonly<BranchTally> };
  readonly startedMs: number;
  readonly advisedDraftLength: number | null;
}

const share = (part: number, whole: number): number | null => (whole > 0 ? part / whole : null);

/** Rates are null where nothing was counted. @param nowMs its end, or now. */
export function statisticsOf(
  { tally, timings, speculationGate, draftPlanner, startedMs, advisedDraftLength }: StatisticsParts,
  nowMs: number,
): CoreStatistics {
  const { origins, sources, firstTokenMs, rejectedCount, ...counts } = tally;
  const { hintLead, branchWastedCount, ...branches } = draftPlanner.tally;
  const { tokenCount } = tally;
  const totalMs = nowMs - startedMs;
  const testedCount = counts.acceptedCount + rejectedCount;
  return {
    ...counts,
    ...branches,
    wastedCount: counts.wastedCount + branchWastedCount,
    origins: { ...origins },
    sources: { ...sources, target: tokenCount - sources.device - sources.model - sources.suffix },
    tokenCount,
    firstTokenMs: firstTokenMs === null ? null : firstTokenMs - startedMs,
    totalMs,
    tokensPerSecond: share(tokenCount * 1000, totalMs),
    testedCount,
    acceptanceRate: share(counts.acceptedCount, testedCount),
    draftEfficiency: share(counts.acceptedCount, counts.draftedCount),
    chainSurvival: share(counts.chainSurvivedCount, counts.chainTestedCount),
    hintLeadMs: share(hintLead.totalMs, hintLead.count),
    pauseCount: speculationGate.pauseCount,
    pausedMs: speculationGate.pausedMs(nowMs),
    advisedDraftLength,
    draftMs: timings.draft.mean,
    verifyMs: timings.pass.mean,
    queueMs: timings.queue.mean,
    roundTripMs: timings.roundTrip.mean,
  };
}
