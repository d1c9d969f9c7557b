// What an answer cost and how it came to be, counted while it runs. Shares are made of counts at the end only.

import type { SpeculationGate } from './drafting/speculation-gate.js';
import type { Timings } from './drafting/timings.js';
import type { TokenOrigin } from './token.js';

/** Of an answer's messages, without the framing of the layers below; counted by the shell, which has the bytes. */
export interface ByteCounts {
  readonly upBytes: number;
  readonly downBytes: number;
}

export type Statistics = CoreStatistics & ByteCounts;

/** Rates are null where nothing was counted; times in milliseconds. */
export interface CoreStatistics {
  readonly tokenCount: number;
  readonly origins: Readonly<Record<Exclude<TokenOrigin, 'provisional'>, number>>;
  /** From the request to the first token told, and to the end. */
  readonly firstTokenMs: number | null;
  readonly totalMs: number;
  readonly tokensPerSecond: number | null;
  readonly draftedCount: number;
  /** Passes of the drafter that gave them: fewer where branches were drafted side by side. What drafting takes in time
   * and energy goes by passes: a further row of one takes less than another pass. */
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
  /** Drafted tokens that became text, whoever said them first, and those that did not; together all that were drafted. */
  readonly keptCount: number;
  readonly wastedCount: number;
  /** Of the drafted tokens, those of branches; and of these, those that became text or part of the chain. */
  readonly branchTokenCount: number;
  readonly branchUsedCount: number;
  /** Chains that were contradicted or overtaken: a branch was there, by what it rested on, or none was. */
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
  /** Drafting stood still because it could not overtake the server. */
  readonly pauseCount: number;
  readonly pausedMs: number;
  /** The server's last word on how long drafts should be; 0: not to draft; null: it said nothing. */
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
  branchTokenCount = 0;
  branchUsedCount = 0;
  runnerUpHitCount = 0;
  hintHitCount = 0;
  branchMissCount = 0;
  hintCount = 0;
  lateHintCount = 0;
  hintRightCount = 0;
  /** Of the hints whose verdict has come. */
  readonly hintLead = { count: 0, totalMs: 0 };
  upMessageCount = 0;
  downMessageCount = 0;
  resendCount = 0;
  resumeCount = 0;
}

export interface StatisticsParts {
  readonly tally: AnswerTally;
  readonly timings: Timings;
  readonly speculationGate: SpeculationGate;
  /** Counts of tokens that were shown unverified, and of those taken back. */
  readonly userFeed: { readonly provisionalCount: number; readonly retractedCount: number };
  readonly startedMs: number;
  readonly advisedDraftLength: number | null;
}

const share = (part: number, whole: number): number | null => (whole > 0 ? part / whole : null);

/** What one answer took and gave; shares and rates are null where nothing was counted. @param nowMs its end, or now. */
export function statisticsOf(
  {
    tally,
    timings: pace,
    speculationGate: overtaking,
    userFeed: teller,
    startedMs,
    advisedDraftLength,
  }: StatisticsParts,
  nowMs: number,
): CoreStatistics {
  const { origins, firstTokenMs, rejectedCount, hintLead, ...counts } = tally;
  const tokenCount = Object.values(origins).reduce((sum, count) => sum + count, 0);
  const totalMs = nowMs - startedMs;
  const testedCount = counts.acceptedCount + rejectedCount;
  return {
    ...counts,
    origins: { ...origins },
    tokenCount,
    firstTokenMs: firstTokenMs === null ? null : firstTokenMs - startedMs,
    totalMs,
    tokensPerSecond: share(tokenCount * 1000, totalMs),
    testedCount,
    acceptanceRate: share(counts.acceptedCount, testedCount),
    draftEfficiency: share(counts.acceptedCount, counts.draftedCount),
    chainSurvival: share(counts.chainSurvivedCount, counts.chainTestedCount),
    hintLeadMs: share(hintLead.totalMs, hintLead.count),
    pauseCount: overtaking.pauseCount,
    pausedMs: overtaking.pausedMs(nowMs),
    advisedDraftLength,
    provisionalCount: teller.provisionalCount,
    retractedCount: teller.retractedCount,
    draftMs: pace.draft.mean,
    verifyMs: pace.pass.mean,
    queueMs: pace.queue.mean,
    roundTripMs: pace.roundTrip.mean,
  };
}
