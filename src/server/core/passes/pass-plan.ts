// Plans the next pass: which sessions, how many of their drafts, how much of which prompts. Pure:
// waiting work, bounds and a time model in, a plan out. Keys take turns where there are several
// (fair-share.ts). Two ways: continuous (deadlines, bounded time), and static as in SLED (arXiv
// 2506.09397: wait for a full batch, pad to the longest draft), kept as the baseline.

import { assert } from '../../../base/assert.js';
import type { Batching } from '../settings.js';
import type { Fairness } from '../tenants/fair-share.js';
import {
  Batch,
  type BatchBounds,
  type Candidate,
  fillOf,
  type PassPlan,
  type Predict,
} from './batch.js';

/** Fewest missing tokens of a prompt: a correction or a residual token leaves one or two. */
const prefillFrom = 9;

/**
 * The next pass.
 *
 * @param candidates distinct keys.
 */
export function planPass(
  candidates: readonly Candidate[],
  bounds: BatchBounds,
  predict: Predict,
  nowMs: number,
): PassPlan {
  assert(bounds.prefillShare > 0 && bounds.prefillShare < 1, `share ${bounds.prefillShare}`);
  const solvent = solventOf(candidates, bounds.fairness);
  const prompts = solvent.filter((candidate) => isPrompt(candidate));
  const rounds = solvent.filter((candidate) => !isPrompt(candidate));
  if (bounds.batching.kind === 'static') {
    return planStatic(rounds, prompts, { bounds, predict, nowMs }, bounds.batching);
  }
  return planContinuous(rounds, prompts, bounds, predict);
}

/** Sessions whose keys owe nothing; all of them where every key does: the engine shall not idle. */
function solventOf(
  candidates: readonly Candidate[],
  fairness: Fairness | null,
): readonly Candidate[] {
  if (fairness === null) return candidates;
  const solvent = candidates.filter(({ tenant }) => fairness.creditMsOf(tenant) >= 0);
  return solvent.length > 0 ? solvent : candidates;
}

function isPrompt({ missingCount, wantsJudging }: Candidate): boolean {
  return missingCount >= prefillFrom || !wantsJudging;
}

function planContinuous(
  rounds: readonly Candidate[],
  prompts: readonly Candidate[],
  bounds: BatchBounds,
  predict: Predict,
): PassPlan {
  const batch = new Batch(bounds, predict);
  const reserved = Math.min(promptTokens(prompts), batch.promptShare);
  addRounds(batch, rounds, bounds.passTokensMax - reserved, bounds.passMsMax);
  addPrompts(batch, prompts);
  return batch.plan();
}

function promptTokens(prompts: readonly Candidate[]): number {
  return prompts.reduce((sum, prompt) => sum + fillOf(prompt), 0);
}

/**
 * Of each key the first, then of each the second, and so on: a key with many sessions is not served
 * before the others.
 *
 * @param sorted in the order in which sessions of one key are served, which is the order of all
 *   where nothing is shared.
 */
function inTurns(sorted: readonly Candidate[], fairness: Fairness | null): Turn[] {
  const counts = new Map<number, number>();
  const turns = sorted.map((candidate): Turn => {
    const turn = counts.get(candidate.tenant) ?? 0;
    counts.set(candidate.tenant, turn + 1);
    return { candidate, turn };
  });
  return fairness === null ? turns : turns.toSorted((a, b) => a.turn - b.turn);
}

interface Turn {
  readonly candidate: Candidate;
  /** How many of the same key go before it. */
  readonly turn: number;
}

/** Sessions by deadline, then a draft for each in turn: no chain crowds out others. */
function addRounds(
  batch: Batch,
  rounds: readonly Candidate[],
  tokensMax: number,
  msMax: number,
): void {
  const byDeadline = rounds.toSorted((a, b) => a.deadlineMs - b.deadlineMs || a.key - b.key);
  let open: Candidate[] = [];
  for (const { candidate, turn } of inTurns(byDeadline, batch.fairness)) {
    if (batch.addRound(candidate, tokensMax, msMax, turn === 0)) open.push(candidate);
  }
  for (let depth = 0; open.length > 0; depth++) {
    open = open.filter(
      (candidate) => depth < candidate.draftCount && batch.addDraft(candidate, tokensMax, msMax),
    );
  }
}

/** Prompts in order of arrival: their guaranteed share, and more while time is left. */
function addPrompts(batch: Batch, prompts: readonly Candidate[]): void {
  const byArrival = prompts.toSorted(
    (a, b) => a.waitingSinceMs - b.waitingSinceMs || a.key - b.key,
  );
  let guaranteed = batch.promptShare;
  for (const { candidate: prompt, turn } of inTurns(byArrival, batch.fairness)) {
    const count = batch.addPrompt(prompt, guaranteed, turn === 0);
    guaranteed -= count;
    // Where keys share, it may be its key that has had enough.
    const isCut = count < Math.min(fillOf(prompt), prompt.fillMax ?? Infinity);
    if (isCut && batch.fairness === null) return;
  }
}

interface StaticContext {
  readonly bounds: BatchBounds;
  readonly predict: Predict;
  readonly nowMs: number;
}

/** Prompts fill passes of their own while the batch of requests is not yet complete. */
function planStatic(
  rounds: readonly Candidate[],
  prompts: readonly Candidate[],
  { bounds, predict, nowMs }: StaticContext,
  { count, waitMs }: Extract<Batching, { kind: 'static' }>,
): PassPlan {
  const batch = new Batch(bounds, predict);
  const byArrival = rounds.toSorted((a, b) => a.waitingSinceMs - b.waitingSinceMs || a.key - b.key);
  const untilMs = (byArrival[0]?.waitingSinceMs ?? Infinity) + waitMs;
  if (byArrival.length >= count || nowMs >= untilMs) {
    addRounds(batch, byArrival.slice(0, count), bounds.passTokensMax, Infinity);
    batch.pad();
    return batch.plan();
  }
  addPrompts(batch, prompts);
  const plan = batch.plan();
  return plan.kind === 'idle' && rounds.length > 0 ? { kind: 'wait', untilMs } : plan;
}
